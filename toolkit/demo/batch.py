"""From an uploaded file to a table of predictions, without a word about Gradio."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.data import inputs
from toolkit.data.inputs import SUFFIXES, Table, guess_column, require_column, take_column
from toolkit.errors import DataError, Finding, InputError
from toolkit.tasks.protocol import Prediction

__all__ = [
    "MAX_MEGABYTES",
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

MAX_MEGABYTES = 20
"""Of an upload: a hundred thousand short texts."""

SHOWN_PROBABILITIES = 20
"""More labels than this would give a csv too wide to read; the best one and its score stay."""


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


def add_predictions(table: Table, predictions: Sequence[Prediction]) -> Table:
    """The table with ``predicted_label``, ``predicted_score`` and a probability per label added."""
    flat = [_flatten(prediction) for prediction in predictions]
    names = list(flat[0])
    rows = [[*row, *(values[name] for name in names)] for row, values in zip(table.rows, flat, strict=True)]
    return Table(table.name, [*table.columns, *(_free_name(name, table.columns) for name in names)], rows)


def _free_name(name: str, taken: Sequence[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _flatten(prediction: Prediction) -> dict[str, Any]:
    flat: dict[str, Any] = {"predicted_label": prediction["label"]}
    if "score" in prediction:
        flat["predicted_score"] = round(prediction["score"], 4)
    scores = prediction.get("scores", {})
    if len(scores) <= SHOWN_PROBABILITIES:
        flat |= {f"probability_{label}": round(score, 4) for label, score in scores.items()}
    return flat


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
