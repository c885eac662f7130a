"""Which files of a folder are which split; folders whose sub-folders are classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import ClassLabel, Features, Value

from toolkit.data.convert import READERS, SOURCE_FILE, SOURCE_LINE, SOURCE_ROW, data_suffix
from toolkit.data.problems import Problems, listed
from toolkit.data.readers import TextFile, undamaged
from toolkit.data.splits import SPLIT_WORDS
from toolkit.data.store import BATCH, file_identity, stored, write_arrow
from toolkit.data.table import Part, Table
from toolkit.errors import DataError, Finding

_NOT_ROWS = {"dataset_info.json", "dataset_infos.json", "package.json", "package-lock.json"}


def split_of(name: str) -> str | None:
    """The split a file or folder name speaks of: ``reviews-train-00001.csv`` is train."""
    words = set(re.split(r"[^a-z]+", name.lower()))
    return next((split for split, known in SPLIT_WORDS.items() if words & set(known)), None)


def split_files(folder: Path) -> tuple[dict[str, list[Path]], list[Finding]]:
    """The data files of a folder by split; when no name speaks of a split, all of them are one.

    Raises:
        DataError: there is no data file.
    """
    files = [path for path in _visible(folder) if data_suffix(path) in READERS and path.name not in _NOT_ROWS]
    if not files:
        others = listed(sorted(path.name for path in folder.iterdir())) or "nothing"
        message = f"no data files in this folder (it holds {others})"
        raise DataError(Finding("error", str(folder), message, f"use files of type {', '.join(READERS)}"))
    found: dict[str, list[Path]] = {}
    for path in files:
        parts = path.relative_to(folder).parts
        split = next(filter(None, map(split_of, parts)), None)
        found.setdefault(split or "", []).append(path)
    rest = found.pop("", [])
    if not found:
        return {"train": rest}, []
    return {split: found[split] for split in SPLIT_WORDS if split in found}, _left_aside(rest)


def _left_aside(rest: list[Path]) -> list[Finding]:
    if not rest:
        return []
    names = listed(path.name for path in rest)
    return [Finding("warning", names, "left aside: other files here name a split and these do not")]


def _visible(folder: Path) -> list[Path]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def class_folder(folder: Path, encoding: str) -> dict[str, Table]:
    """Tables of a folder of ``CLASS/*.txt``, or of ``SPLIT/CLASS/*.txt``; empty when it is not one."""
    if _classes(folder):
        return {"train": _class_table(folder, encoding)}
    inside = {split_of(path.name) or path.name: path for path in sorted(folder.iterdir()) if path.is_dir()}
    if inside and all(name in SPLIT_WORDS and _classes(path) for name, path in inside.items()):
        return {split: _class_table(inside[split], encoding) for split in SPLIT_WORDS if split in inside}
    return {}


def _classes(folder: Path) -> list[Path]:
    """The sub-folders when they, and they alone, hold .txt files, and none of them names a split."""
    inside = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    classes = [path for path in inside if path.is_dir() and any(path.glob("*.txt"))]
    files = [path for path in inside if data_suffix(path) in READERS and path.suffix != ".txt"]
    named = [path for path in classes if split_of(path.name)]
    return [] if files or named or len(classes) < 2 else classes


def _class_table(folder: Path, encoding: str) -> Table:
    classes = _classes(folder)
    files = [path for one in classes for path in sorted(one.glob("*.txt"))]
    names = [path.name for path in classes]
    parts = {"step": "classes", "encoding": encoding, "files": [file_identity(path) for path in files]}
    one = stored(parts, lambda target: _write_documents(files, names, encoding, target))
    problems = Problems.from_dict(one.notes["problems"])
    return Table(one.dataset, one.key, (Part(str(folder), len(one.dataset), len(files)),), problems)


def _write_documents(files: list[Path], names: list[str], encoding: str, target: Path) -> dict[str, Any]:
    numbers = {SOURCE_ROW: Value("int64"), SOURCE_LINE: Value("int64")}
    columns = {"text": Value("string"), "label": ClassLabel(names=names), SOURCE_FILE: Value("string")}
    schema = Features({**numbers, **columns}).arrow_schema
    problems = Problems()

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(files), BATCH):
            rows = [
                {
                    SOURCE_ROW: start + at,
                    SOURCE_LINE: 0,
                    "text": text,
                    "label": names.index(path.parent.name),
                    SOURCE_FILE: str(path),
                }
                for at, path in enumerate(files[start : start + BATCH], 1)
                if (text := _document(TextFile(path, encoding, problems))) is not None
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    write_arrow(target, schema, batches())
    return {"problems": problems.to_dict(), "findings": []}


def _document(file: TextFile) -> str | None:
    """The whole text of a file; None, and a problem, when it cannot be decoded."""
    with undamaged(file.path, file.encoding), file.open() as stream:
        text = stream.read()
    broken = file.broken_byte(text)
    if broken:
        file.problems.add(str(file.path), *broken)
    return None if broken else text
