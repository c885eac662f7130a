"""Readers of JSON: one object a line, one list of objects (read piece by piece), or one object of columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, TextIO, cast

from datasets import Features, List, Value

from toolkit.data.nested import unfold_record
from toolkit.data.problems import Problems
from toolkit.data.readers import Row, TextFile
from toolkit.errors import DataError, Finding

Record = tuple[int, dict[str, Any] | None]
"""The line an object starts in, and the object; None for one that cannot be used."""
PIECE = 1 << 20
_KINDS = {bool: "bool", int: "int64", float: "float64", str: "string"}


def read_json(file: TextFile) -> tuple[Features, Iterator[Row]]:
    """The columns with their types, found in a first pass, and the rows of a second one.

    Raises:
        DataError: the file holds no objects.
    """
    features = _features(file, _records(file))
    quiet = TextFile(file.path, file.encoding, Problems())  # the first pass has named the problems already
    return features, _rows(quiet, features)


def _rows(file: TextFile, features: Features) -> Iterator[Row]:
    for number, (line, record) in enumerate(_records(file), 1):
        if record is not None:
            yield number, line, [_cell(record.get(name), features[name]) for name in features]


def _records(file: TextFile) -> Iterator[Record]:
    with file.open() as stream:
        start = stream.read(4096).lstrip()[:1]
        stream.seek(0)
        if start == "[":
            yield from _array(file, stream)
        elif _is_one_object(file):
            yield from _columns(file, _whole(file, stream))
        else:
            yield from _lines(file, stream)


def _is_one_object(file: TextFile) -> bool:
    """Whether a ``.json`` file is one object over several lines rather than one object a line."""
    if ".json" not in file.path.suffixes:
        return False
    with file.open() as stream:
        try:
            json.loads(stream.readline())
        except ValueError:
            return True
        return not stream.readline().strip()


def _lines(file: TextFile, stream: TextIO) -> Iterator[Record]:
    for number, line in enumerate(stream, 1):
        if line.strip():
            yield number, _parsed(file, number, line)


def _parsed(file: TextFile, number: int, line: str) -> dict[str, Any] | None:
    try:
        return _object(file, number, json.loads(line), line)
    except ValueError as error:
        file.problems.add(file.where(number), f"not JSON: {error} in {line.strip()[:40]!r}", "mend this line")
        return None


def _object(file: TextFile, line: int, value: Any, source: str) -> dict[str, Any] | None:
    broken = file.broken_byte(source)
    if broken:
        file.problems.add(file.where(line), *broken)
    elif isinstance(value, dict):
        return unfold_record(cast(dict[str, Any], value))
    else:
        message = f"a JSON object is expected, not {source.strip()[:40]!r}"
        file.problems.add(file.where(line), message, 'write each row as {"text": …, "label": …}')
    return None


def _array(file: TextFile, stream: TextIO) -> Iterator[Record]:
    """The objects of one long list, without holding the list."""
    decoder = json.JSONDecoder()
    text = stream.read(PIECE)
    at, line = text.index("[") + 1, 1 + text.count("\n", 0, text.index("["))
    while True:
        start = _skip(text, at)
        line += text.count("\n", at, start)
        try:
            if text.startswith("]", start):
                _refuse_more(file, line, text[start + 1 :])
                return
            value, at = decoder.raw_decode(text, start)
        except ValueError as error:
            more = stream.read(PIECE)
            if not more:
                file.problems.add(
                    file.where(line), f"not JSON: {error.args[0]}", "mend the file from this line on"
                )
                return
            text, at = text[start:] + more, 0
            continue
        yield line, _object(file, line, value, text[start:at])
        line += text.count("\n", start, at)


def _refuse_more(file: TextFile, line: int, rest: str) -> None:
    if rest.strip():
        message = f"the list ends here, but the file goes on with {rest.strip()[:40]!r}"
        file.problems.add(file.where(line), message, "write one list, or one object a line")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n,":
        at += 1
    return at


def _whole(file: TextFile, stream: TextIO) -> dict[str, Any]:
    """The one object that a file is."""
    try:
        value = json.load(stream)
    except json.JSONDecodeError as error:
        raise DataError(
            Finding("error", file.where(error.lineno), f"not JSON: {error.msg}", "mend the file here")
        ) from None
    if not isinstance(value, dict):
        raise DataError(_no_rows(file))
    return cast(dict[str, Any], value)


def _no_rows(file: TextFile) -> Finding:
    fix = "write one object a line (jsonl), a list of objects, or equally long lists by column"
    return Finding("error", str(file.path), "this JSON holds no rows", fix)


def _columns(file: TextFile, value: dict[str, Any]) -> Iterator[Record]:
    """One object that holds the rows: ``{"text": [...], "label": [...]}`` or ``{"data": [{...}, ...]}``."""
    lists = {name: cell for name, cell in value.items() if isinstance(cell, list)}
    if len(lists) == 1 and all(isinstance(item, dict) for item in next(iter(lists.values()))):
        yield from enumerate(next(iter(lists.values())), 1)
        return
    if not lists or len(lists) < len(value) or len({len(cells) for cells in lists.values()}) > 1:
        raise DataError(_no_rows(file))
    for number, cells in enumerate(zip(*lists.values(), strict=True), 1):
        yield number, dict(zip(lists, cells, strict=True))


def _features(file: TextFile, records: Iterator[Record]) -> Features:
    """One type a column: the narrowest that holds all its values; mixed ones become text, and that is said."""
    kinds: dict[str, set[str]] = {}
    for _, record in records:
        for name, value in (record or {}).items():
            kinds.setdefault(name, set()).add(_kind(value))
    for name, found in kinds.items():
        mixed = sorted(found - {"null"})
        if "string" in mixed and len(mixed) > 1:
            message = f"column '{name}' mixes {' and '.join(mixed)}; all of it is read as text"
            file.notes.append(Finding("warning", str(file.path), message))
    return Features({name: _feature(found - {"null"}) for name, found in kinds.items()})


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, list):
        found = {_kind(item) for item in cast(list[Any], value)} - {"null"}
        inner = {"string" if kind.startswith("list ") else kind for kind in found}
        return f"list {_join(inner) if inner else 'null'}"
    return _KINDS.get(type(value), "string")


def _join(kinds: set[str]) -> str:
    if len(kinds) == 1:
        return next(iter(kinds))
    return "float64" if kinds == {"int64", "float64"} else "string"


def _feature(kinds: set[str]) -> Value | List:
    if kinds and all(kind.startswith("list ") for kind in kinds):
        inner = {kind.removeprefix("list ") for kind in kinds} - {"null"}
        return List(Value(_join(inner)))
    return Value(_join(kinds))


def _cell(value: Any, feature: Value | List) -> Any:
    """``value`` as its column holds it: numbers among texts, objects, and lists in lists are written out as JSON."""
    if value is None:
        return None
    if isinstance(feature, List):
        return [_cell(item, cast(Value, feature.feature)) for item in value]
    if feature.dtype == "string" and not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return value
