"""A file of inputs, a table and a csv of their predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import batch
from toolkit.demo.messages import MODEL, errors_shown, said
from toolkit.demo.serve import upload_folder
from toolkit.demo.summary import plain
from toolkit.demo.widgets import INPUTS

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.tasks.protocol import Prediction

CHUNK = 256
"""Inputs per step of the progress bar."""

PROGRESS = gr.Progress()
"""Gradio puts a call's own progress in place of this default argument."""

PREVIEW = 100
"""Rows shown on the page; the file to download holds all."""


class FileTab:
    """The tab for a whole file."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.asked = artifact.signature.input
        trained = artifact.manifest.get("data", {}).get("columns", {}).get(self.asked.name)
        self.likely = [trained, self.asked.name] if isinstance(trained, str) else [self.asked.name]

    def build(self) -> None:
        """The file and its column above, the table and the download below."""
        with gr.Row(equal_height=True):
            with gr.Column(scale=3, min_width=320):
                file = gr.File(
                    label=f"File: {', '.join(batch.SUFFIXES)}",
                    file_types=list(batch.SUFFIXES),
                    height=150,
                    elem_id="file",
                )
            with gr.Column(scale=2, min_width=300):
                column = gr.Dropdown(
                    label=f"Column with the {self.asked.name}",
                    info="Guessed from the file; choose another one if the guess is wrong.",
                    choices=[],
                    allow_custom_value=True,
                    elem_id="column",
                )
                button = gr.Button("Predict all", variant="primary", elem_id="predict-file")
        gr.Markdown(
            f"Up to {batch.MAX_ROWS:,} rows and {batch.MAX_MEGABYTES} MB. The result keeps your columns and "
            f"adds the prediction; a txt file has one {self.asked.name} a line. "
            "Files are deleted when the demo ends.",
            elem_classes="hint",
        )
        message = gr.Markdown(elem_id="said", visible=False)
        table = gr.Dataframe(interactive=False, visible=False, max_height=460, elem_id="table")
        download = gr.DownloadButton("Download predictions (csv)", visible=False, elem_id="download")
        self._connect(file, column, button, [message, table, download])

    def _connect(self, file: Any, column: Any, button: Any, outputs: list[Any]) -> None:
        """A new file takes the results of the one before off the page; so does an error."""
        file.change(self.clear, None, outputs, api_visibility="private", queue=False)
        file.upload(self.open, file, column, api_visibility="private")
        file.clear(self.close, None, column, api_visibility="private", queue=False)
        started = button.click(
            self.predict,
            [file, column],
            outputs,
            api_name="predict_file",
            concurrency_id=MODEL,
            trigger_mode="once",
            show_progress_on=file,
        )
        started.failure(self.clear, None, outputs, api_visibility="private")

    def open(self, path: str) -> Any:
        """Offer the columns of an uploaded file, the likely one chosen."""
        with errors_shown():
            table = batch.read_table(Path(path))
        return gr.update(choices=table.columns, value=batch.guess_column(table, self.likely))

    def close(self) -> Any:
        """Forget the columns of a file that was taken away."""
        return gr.update(choices=[], value=None)

    def clear(self) -> tuple[Any, Any, Any]:
        """Take results off the page."""
        return said(""), gr.update(value=None, visible=False), gr.update(value=None, visible=False)

    def predict(
        self, path: str | None, column: str | None = None, progress: gr.Progress = PROGRESS
    ) -> tuple[Any, Any, Any]:
        """Predict every row of a file, or none when a row cannot be used."""
        with errors_shown():
            if not path:
                raise ValueError("choose a file first")
            table = batch.read_table(Path(path))
            column = column or batch.require_column(table, self.likely)
            values = batch.take_column(table, column, INPUTS[type(self.asked)].check)
            result = batch.add_predictions(table, self._predict(values, progress))
            saved = batch.write_csv(result, upload_folder())
        text = f"Predicted **{len(values):,} rows** from column **{plain(column)}** of {plain(table.name)}."
        if len(result.rows) > PREVIEW:
            text += f" The first {PREVIEW} are shown; the file to download holds all of them."
        return said(text), _preview(result, column), gr.update(value=str(saved), visible=True)

    def _predict(self, values: list[Any], progress: gr.Progress) -> list[Prediction]:
        predictions: list[Prediction] = []
        for start in range(0, len(values), CHUNK):
            progress((start, len(values)), desc="Predicting", unit="rows")
            predictions += self.artifact.predict(values[start : start + CHUNK])
        return predictions


def _preview(table: batch.Table, column: str) -> Any:
    """The first rows, wide enough to read: the table scrolls sideways rather than break words."""
    widths = [360 if name == column else max(80, 9 * len(name) + 30) for name in table.columns]
    value = {"headers": table.columns, "data": table.rows[:PREVIEW]}
    return gr.update(value=value, column_widths=[f"{width}px" for width in widths], visible=True)
