"""One data file to one memory-mapped Arrow file, with the row and line numbers kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Features, Value

from toolkit.data.conll import read_conll, read_conllu
from toolkit.data.jsonfiles import read_json
from toolkit.data.problems import Problems
from toolkit.data.readers import (
    Row,
    TextFile,
    check_text_file,
    read_delimited,
    read_lines,
    undamaged,
)
from toolkit.data.store import BATCH, Stored, file_identity, stored, write_arrow
from toolkit.errors import DataError, Finding

SOURCE_ROW, SOURCE_LINE, SOURCE_FILE = "__row__", "__line__", "__file__"
"""Internal columns: 1-based row number in the file, line it starts in (0 where there are none), the row's own file."""
INTERNAL = (SOURCE_ROW, SOURCE_LINE, SOURCE_FILE)
_NUMBERS = {SOURCE_ROW: Value("int64"), SOURCE_LINE: Value("int64")}


def convert_file(path: Path, encoding: str, *, sentences: bool = False) -> Stored:
    """Read a data file once; afterwards its Arrow copy in the cache is opened while the file stays the same.

    With ``sentences``, a ``.txt`` file is one of CoNLL: tagged sentences are often kept so.

    Notes: ``problems`` (rows left out, with the reason), ``findings``, ``rows`` (of the file, unusable ones included).

    Raises:
        DataError: the file as a whole cannot be used; broken rows alone do not raise, they are in the notes.
    """
    suffix = data_suffix(path)
    suffix = ".conll" if sentences and suffix == ".txt" else suffix
    if suffix not in READERS:
        fix = f"use one of {', '.join(READERS)}"
        raise DataError(
            Finding("error", str(path), f"files of type '{suffix or path.name}' are not read", fix)
        )
    parts = {"step": "convert", "edition": 2, "file": file_identity(path), "encoding": encoding}
    parts |= {"as": suffix} if sentences else {}
    with undamaged(path, encoding):
        return stored(parts, lambda target: READERS[suffix](path, encoding, target))


def data_suffix(path: Path) -> str:
    """The suffix that names the format, lower case, without ``.gz``."""
    name = path.name.removesuffix(".gz")
    return Path(name).suffix.lower()


def _delimited(separator: str) -> Callable[[Path, str, Path], dict[str, Any]]:
    def convert(path: Path, encoding: str, target: Path) -> dict[str, Any]:
        check_text_file(path, encoding)
        notes = _write_delimited(TextFile(path, encoding), separator, True, target)
        if separator == "\t" and notes["problems"]["count"]:
            return _without_quotes(path, encoding, target, notes)
        return notes

    return convert


def _without_quotes(path: Path, encoding: str, target: Path, notes: dict[str, Any]) -> dict[str, Any]:
    """Many tsv files quote nothing: read so when that, and only that, makes every row whole."""
    plain = target.with_name("plain.arrow")
    file = TextFile(path, encoding)
    other = _write_delimited(file, "\t", False, plain)
    if other["problems"]["count"]:
        plain.unlink()
        return notes
    plain.replace(target)
    other["findings"].append(
        Finding("note", str(path), "double quotes are read as part of the text").to_dict()
    )
    return other


def _write_delimited(file: TextFile, separator: str, quoted: bool, target: Path) -> dict[str, Any]:
    names, rows = read_delimited(file, separator, quoted)
    return _write(file, Features({name: Value("string") for name in names}), rows, target)


def _typed(
    read: Callable[[TextFile], tuple[Features, Iterator[Row]]],
) -> Callable[[Path, str, Path], dict[str, Any]]:
    """A conversion of files whose reader finds out the columns' types."""

    def convert(path: Path, encoding: str, target: Path) -> dict[str, Any]:
        check_text_file(path, encoding)
        file = TextFile(path, encoding)
        features, rows = read(file)
        return _write(file, features, rows, target)

    return convert


def _text(path: Path, encoding: str, target: Path) -> dict[str, Any]:
    check_text_file(path, encoding)
    file = TextFile(path, encoding)
    return _write(file, Features({"text": Value("string")}), read_lines(file), target)


def _write(file: TextFile, features: Features, rows: Iterator[Row], target: Path) -> dict[str, Any]:
    schema = Features({**_NUMBERS, **features}).arrow_schema
    written = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal written
        while chunk := list(islice(rows, BATCH)):
            written += len(chunk)
            numbers, lines, cells = zip(*chunk, strict=True)
            columns = [numbers, lines, *zip(*cells, strict=True)]
            arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
            yield pa.record_batch(arrays, schema=schema)

    write_arrow(target, schema, batches())
    if not written and not file.problems.count:
        raise DataError(
            Finding("error", str(file.path), "there are no rows below the header", "give a file with rows")
        )
    return _notes(file.problems, file.notes, written)


def _notes(problems: Problems, findings: list[Finding], written: int) -> dict[str, Any]:
    return {
        "problems": problems.to_dict(),
        "findings": [finding.to_dict() for finding in findings],
        "rows": written + problems.count,
    }


def _parquet(path: Path, encoding: str, target: Path) -> dict[str, Any]:
    """Copy a parquet file's rows; its own types, class names included, are kept."""
    del encoding
    try:
        file = pq.ParquetFile(path)
        features = Features.from_arrow_schema(file.schema_arrow)
        schema = Features({**_NUMBERS, **features}).arrow_schema
        write_arrow(target, schema, _numbered(file.iter_batches(BATCH), schema))
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and error.errno:  # the file system's own: no rights, no space
            raise
        message = f"not a parquet file, or a damaged one ({str(error).splitlines()[0]})"
        raise DataError(
            Finding("error", str(path), message, "write it again, or give a csv or jsonl file")
        ) from None
    if not file.metadata.num_rows:
        raise DataError(Finding("error", str(path), "the file has no rows", "give a file with rows"))
    return _notes(Problems(), [], file.metadata.num_rows)


def _numbered(batches: Iterator[pa.RecordBatch], schema: pa.Schema) -> Iterator[pa.Table]:
    row = 1
    for batch in batches:
        numbers = pa.array(range(row, row + batch.num_rows), pa.int64())
        lines = pa.array([0] * batch.num_rows, pa.int64())
        yield pa.table([numbers, lines, *batch.columns], names=schema.names).cast(schema)
        row += batch.num_rows


READERS: dict[str, Callable[[Path, str, Path], dict[str, Any]]] = {
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".jsonl": _typed(read_json),
    ".ndjson": _typed(read_json),
    ".json": _typed(read_json),
    ".conll": _typed(read_conll),
    ".bio": _typed(read_conll),
    ".iob": _typed(read_conll),
    ".conllu": _typed(read_conllu),
    ".parquet": _parquet,
    ".txt": _text,
}
"""Suffix to the function that converts such a file; ``.gz`` may follow."""
