"""One split of a source: its rows, and where in the user's files each of them is."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset, concatenate_datasets

from toolkit.data.arrays import filtered, pieces
from toolkit.data.convert import INTERNAL, SOURCE_FILE, SOURCE_LINE, SOURCE_ROW
from toolkit.data.problems import Problems
from toolkit.data.store import BATCH, Stored, digest
from toolkit.errors import DataError, Finding


@dataclass(frozen=True)
class Part:
    """One file of a table: its name, how many usable rows it gave, and how many rows it has."""

    name: str
    usable: int
    rows: int
    base: Path | None = None
    """The folder that paths in its cells start from; None where no cell is a path."""


@dataclass(frozen=True)
class Table:
    """Rows of one source split, memory-mapped; ``key`` names their content in the cache."""

    dataset: Dataset
    key: str
    parts: tuple[Part, ...]
    problems: Problems = field(default_factory=Problems)
    findings: tuple[Finding, ...] = ()
    """What is worth knowing of its file."""

    @property
    def columns(self) -> list[str]:
        """The source's own columns."""
        return [name for name in self.dataset.column_names if name not in INTERNAL]

    def where(self, index: int) -> str:
        """``file:line`` or ``file row N`` of the row at ``index``."""
        part, start, _ = self._part(index)
        places = [name for name in INTERNAL if name in self.dataset.column_names]
        row = self.dataset.select_columns(places)[index] if places else {}
        if row.get(SOURCE_FILE):
            return row[SOURCE_FILE]
        if row.get(SOURCE_LINE):
            return f"{part.name}:{row[SOURCE_LINE]}"
        return f"{part.name} row {row.get(SOURCE_ROW, index - start + 1)}"

    def row_numbers(self, indices: np.ndarray) -> np.ndarray:
        """1-based number in the source of each row of a batch, int64; the files of a split are counted on."""
        if SOURCE_ROW not in self.dataset.column_names:
            return indices.astype(np.int64) + 1
        offsets = np.cumsum([0, *(part.rows for part in self.parts)])
        ends = np.cumsum([part.usable for part in self.parts])
        numbers = next(self.batches(indices, [SOURCE_ROW]))[SOURCE_ROW].to_numpy()
        return numbers + offsets[np.searchsorted(ends, indices, "right")]

    def batches(self, indices: np.ndarray, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The rows at ``indices`` in that order, some at a time; their numbers where no column is wanted."""
        if not columns:
            for start in range(0, len(indices), BATCH):
                yield pa.table({SOURCE_ROW: np.asarray(indices[start : start + BATCH])})
            return
        dataset = self.dataset.select_columns(list(columns)).with_format("arrow")
        for start in range(0, len(indices), BATCH):
            yield dataset[_compact(np.asarray(indices[start : start + BATCH]))]

    def base(self, index: int) -> Path | None:
        """The folder that paths in the row at ``index`` start from."""
        return self._part(index)[0].base

    def _part(self, index: int) -> tuple[Part, int, int]:
        ends = list(np.cumsum([part.usable for part in self.parts]))
        number = bisect_right(ends, index)
        return self.parts[number], int(ends[number] - self.parts[number].usable), number


def _compact(indices: np.ndarray) -> slice | np.ndarray:
    """A slice where the indices are one run: slices of a memory map are not copied."""
    first, last = int(indices[0]), int(indices[-1])
    return slice(first, last + 1) if last - first + 1 == len(indices) else indices


@dataclass(frozen=True)
class Pick:
    """The rows of a table that serve as one split: int64 positions in it, ascending."""

    table: Table
    indices: np.ndarray

    def __len__(self) -> int:
        return len(self.indices)

    def keep(self, mask: np.ndarray) -> Pick:
        """The rows where ``mask`` holds."""
        return Pick(self.table, filtered(self.indices, mask))

    def where(self, position: int) -> str:
        """Where the row at ``position`` of this pick is in the user's files."""
        return self.table.where(int(self.indices[position]))

    def base(self, position: int) -> Path | None:
        """The folder that paths in the row at ``position`` of this pick start from."""
        return self.table.base(int(self.indices[position]))

    @property
    def digest(self) -> str:
        """Tells one choice of rows from another."""
        digest = sha256()
        for piece in pieces(len(self)):
            digest.update(self.indices[piece].tobytes())
        return digest.hexdigest()

    def batches(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """The picked rows, a bounded number at a time."""
        return self.table.batches(self.indices, columns)


def join_files(files: Sequence[tuple[Path, Stored]]) -> Table:
    """One table from the files of a split, in the order given.

    Raises:
        DataError: the files have different columns.
    """
    _check_same_columns(files)
    problems = Problems()
    for _, one in files:
        problems.extend(Problems.from_dict(one.notes["problems"]))
    parts = tuple(Part(str(path), len(one.dataset), one.notes["rows"], path.parent) for path, one in files)
    names = files[0][1].dataset.column_names
    datasets = [one.dataset.select_columns(names) for _, one in files]
    dataset = datasets[0] if len(datasets) == 1 else concatenate_datasets(datasets)
    return Table(dataset, digest([one.key for _, one in files]), parts, problems)


def _check_same_columns(files: Sequence[tuple[Path, Stored]]) -> None:
    first_path, first = files[0]
    expected: dict[str, Any] = dict(first.dataset.features)
    found: list[Finding] = []
    for path, one in files[1:]:
        other: dict[str, Any] = dict(one.dataset.features)
        differing = sorted(
            name for name in expected.keys() | other.keys() if expected.get(name) != other.get(name)
        )
        if differing:
            message = f"column {', '.join(map(repr, differing))} is not as in {first_path}"
            found.append(Finding("error", str(path), message, "give all files of a split the same columns"))
    if found:
        raise DataError(found)
