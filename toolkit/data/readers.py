"""Plain readers of text files: every row with its line number, every broken row named, nothing guessed silently.

Python's own csv and json modules are used instead of pandas because they keep "NA", "null" and "01" as written and
can say in which line a row is broken; a million short rows take about four seconds, once, and are Arrow from then on.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO, cast

from toolkit.data.problems import Problems
from toolkit.errors import DataError, Finding

Row = tuple[int, int, Sequence[Any]]
"""1-based number of the row (unusable ones are counted too), the line it starts in, and its cells."""

CELL_LIMIT = 16 << 20
MAGIC = {
    b"PK\x03\x04": "a zip archive (an Excel workbook is one: save it as csv)",
    b"\x1f\x8b": "a gzip archive (name it .csv.gz, or unpack it)",
    b"PAR1": "a parquet file (name it .parquet)",
    b"%PDF": "a PDF document",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"\xd0\xcf\x11\xe0": "an old Office document (save it as csv)",
    b"BZh": "a bzip2 archive (unpack it)",
    b"\x7fELF": "a program",
}
_UNDECODABLE = re.compile(r"[\udc80-\udcff]")


@dataclass
class TextFile:
    """One text file being read: where it is, how it is encoded, and what was found on the way."""

    path: Path
    encoding: str
    problems: Problems = field(default_factory=Problems)
    notes: list[Finding] = field(default_factory=list[Finding])

    def where(self, line: int) -> str:
        """``file:line``."""
        return f"{self.path}:{line}"

    def open(self) -> TextIO:
        """Open for reading; bytes that do not decode become lone surrogates, found again row by row."""
        opener = gzip.open if self.path.suffix == ".gz" else open
        return cast(
            TextIO, opener(self.path, "rt", encoding=self.codec(), errors="surrogateescape", newline="")
        )

    def codec(self) -> str:
        """The codec's name, which for UTF-8 takes a byte-order mark away.

        Raises:
            DataError: there is no such encoding.
        """
        try:
            name = codecs.lookup(self.encoding).name
        except LookupError:
            fix = "write utf-8, latin-1, cp1252, utf-16 or another name of Python's codecs"
            raise DataError(
                Finding("error", "data.encoding", f"unknown encoding '{self.encoding}'", fix)
            ) from None
        return "utf-8-sig" if name == "utf-8" else name

    def broken_byte(self, text: str) -> tuple[str, str] | None:
        """Message and fix when ``text`` holds a byte that this encoding does not have; otherwise None."""
        found = None if text.isascii() else _UNDECODABLE.search(text)
        if not found:
            return None
        byte = bytes([ord(found.group()) & 0xFF])
        likely = "cp1252" if byte < b"\xa0" else "latin-1"
        shown = byte.decode(likely, errors="replace")
        around = _UNDECODABLE.sub("?", text[max(0, found.start() - 20) : found.end() + 20])
        message = f"byte 0x{byte.hex()} is not {self.encoding} (near {around!r})"
        return (
            message,
            f"if it is '{shown}', set data.encoding={likely}; otherwise save the file as {self.encoding}",
        )


@contextmanager
def undamaged(path: Path, encoding: str) -> Generator[None]:
    """Say of a file that is read inside the block what is wrong with all of it.

    Raises:
        DataError: not a gzip file though named like one, a cut one, or not of this encoding.
    """
    try:
        yield
    except gzip.BadGzipFile:
        raise DataError(Finding("error", str(path), "not a gzip file", "unpack or rename it")) from None
    except (EOFError, zlib.error):
        fix = "fetch or pack it again"
        raise DataError(Finding("error", str(path), "the gzip file is cut or damaged", fix)) from None
    except UnicodeError as error:
        fix = "set data.encoding to the encoding it was saved in"
        raise DataError(Finding("error", str(path), f"not {encoding} text ({error})", fix)) from None


def check_text_file(path: Path, encoding: str) -> None:
    """Refuse a file that is empty or is not text.

    Raises:
        DataError: it is empty, binary, or has a byte-order mark of another encoding.
    """
    opener = gzip.open if path.suffix == ".gz" else open
    with undamaged(path, encoding), opener(path, "rb") as file:
        head = file.read(4096)
    wide = encoding.lower().replace("_", "-").startswith(("utf-16", "utf-32"))
    if not head.strip(b"\x00\xef\xbb\xbf \t\r\n"):
        raise DataError(Finding("error", str(path), "the file is empty", "give a file with rows"))
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and not wide:
        raise DataError(Finding("error", str(path), "the text is UTF-16", "set data.encoding=utf-16"))
    kind = next((name for magic, name in MAGIC.items() if head.startswith(magic)), None)
    if kind or (b"\x00" in head and not wide):
        message = f"not a text file: it looks like {kind or 'binary data (byte 0x00 in it)'}"
        raise DataError(Finding("error", str(path), message, "give a csv, tsv, jsonl, parquet or txt file"))


def read_delimited(file: TextFile, separator: str, quoted: bool = True) -> tuple[list[str], Iterator[Row]]:
    """Names of the columns, and the rows whose number of cells fits them; all others become problems.

    Raises:
        DataError: the header cannot be used, or there is no row below it.
    """
    csv.field_size_limit(CELL_LIMIT)
    with file.open() as stream:
        header_line = stream.readline()
    separator = _separator(file, header_line, separator)
    names = _header(file, header_line, separator)
    return names, _delimited_rows(file, separator, quoted, len(names))


def _separator(file: TextFile, header: str, separator: str) -> str:
    """The separator the header shows: spreadsheets of many countries write csv with semicolons."""
    if separator in header:
        return separator
    other = next((mark for mark in ";\t," if mark in header), separator)
    if other != separator:
        file.notes.append(
            Finding("note", str(file.path), f"cells are separated by {other!r}, not {separator!r}")
        )
    return other


def _header(file: TextFile, line: str, separator: str) -> list[str]:
    broken = file.broken_byte(line)
    if broken:
        raise DataError(Finding("error", file.where(1), *broken))
    cells = next(csv.reader([line], delimiter=separator), [])
    names = [cell.strip() or f"column {number}" for number, cell in enumerate(cells, 1)]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        message = f"the header names {', '.join(map(repr, twice))} more than once"
        raise DataError(Finding("error", file.where(1), message, "give every column its own name"))
    return names


def _delimited_rows(file: TextFile, separator: str, quoted: bool, width: int) -> Iterator[Row]:
    with file.open() as stream:
        style = csv.QUOTE_MINIMAL if quoted else csv.QUOTE_NONE
        reader = csv.reader(stream, delimiter=separator, quoting=style, strict=True)
        next(reader)
        number, line = 0, reader.line_num + 1
        for cells in _cells(file, reader):
            number += cells != []
            if cells and _usable(file, line, cells, width):
                yield number, line, cells
            line = reader.line_num + 1


def _cells(file: TextFile, reader: Any) -> Iterator[list[str] | None]:
    """The cells of each row; None for one that csv cannot take apart."""
    while True:
        line = reader.line_num + 1
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            file.problems.add(file.where(line), *_csv_error(str(error)))
            yield None


def _usable(file: TextFile, line: int, cells: list[str], width: int) -> bool:
    if len(cells) != width:
        count = f"{len(cells)} cell{'s' if len(cells) > 1 else ''}"
        message = f"broken row: {count} where the header has {width} (it begins {cells[0][:40]!r})"
        fix = 'put "double quotes" around a text that holds the separator or a line break'
        file.problems.add(file.where(line), message, fix)
        return False
    broken = next(filter(None, map(file.broken_byte, cells)), None)
    if broken:
        file.problems.add(file.where(line), *broken)
    return broken is None


def _csv_error(message: str) -> tuple[str, str]:
    if "field limit" in message or "unexpected end" in message:
        return (
            "broken row: a double quote opened here is never closed",
            'close it, or write "" for a quote inside a text',
        )
    if "expected after" in message:
        return (
            "broken row: text goes on after a closing double quote",
            'write "" for a quote inside a quoted text',
        )
    return f"broken row: {message}", "mend this row"


def read_lines(file: TextFile) -> Iterator[Row]:
    """The lines of a text file that hold something."""
    row = 0
    with file.open() as stream:
        for number, line in enumerate(stream, 1):
            row += bool(line.strip())
            broken = file.broken_byte(line)
            if broken:
                file.problems.add(file.where(number), *broken)
            elif line.strip():
                yield row, number, [line.rstrip("\r\n")]
