"""Which files of a folder are which split; folders whose sub-folders are classes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import ClassLabel, Features, Image, Value

from toolkit.data.convert import READERS, SOURCE_FILE, SOURCE_LINE, SOURCE_ROW, data_suffix
from toolkit.data.problems import Problems, listed
from toolkit.data.readers import TextFile, undamaged
from toolkit.data.splits import SPLIT_WORDS
from toolkit.data.store import BATCH, file_identity, stored, write_arrow
from toolkit.data.table import Part, Table
from toolkit.errors import DataError, Finding

TEXTS = (".txt",)
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
        fix = f"use files of type {', '.join(READERS)}, or one sub-folder for each class"
        raise DataError(Finding("error", str(folder), message, fix))
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


def class_folder(folder: Path, encoding: str, suffixes: tuple[str, ...]) -> dict[str, Table]:
    """Tables of a folder of ``CLASS/FILE``, or of ``SPLIT/CLASS/FILE``; empty when it is not one.

    Args:
        folder: with one sub-folder for each class.
        encoding: of text files.
        suffixes: of the files that are rows: ``.txt``, or those of pictures.

    Raises:
        DataError: the folder of a class is empty.
    """
    if _classes(folder, suffixes):
        return {"train": _class_table(folder, encoding, suffixes)}
    inside = {split_of(path.name) or path.name: path for path in sorted(folder.iterdir()) if path.is_dir()}
    if inside and all(name in SPLIT_WORDS and _classes(path, suffixes) for name, path in inside.items()):
        return {
            split: _class_table(inside[split], encoding, suffixes) for split in SPLIT_WORDS if split in inside
        }
    return {}


def _classes(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    """The sub-folders when they, and they alone, hold such files, and none of them names a split.

    Raises:
        DataError: some of them hold such files and others nothing.
    """
    inside = [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")]
    folders = [path for path in inside if path.is_dir()]
    classes = [path for path in folders if _files_of(path, suffixes)]
    tables = [path for path in inside if data_suffix(path) in READERS and path.suffix not in suffixes]
    named = [path for path in folders if split_of(path.name)]
    if tables or named or not classes or (suffixes == TEXTS and len(classes) == 1):
        return []  # texts in a single sub-folder may just as well be files of lines
    empty = [path for path in folders if not any(path.iterdir())]
    if empty:
        fix = "put files into it, or remove it"
        raise DataError(
            [Finding("error", str(path), "the folder of this class is empty", fix) for path in empty]
        )
    return classes


def _files_of(folder: Path, suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in suffixes and path.is_file())


def _class_table(folder: Path, encoding: str, suffixes: tuple[str, ...]) -> Table:
    classes = _classes(folder, suffixes)
    files = [path for one in classes for path in _files_of(one, suffixes)]
    names = [path.name for path in classes]
    parts = {"step": "classes", "encoding": encoding, "files": [file_identity(path) for path in files]}
    write = _write_documents if suffixes == TEXTS else _write_paths
    one = stored(parts, lambda target: write(files, names, encoding, target))
    problems = Problems.from_dict(one.notes["problems"])
    return Table(one.dataset, one.key, (Part(str(folder), len(one.dataset), len(files), folder),), problems)


def _write_paths(files: list[Path], names: list[str], encoding: str, target: Path) -> dict[str, Any]:
    """Rows of pictures: where each is and its class; they are decoded when their size is known."""
    del encoding
    numbers = {SOURCE_ROW: Value("int64"), SOURCE_LINE: Value("int64"), SOURCE_FILE: Value("string")}
    columns = {"image": Image(), "label": ClassLabel(names=names)}
    schema = Features({**numbers, **columns}).arrow_schema

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(files), BATCH):
            rows = [
                {
                    SOURCE_ROW: row,
                    SOURCE_LINE: 0,
                    SOURCE_FILE: str(path),
                    "image": {"bytes": None, "path": str(path.resolve())},
                    "label": names.index(path.parent.name),
                }
                for row, path in enumerate(files[start : start + BATCH], start + 1)
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    write_arrow(target, schema, batches())
    return {"problems": Problems().to_dict(), "findings": []}


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
