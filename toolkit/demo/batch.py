"""From an uploaded file to a table of predictions, without a word about Gradio."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from toolkit.data.jsonfiles import read_json
from toolkit.data.problems import Problems
from toolkit.data.readers import Row, TextFile, check_text_file, read_delimited, read_lines
from toolkit.errors import DataError, Finding, InputError, raise_errors
from toolkit.tasks.protocol import Prediction

SUFFIXES = (".csv", ".tsv", ".jsonl", ".txt", ".parquet")

MAX_ROWS = 10_000
"""Rows predicted per upload: a minute or two of a small model on a laptop."""

MAX_MEGABYTES = 20
"""Of an upload: a hundred thousand short texts."""

SHOWN_PROBABILITIES = 20
"""More labels than this would give a csv too wide to read; the best one and its score stay."""


@dataclass(frozen=True)
class Table:
    """Rows of an uploaded file under the name the visitor knows it by."""

    name: str
    columns: list[str]
    rows: list[list[Any]]


def read_table(path: Path) -> Table:
    """Read an uploaded csv, tsv, jsonl, txt or parquet file.

    Raises:
        DataError: another type, damaged, empty, or more than ``MAX_ROWS`` rows.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path.name}: this type of file cannot be read; use {', '.join(SUFFIXES)}")
    try:
        columns, rows = reader(path)
    except InputError as error:
        raise DataError([_for_visitors(problem, path) for problem in error.problems]) from error
    if len(rows) > MAX_ROWS:
        fix = "split the file, or use the command: toolkit predict"
        raise DataError(
            Finding("error", path.name, f"more than the {MAX_ROWS:,} rows this page takes at once", fix)
        )
    if not rows:
        raise DataError(f"{path.name}: there are no rows in this file")
    return Table(path.name, columns, rows)


def _for_visitors(problem: Finding, path: Path) -> Finding:
    """Name the file as its owner does, and leave out fixes that only a recipe's author can apply."""
    where = problem.where.replace(str(path), path.name)
    return replace(problem, where=where, fix="" if "data." in problem.fix else problem.fix)


Content = tuple[list[str], list[list[Any]]]


def _read_text(path: Path, read: Callable[[TextFile], tuple[Iterable[str], Iterable[Row]]]) -> Content:
    check_text_file(path, "utf-8")
    file = TextFile(path, "utf-8")
    columns, rows = read(file)
    cells = [list(row) for _, _, row in islice(rows, MAX_ROWS + 1)]
    raise_errors(file.problems.findings("stop", path.name))
    return list(columns), cells


def _read_parquet(path: Path) -> Content:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            columns = list(file.schema_arrow.names)
            batches = file.iter_batches(batch_size=1000)
            records = list(islice((row for batch in batches for row in batch.to_pylist()), MAX_ROWS + 1))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name}: not a readable parquet file") from error
    return columns, [[record[column] for column in columns] for record in records]


_READERS: dict[str, Callable[[Path], Content]] = {
    ".csv": lambda path: _read_text(path, lambda file: read_delimited(file, ",")),
    ".tsv": lambda path: _read_text(path, lambda file: read_delimited(file, "\t")),
    ".jsonl": lambda path: _read_text(path, read_json),
    ".txt": lambda path: _read_text(path, lambda file: (["text"], read_lines(file))),
    ".parquet": _read_parquet,
}


def guess_column(table: Table, likely: Sequence[str]) -> str | None:
    """The column that holds the inputs: the first of ``likely`` that is there, or the only one."""
    for name in likely:
        if name in table.columns:
            return name
    return table.columns[0] if len(table.columns) == 1 else None


def require_column(table: Table, likely: Sequence[str]) -> str:
    """The guessed column.

    Raises:
        DataError: none of the columns is a likely one.
    """
    column = guess_column(table, likely)
    if column is None:
        looked_for = " or ".join(f"'{name}'" for name in dict.fromkeys(likely))
        fix = f"choose the one to use: {', '.join(table.columns)}"
        raise DataError(Finding("error", table.name, f"there is no column {looked_for}", fix))
    return column


def take_column(table: Table, column: str, check: Callable[[Any], Any]) -> list[Any]:
    """The checked values of one column.

    Raises:
        DataError: no such column, or rows that cannot be used; names the first few of them.
    """
    if column not in table.columns:
        fix = f"its columns are {', '.join(table.columns)}"
        raise DataError(Finding("error", table.name, f"there is no column '{column}'", fix))
    place = table.columns.index(column)
    values: list[Any] = []
    problems = Problems()
    for number, row in enumerate(table.rows, start=1):
        try:
            values.append(check(row[place]))
        except ValueError as error:
            problems.add(f"{table.name} row {number}, column '{column}'", str(error))
    if problems.count:
        rest = problems.count - len(problems.shown)
        more = [Finding("error", table.name, f"{rest:,} more rows like these")] if rest else []
        raise DataError([*problems.shown, *more])
    return values


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
