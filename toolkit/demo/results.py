"""What many predictions at once show: a sentence, a table of the first of them, and all of them as a csv."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from toolkit.demo.batch import Table, write_csv
from toolkit.demo.messages import MODEL, said
from toolkit.demo.uploads import upload_folder

PREVIEW = 100
"""Rows shown on the page; the file to download holds all."""


WIDEST = 300
"""Pixels of a column at most, where no other width is asked for and its name is not longer."""


def build() -> list[Any]:
    """The three components, hidden at first."""
    return [
        gr.Markdown(elem_id="said", visible=False),
        gr.Dataframe(interactive=False, visible=False, max_height=460, elem_id="table"),
        gr.DownloadButton("Download predictions (csv)", visible=False, elem_id="download"),
    ]


def connect(button: Any, predict: Any, inputs: Sequence[Any], outputs: list[Any], **options: Any) -> None:
    """Predict at a click; a new file takes the results of the one before off the page, and so does an error.

    Args:
        button: what is clicked.
        predict: gives the updates that :func:`shown` makes.
        inputs: of ``predict``; the first one holds the file or files.
        outputs: what :func:`build` made.
        **options: of the event, such as the name of its endpoint.
    """
    inputs[0].change(cleared, None, outputs, api_visibility="private", queue=False)
    started = button.click(
        predict,
        inputs,
        outputs,
        concurrency_id=MODEL,
        trigger_mode="once",
        show_progress_on=inputs[0],
        **options,
    )
    started.failure(_gave_up, None, [*outputs, inputs[0]], api_visibility="private")


def shown(text: str, table: Table, wide: Mapping[str, int]) -> tuple[Any, Any, Any]:
    """Updates that show a table of predictions.

    Args:
        text: what was done.
        table: inputs with their predictions.
        wide: pixels of columns that need another width than their names take.
    """
    saved: Path = write_csv(table, upload_folder())
    if len(table.rows) > PREVIEW:
        text += f" The first {PREVIEW} rows are shown; the file to download holds all of them."
    return said(text), _preview(table, wide), gr.update(value=str(saved), visible=True)


def cleared() -> tuple[Any, Any, Any]:
    """Updates that take results off the page."""
    return said(""), gr.update(value=None, visible=False), gr.update(value=None, visible=False)


def _gave_up() -> tuple[Any, Any, Any, Any]:
    """Results off the page, and Gradio's word for an error off the files: what is wrong with them must be seen."""
    return *cleared(), gr.skip()


def _preview(table: Table, wide: Mapping[str, int]) -> Any:
    """The first rows, wide enough to read: the table scrolls sideways rather than break words."""
    rows = table.rows[:PREVIEW]
    widths = [
        wide.get(name) or _width(name, [str(row[place]) for row in rows])
        for place, name in enumerate(table.columns)
    ]
    value = {"headers": table.columns, "data": rows}
    return gr.update(value=value, column_widths=[f"{width}px" for width in widths], visible=True)


def _width(name: str, cells: Sequence[str]) -> int:
    """Pixels for the whole name, and for what is below it unless that is long."""
    longest = max(len(cell) for cell in cells)
    return max(80, 9 * len(name) + 30, min(8 * longest + 30, WIDEST))
