"""Pictures to predict: files as given, all of a folder, or a column of paths in a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from toolkit.data.convert import READERS, data_suffix
from toolkit.data.inputs import read_table, require_column, take_column
from toolkit.data.pictures import SUFFIXES
from toolkit.errors import DataError, Finding, did_you_mean


def read_pictures(given: Sequence[str], columns: Mapping[str, Any], role: str) -> list[str]:
    """The paths that a command line means.

    Args:
        given: picture files, folders of them, or tables with a column of paths below the table's folder.
        columns: role to the column that the model was trained on.
        role: the role of the input.

    Raises:
        DataError: words that are none of these, all at once.
    """
    likely = [name for name in (columns.get(role), role, "file_name", "path") if isinstance(name, str)]
    paths: list[str] = []
    problems: list[Finding] = []
    for word in given:
        try:
            paths += _paths(Path(word).expanduser(), likely)
        except DataError as error:
            problems += error.problems
    if problems:
        raise DataError(problems)
    return paths


def _paths(path: Path, likely: Sequence[str]) -> list[str]:
    if path.is_dir():
        found = sorted(str(file) for file in path.rglob("*") if file.suffix.lower() in SUFFIXES)
        if not found:
            fix = f"pictures end in {', '.join(SUFFIXES)}"
            raise DataError(Finding("error", str(path), "there are no pictures in this folder", fix))
        return found
    if not path.is_file():
        near = path.parent.iterdir() if path.parent.is_dir() else []
        fix = did_you_mean(path.name, [one.name for one in near][:1000])
        raise DataError(Finding("error", str(path), "no such file", fix))
    if data_suffix(path) in READERS:
        table = read_table(path)
        return [
            str(path.parent / value) for value in take_column(table, require_column(table, likely), _filled)
        ]
    return [str(path)]


def _filled(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("the cell is empty, or no path")
    return value
