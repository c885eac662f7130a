"""From an uploaded file to a table of predictions and a csv of it, without a word about Gradio."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from toolkit.data import inputs
from toolkit.data.inputs import SUFFIXES, Table, guess_column, require_column, take_column
from toolkit.demo.flat import Flatten, in_one_row
from toolkit.errors import DataError, Finding, InputError
from toolkit.tasks.protocol import Prediction

__all__ = [
    "MAX_ROWS",
    "SUFFIXES",
    "Table",
    "add_predictions",
    "guess_column",
    "read_table",
    "require_column",
    "take_column",
    "write_csv",
]

MAX_ROWS = 10_000
"""Rows predicted per upload: a minute or two of a small model on a laptop."""


def read_table(path: Path) -> Table:
    """Read an uploaded csv, tsv, jsonl, txt or parquet file.

    Raises:
        DataError: another type, damaged, empty, or more than ``MAX_ROWS`` rows.
    """
    try:
        table = inputs.read_table(path, MAX_ROWS)
    except InputError as error:
        raise DataError([_for_visitors(problem, path) for problem in error.problems]) from error
    if len(table.rows) > MAX_ROWS:
        fix = "split the file, or use the command: toolkit predict"
        raise DataError(
            Finding("error", path.name, f"more than the {MAX_ROWS:,} rows this page takes at once", fix)
        )
    return table


def _for_visitors(problem: Finding, path: Path) -> Finding:
    """Name the file as its owner does, and leave out fixes that only a recipe's author can apply."""
    where = problem.where.replace(str(path), path.name)
    return replace(problem, where=where, fix="" if "data." in problem.fix else problem.fix)


def add_predictions(table: Table, predictions: Sequence[Prediction], flatten: Flatten = in_one_row) -> Table:
    """The table with the columns that ``flatten`` makes of a prediction added, and a row for each of its rows.

    A cell stays empty where another prediction has a column that this one lacks.
    """
    flat = [flatten(prediction) for prediction in predictions]
    names = list(dict.fromkeys(name for rows in flat for values in rows for name in values))
    rows = [
        [*map(_spelled, row), *(values.get(name, "") for name in names)]
        for row, results in zip(table.rows, flat, strict=True)
        for values in results
    ]
    return Table(table.name, [*table.columns, *(_free_name(name, table.columns) for name in names)], rows)


def _spelled(cell: Any) -> Any:
    """A list of words as the text they make; anything else as it is."""
    return " ".join(map(str, cast(list[object], cell))) if isinstance(cell, list) else cell


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name


def write_csv(table: Table, folder: Path) -> Path:
    """Write ``NAME-predictions.csv`` into a new folder under ``folder`` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    target = (
        Path(tempfile.mkdtemp(prefix="predictions-", dir=folder)) / f"{Path(table.name).stem}-predictions.csv"
    )
    with target.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(table.columns)
        writer.writerows(table.rows)
    return target
