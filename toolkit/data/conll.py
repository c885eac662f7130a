"""Readers of CoNLL files: a word a line, its columns apart by tabs or spaces, a blank line between sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TextIO

from datasets import Features, List, Value

from toolkit.data.readers import Row, TextFile
from toolkit.errors import DataError, Finding

WORDS, TAGS, DOCUMENT = "tokens", "tags", "document"
"""Names of the first column, of the last one, and of the document a sentence is in, where the file says it."""
BOUNDARY = "-DOCSTART-"
UNIVERSAL = ("id", WORDS, "lemma", "upos", "xpos", "feats", "head", "deprel", "deps", "misc")
"""Columns of CoNLL-U (universaldependencies.org/format.html)."""


@dataclass
class Sentence:
    """Lines of one sentence as they are read: where it begins, its words' cells, and whether one is broken."""

    line: int = 0
    cells: list[list[str]] = field(default_factory=list[list[str]])
    broken: bool = False


def read_conll(file: TextFile) -> tuple[Features, Iterator[Row]]:
    """Columns ``tokens``, ``tags`` (the last one), those between by number, and ``document`` where boundaries are.

    ``-DOCSTART-`` begins a document; a line that begins with ``#`` before the first word of a sentence and has another
    number of columns than words have is a comment.

    Raises:
        DataError: the file has no words, or a single column.
    """
    return _read(file, ())


def read_conllu(file: TextFile) -> tuple[Features, Iterator[Row]]:
    """The columns of CoNLL-U by their names; empty nodes and ranges of words grown together are left out.

    Raises:
        DataError: the file has no words.
    """
    return _read(file, UNIVERSAL)


def _read(file: TextFile, names: tuple[str, ...]) -> tuple[Features, Iterator[Row]]:
    tabbed, width = _shape(file)
    if not names and width < 2:
        message = "one column: a word and its tag are expected in each line"
        raise DataError(Finding("error", str(file.path), message, "put a tab or a space between them"))
    columns = names or (WORDS, *(f"column {at}" for at in range(2, width)), TAGS)
    features = Features({name: List(Value("string")) for name in columns})
    if _has_documents(file):
        features[DOCUMENT] = Value("string")
    return features, _rows(file, "\t" if tabbed else None, columns, DOCUMENT in features)


def _lines(stream: TextIO) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(stream, 1):
        yield number, line.rstrip("\r\n")


def _shape(file: TextFile) -> tuple[bool, int]:
    """Whether tabs part the columns, and how many there are, as the first line with a word shows."""
    with file.open() as stream:
        for _, line in _lines(stream):
            if line.strip() and not line.startswith(("#", BOUNDARY)):
                return "\t" in line, len(line.split("\t" if "\t" in line else None))
    raise DataError(Finding("error", str(file.path), "no line holds a word", "give a file with sentences"))


def _has_documents(file: TextFile) -> bool:
    with file.open() as stream:
        return any(_is_boundary(line) for _, line in _lines(stream))


def _is_boundary(line: str) -> bool:
    return line.startswith((BOUNDARY, "# newdoc", "#begin document"))


def _rows(file: TextFile, mark: str | None, columns: Sequence[str], documents: bool) -> Iterator[Row]:
    """A row for each sentence that is whole; ``document`` is the file's name and a number, unlike in other files."""
    row, document = 0, 0
    for sentence, starts in _sentences(file, mark, len(columns)):
        document += starts
        if not sentence.cells and not sentence.broken:
            continue
        row += 1
        cells = [cells for cells in sentence.cells if columns != UNIVERSAL or cells[0].isdigit()]
        if sentence.broken or not cells:
            continue
        place = [f"{file.path.name} {document}"] if documents else []
        yield row, sentence.line, [*map(list, zip(*cells, strict=True)), *place]


def _sentences(file: TextFile, mark: str | None, width: int) -> Iterator[tuple[Sentence, bool]]:
    """Each sentence, and whether a document begins with it."""
    current, starts = Sentence(), False
    with file.open() as stream:
        for number, line in _lines(stream):
            if not line.strip() or _is_boundary(line):
                yield current, starts
                current, starts = Sentence(), _is_boundary(line)
            else:
                _add(file, current, number, line, line.split(mark), width)
    yield current, starts


def _add(file: TextFile, sentence: Sentence, number: int, line: str, cells: list[str], width: int) -> None:
    if line.startswith("#") and not sentence.cells and len(cells) != width:
        return
    sentence.line = sentence.line or number
    broken = file.broken_byte(line)
    if len(cells) == width and not broken:
        sentence.cells.append([cell.strip() for cell in cells])
        return
    if not sentence.broken:  # one sentence is one row that cannot be used
        what = f"{len(cells)} column{'s' if len(cells) > 1 else ''} where the file has {width}"
        fix = "give every word all its columns, or remove the line"
        file.problems.add(file.where(number), *(broken or (f"{what} ({line.strip()[:40]!r})", fix)))
    sentence.broken = True
