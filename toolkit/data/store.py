"""Arrow files in the user's cache: built once, memory-mapped ever after, safe when two processes build at once."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from datasets import Dataset
from filelock import FileLock

from toolkit.files import atomic_folder, read_json, write_json
from toolkit.hub.cache import cache_folder

LAYOUT = 2
"""Part of every key: raise it when what is written changes, so that older files are not read."""
UNUSED = timedelta(days=60)
"""A cached folder that nobody opened for so long is removed when another one is built."""
BATCH = 1000
"""Rows worked on at a time; peak memory is a few of these, whatever the number of rows."""


@dataclass(frozen=True)
class Stored:
    """A memory-mapped dataset, the JSON notes of the step that built it, and the key it is known by."""

    dataset: Dataset
    notes: dict[str, Any]
    key: str


def digest(parts: object) -> str:
    """Short name of JSON data: equal data, equal name."""
    return hashlib.sha256(json.dumps([LAYOUT, parts], sort_keys=True).encode()).hexdigest()[:24]


def stored(parts: Mapping[str, Any], build: Callable[[Path], dict[str, Any]]) -> Stored:
    """Open the Arrow file known by ``parts``; ``build(path)`` writes it, and returns notes, when it is not there.

    Raises:
        DiskFullError: no space left.
    """

    def write(folder: Path) -> None:
        notes = build(folder / "rows.arrow")
        write_json(folder / "notes.json", notes)

    folder = cached_folder("rows", parts, write)
    notes = read_json(folder / "notes.json")
    return Stored(Dataset.from_file(str(folder / "rows.arrow")), notes, folder.name)


def cached_folder(kind: str, parts: Mapping[str, Any], build: Callable[[Path], None]) -> Path:
    """The cached folder known by ``parts``; ``build(folder)`` fills it when it is not there, whole or not at all.

    Raises:
        DiskFullError: no space left.
    """
    key = digest(parts)
    folder = cache_folder() / kind / key
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_name(f".{key}.lock")):
            if not folder.is_dir():
                _remove_unused(folder.parent)
                with atomic_folder(folder) as temporary:
                    build(temporary)
    with suppress(OSError):  # a cache that may only be read serves as well
        os.utime(folder)
    return folder


def _remove_unused(parent: Path) -> None:
    """Make room: rows and activations of old trainings are large, and made again when they are asked for."""
    oldest = time.time() - UNUSED.total_seconds()
    for entry in parent.iterdir():
        if entry.is_dir() and entry.stat().st_mtime < oldest:
            shutil.rmtree(entry, ignore_errors=True)


def write_arrow(path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch | pa.Table]) -> None:
    """Write batches as one Arrow stream, each batch a chunk."""
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write(batch)


def arrow_batches(dataset: Dataset, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
    """The rows as Arrow tables of a bounded size, in order."""
    chosen = dataset if columns is None else dataset.select_columns(list(columns))
    return cast(Iterator[pa.Table], chosen.with_format("arrow").iter(BATCH))


def file_identity(path: Path) -> list[Any]:
    """What tells one state of a file from another without reading it: path, size, time of change."""
    status = path.stat()
    return [str(path.resolve()), status.st_size, status.st_mtime_ns]


def dataset_identity(dataset: Dataset) -> list[Any]:
    """The identity of the Arrow files behind a dataset that ``datasets`` itself opened."""
    return [file_identity(Path(file["filename"])) for file in dataset.cache_files]
