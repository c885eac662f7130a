"""A file of inputs, a table and a csv of their predictions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import batch, results
from toolkit.demo.flat import ROWS
from toolkit.demo.inputs import INPUTS, check_text
from toolkit.demo.messages import errors_shown
from toolkit.demo.summary import plain
from toolkit.demo.uploads import MAX_MEGABYTES
from toolkit.tasks.signature import roles_in

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
        self.roles = roles_in(self.asked)
        self.alone = len(self.roles) == 1
        self.rows = ROWS[type(artifact.signature.output)]
        trained = artifact.manifest.get("data", {}).get("columns", {})
        self.likely = {
            role: [name for name in (trained.get(role), role) if isinstance(name, str)] for role in self.roles
        }

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
                columns = [
                    _chooser(role, f"column-{role}" if number else "column")
                    for number, role in enumerate(self.roles)
                ]
                button = gr.Button("Predict all", variant="primary", elem_id="predict-file")
        gr.Markdown(
            f"Up to {batch.MAX_ROWS:,} rows and {MAX_MEGABYTES} MB. The result keeps your columns and "
            f"adds the prediction{self._of_texts}. Files are deleted when the demo ends.",
            elem_classes="hint",
        )
        file.upload(self.open, file, columns, api_visibility="private")
        file.clear(self.close, None, columns, api_visibility="private", queue=False)
        results.connect(button, self.predict, [file, *columns], results.build(), api_name="predict_file")

    @property
    def _of_texts(self) -> str:
        """What is to be said of files without columns."""
        return f"; a txt file has one {self.asked.name} a line" if self.alone else ""

    def open(self, path: str) -> Any:
        """Offer the columns of an uploaded file, the likely ones chosen."""
        with errors_shown():
            table = batch.read_table(Path(path))
        guesses = [batch.guess_column(table, self.likely[role], alone=self.alone) for role in self.roles]
        return _each([gr.update(choices=table.columns, value=guess) for guess in guesses])

    def close(self) -> Any:
        """Forget the columns of a file that was taken away."""
        return _each([gr.update(choices=[], value=None) for _ in self.roles])

    def predict(
        self,
        path: str | None,
        column: str | None = None,
        other: str | None = None,
        progress: gr.Progress = PROGRESS,
    ) -> tuple[Any, Any, Any]:
        """Predict every row of a file, or none when a row cannot be used; ``other`` is the column of a second role."""
        with errors_shown():
            if not path:
                raise ValueError("choose a file first")
            table = batch.read_table(Path(path))
            named = dict(zip(self.roles, (column, other), strict=False))
            columns = {
                role: name or batch.require_column(table, self.likely[role], alone=self.alone)
                for role, name in named.items()
            }
            values = self._values(table, columns)
            result = batch.add_predictions(table, self._predict(values, progress), self.rows.of)
        names = " and ".join(f"**{plain(name)}**" for name in columns.values())
        text = f"Predicted **{len(values):,} rows** from column {names} of {plain(table.name)}."
        return results.shown(text, result, dict.fromkeys(columns.values(), WIDE))

    def _values(self, table: batch.Table, columns: dict[str, str]) -> list[Any]:
        """The checked inputs: cells, or dicts of several cells."""
        if len(columns) == 1:
            (column,) = columns.values()
            return batch.take_column(table, column, INPUTS[type(self.asked)].check)
        cells = [batch.take_column(table, column, check_text) for column in columns.values()]
        return [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]

    def _predict(self, values: list[Any], progress: gr.Progress) -> list[Prediction]:
        predictions: list[Prediction] = []
        for start in range(0, len(values), CHUNK):
            progress((start, len(values)), desc="Predicting", unit="rows")
            predictions += self.artifact.predict(values[start : start + CHUNK])
        return predictions


def _chooser(role: str, name: str) -> Any:
    return gr.Dropdown(
        label=f"Column with the {role}",
        info="Guessed from the file; choose another one if the guess is wrong.",
        choices=[],
        allow_custom_value=True,
        elem_id=name,
    )


def _each(updates: list[Any]) -> Any:
    """Updates of several components, or of one."""
    return updates[0] if len(updates) == 1 else tuple(updates)
