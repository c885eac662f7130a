"""The split that every contender reads: one Parquet file each for train, validation and test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow
import pyarrow.parquet


def data_folder(work: Path) -> Path:
    """Where the splits are, under the benchmark's working folder."""
    return work / "data"


def write_texts(work: Path, split: str, columns: Mapping[str, Sequence[str]]) -> None:
    """Write the columns ``text`` and ``label`` (label names) of one split."""
    data_folder(work).mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(dict(columns)), data_folder(work) / f"{split}.parquet")


def read_texts(work: Path, split: str) -> dict[str, list[str]]:
    """Columns ``text`` and ``label`` of one split."""
    return pyarrow.parquet.read_table(data_folder(work) / f"{split}.parquet").to_pydict()
