"""Inputs to predict: texts as given, or one column of a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, cast

from toolkit.data.jsonfiles import read_json
from toolkit.data.nested import unfold_record
from toolkit.data.problems import Problems
from toolkit.data.readers import Row, TextFile, check_text_file, read_delimited, read_lines
from toolkit.errors import DataError, Finding, raise_errors

SUFFIXES = (".csv", ".tsv", ".jsonl", ".json", ".txt", ".parquet")


@dataclass(frozen=True)
class Table:
    """Rows of a file of inputs, held in memory; ``name`` is what errors call it."""

    name: str
    columns: list[str]
    rows: list[list[Any]]


Content = tuple[list[str], list[list[Any]]]


def read_inputs(given: Sequence[str], columns: Mapping[str, Any], role: str) -> list[Any]:
    """The inputs of a command line: each word is an input itself, or a file whose rows are.

    Args:
        given: texts, and paths of csv, tsv, json, jsonl, txt or parquet files.
        columns: role to the column that the model was trained on.
        role: the role of the input; a file without its column may have one called like the role, or only one.

    Raises:
        DataError: a file that cannot be read, has no such column, or has empty cells.
    """
    likely = [name for name in (columns.get(role), role) if isinstance(name, str)]
    values: list[Any] = []
    for word in given:
        if _means_a_file(word):
            table = read_table(Path(word))
            values += take_column(table, require_column(table, likely), _filled)
        else:
            values.append(word)
    return values


def read_records(given: Sequence[str], columns: Mapping[str, Any], roles: Sequence[str]) -> list[Any]:
    """The inputs of a command line where one has several parts: JSON objects of them, or files with their columns.

    Args:
        given: texts of JSON such as ``{"question": "…", "context": "…"}``, and paths of files.
        columns: role to the column that the model was trained on.
        roles: the parts of an input.

    Raises:
        DataError: a word that is neither, or a file that cannot be read or has empty cells.
    """
    values: list[Any] = []
    wrong: list[Finding] = []
    for number, word in enumerate(given, 1):
        if _means_a_file(word):
            values += _records_of(read_table(Path(word)), columns, roles)
            continue
        try:
            values.append(_record(word))
        except ValueError as error:
            parts = ", ".join(f'"{role}": "…"' for role in roles)
            fix = f"give {{{parts}}}, or a file with these columns"
            wrong.append(Finding("error", f"input {number}", str(error), fix))
    raise_errors(wrong)
    return values


def _record(word: str) -> dict[str, Any]:
    try:
        value = json.loads(word)
    except ValueError:
        raise ValueError(f"not JSON: {word[:40]!r}") from None
    if not isinstance(value, dict):
        raise ValueError(f"no JSON object: {word[:40]!r}")
    return cast(dict[str, Any], value)


def _records_of(table: Table, columns: Mapping[str, Any], roles: Sequence[str]) -> list[Any]:
    likely = {role: [n for n in (columns.get(role), role) if isinstance(n, str)] for role in roles}
    cells = [
        take_column(table, require_column(table, names, alone=False), _filled) for names in likely.values()
    ]
    return [dict(zip(roles, row, strict=True)) for row in zip(*cells, strict=True)]


def _means_a_file(word: str) -> bool:
    """Whether a word is a path: of a file that exists and has a suffix, whether such files are read or not.

    Raises:
        DataError: one word that ends like a file of inputs, and there is no such file.
    """
    suffix = Path(word).suffix.lower()
    if suffix and os.path.isfile(word):  # unlike Path.is_file, False for a text longer than a path may be
        return True
    if suffix in _READERS and len(word.split()) == 1:
        fix = "check its name; a text that ends so needs other words beside it"
        raise DataError(Finding("error", word, "no such file", fix))
    return False


def _filled(value: Any) -> Any:
    if value is None or (isinstance(value, str) and not value.strip()):
        raise ValueError("the cell is empty")
    return value


def read_table(path: Path, most: int | None = None) -> Table:
    """Read a csv, tsv, json, jsonl, txt or parquet file of inputs.

    Args:
        path: the file.
        most: read no more than this many rows and one.

    Raises:
        DataError: another type, damaged, or empty.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(f"{path.name}: this type of file cannot be read; use {', '.join(SUFFIXES)}")
    columns, rows = reader(path, None if most is None else most + 1)
    if not rows:
        raise DataError(f"{path.name}: there are no rows in this file")
    return Table(path.name, columns, rows)


def _read_text(
    path: Path, most: int | None, read: Callable[[TextFile], tuple[Iterable[str], Iterable[Row]]]
) -> Content:
    check_text_file(path, "utf-8")
    file = TextFile(path, "utf-8")
    columns, rows = read(file)
    cells = [list(row) for _, _, row in islice(rows, most)]
    raise_errors(file.problems.findings("stop", path.name))
    return list(columns), cells


def _read_parquet(path: Path, most: int | None) -> Content:
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            batches = file.iter_batches(batch_size=1000)
            rows = (unfold_record(row) for batch in batches for row in batch.to_pylist())
            records = list(islice(rows, most))
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path.name}: not a readable parquet file") from error
    columns = list(dict.fromkeys(name for record in records for name in record))
    return columns, [[record.get(column) for column in columns] for record in records]


_READERS: dict[str, Callable[[Path, int | None], Content]] = {
    ".csv": lambda path, most: _read_text(path, most, lambda file: read_delimited(file, ",")),
    ".tsv": lambda path, most: _read_text(path, most, lambda file: read_delimited(file, "\t")),
    ".jsonl": lambda path, most: _read_text(path, most, read_json),
    ".json": lambda path, most: _read_text(path, most, read_json),
    ".txt": lambda path, most: _read_text(path, most, lambda file: (["text"], read_lines(file))),
    ".parquet": _read_parquet,
}


def guess_column(table: Table, likely: Sequence[str], *, alone: bool = True) -> str | None:
    """The column that holds the inputs: the first of ``likely`` that is there, or the only one.

    ``alone`` says that an input is one column: of several parts none is taken from a column of another name.
    """
    for name in likely:
        if name in table.columns:
            return name
    return table.columns[0] if alone and len(table.columns) == 1 else None


def require_column(table: Table, likely: Sequence[str], *, alone: bool = True) -> str:
    """The guessed column, as :func:`guess_column` finds it.

    Raises:
        DataError: none of the columns is a likely one.
    """
    column = guess_column(table, likely, alone=alone)
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
