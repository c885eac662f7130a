"""A file of inputs, a table and a csv of their predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import batch, results
from toolkit.demo.flat import ROWS
from toolkit.demo.messages import errors_shown
from toolkit.demo.summary import plain
from toolkit.demo.uploads import MAX_MEGABYTES
from toolkit.demo.widgets import INPUTS

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.tasks.protocol import Prediction

CHUNK = 256
"""Inputs per step of the progress bar."""

WIDE = 360
"""Pixels of the column with the inputs."""

PROGRESS = gr.Progress()
"""Gradio puts a call's own progress in place of this default argument."""


class FileTab:
    """The tab for a whole file."""

    title = "A whole file"

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.asked = artifact.signature.input
        self.rows = ROWS[type(artifact.signature.output)]
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
            f"Up to {batch.MAX_ROWS:,} rows and {MAX_MEGABYTES} MB. The result keeps your columns and "
            f"adds the prediction; a txt file has one {self.asked.name} a line. "
            "Files are deleted when the demo ends.",
            elem_classes="hint",
        )
        file.upload(self.open, file, column, api_visibility="private")
        file.clear(self.close, None, column, api_visibility="private", queue=False)
        results.connect(button, self.predict, [file, column], results.build(), api_name="predict_file")

    def open(self, path: str) -> Any:
        """Offer the columns of an uploaded file, the likely one chosen."""
        with errors_shown():
            table = batch.read_table(Path(path))
        return gr.update(choices=table.columns, value=batch.guess_column(table, self.likely))

    def close(self) -> Any:
        """Forget the columns of a file that was taken away."""
        return gr.update(choices=[], value=None)

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
            result = batch.add_predictions(table, self._predict(values, progress), self.rows.of)
        text = f"Predicted **{len(values):,} rows** from column **{plain(column)}** of {plain(table.name)}."
        return results.shown(text, result, {column: WIDE})

    def _predict(self, values: list[Any], progress: gr.Progress) -> list[Prediction]:
        predictions: list[Prediction] = []
        for start in range(0, len(values), CHUNK):
            progress((start, len(values)), desc="Predicting", unit="rows")
            predictions += self.artifact.predict(values[start : start + CHUNK])
        return predictions
