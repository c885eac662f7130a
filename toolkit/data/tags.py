"""Words with a tag each: read from the cells of a table, checked, and brought into the order of their scheme."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Features, List, Value

from toolkit.data.labels import LabelSpace
from toolkit.data.problems import listed
from toolkit.data.roles import Role, Scheme, Tagging
from toolkit.data.schemes import PREFIXES, belongs, scheme_of, spans, written
from toolkit.data.table import Pick
from toolkit.data.values import INTEGER, names_of
from toolkit.errors import Finding

TAGS = "tags"
"""Column of encoded rows: a class number for each word."""
_TEXT = ("string", "large_string", "string_view")


class TagError(ValueError):
    """A row that holds no usable words with tags; the text says what is wrong with it."""


def holds_words(feature: object) -> bool:
    """Whether the cells of a column are lists of texts."""
    return isinstance(feature, List) and getattr(feature.feature, "dtype", "") in _TEXT


def holds_tags(feature: object) -> bool:
    """Whether the cells of a column are lists of texts or of class numbers."""
    inner = feature.feature if isinstance(feature, List) else None
    numbers = isinstance(inner, Value) and inner.dtype.startswith(("int", "uint"))
    return holds_words(feature) or isinstance(inner, ClassLabel) or numbers


@dataclass(frozen=True)
class TagColumns:
    """Where the words of a row and their tags are, and how the tags are read."""

    words: str
    tags: str
    tagging: Tagging

    @classmethod
    def of(cls, roles: Sequence[Role], columns: Mapping[str, Any]) -> TagColumns | None:
        """The columns that play the roles of words and tags, where two do."""
        mapped = {role.kind: role for role in roles if role.name in columns}
        if "words" not in mapped or "tags" not in mapped:
            return None
        words, tags = (str(columns[mapped[kind].name]) for kind in ("words", "tags"))
        return cls(words, tags, mapped["tags"].tagging)


@dataclass(frozen=True)
class Tagged:
    """The words of one sentence and a tag for each; ``changed`` counts the tags that were put in order."""

    words: tuple[str, ...]
    tags: tuple[str, ...]
    changed: int = 0


@dataclass(frozen=True)
class TagReader:
    """Takes cells apart: lists, lists written as JSON, or words and tags with spaces between them."""

    columns: TagColumns
    stated: tuple[str, ...] | None
    """The tags' names by number, where the source states them."""
    scheme: Scheme = "plain"

    @classmethod
    def of(cls, pick: Pick, columns: TagColumns, scheme: Scheme) -> TagReader:
        """The reader of a pick's columns."""
        return cls(columns, names_of(pick.table.dataset.features[columns.tags]), scheme)

    def read(self, words: Any, tags: Any) -> Tagged:
        """The words and tags of a row.

        Raises:
            TagError: they do not belong together, are empty, or are none.
        """
        found, given = read_words(words), _opened(tags)
        if len(found) != len(given):
            raise TagError(f"{len(found)} words and {len(given)} tags: each word needs one")
        names = tuple(self._name(at, tag, found[at]) for at, tag in enumerate(given))
        return self._in_order(found, names)

    def _name(self, at: int, tag: Any, word: str) -> str:
        place = f"word {at + 1} ({word!r})"
        if self.stated is not None and isinstance(tag, int):
            if 0 <= tag < len(self.stated):
                return self.stated[tag]
            raise TagError(f"{place} has the tag {tag}, and there are {len(self.stated)}")
        if tag is None or not str(tag).strip():
            raise TagError(f"{place} has no tag")
        name = str(tag).strip()
        if not belongs(name, self.scheme):
            forms = ", ".join(f"{letter}-…" for letter in PREFIXES[self.scheme])
            raise TagError(f"{place} has the tag {name!r}, which is none of {self.scheme} (O, {forms})")
        return name

    def _in_order(self, words: tuple[str, ...], names: tuple[str, ...]) -> Tagged:
        """The tags as their scheme has them; most data begins an entity with I- somewhere."""
        if self.scheme == "plain":
            return Tagged(words, names)
        right = tuple(written(spans(names), len(names), self.scheme))
        wrong = [at for at, (name, better) in enumerate(zip(names, right, strict=True)) if name != better]
        if wrong and self.columns.tagging.bio == "refuse":
            at = wrong[0]
            before = f"follows {names[at - 1]}" if at else "begins the sentence"
            raise TagError(
                f"the tag {names[at]} of word {at + 1} ({words[at]!r}) {before}, against the order of {self.scheme}; "
                f"options.bio=repair reads it as {right[at]}"
            )
        return Tagged(words, right, len(wrong))

    def error(self, words: Any, tags: Any, space: LabelSpace | None) -> tuple[str | None, int]:
        """What is wrong with a row, or None; and how many of its tags were put in order."""
        try:
            tagged = self.read(words, tags)
        except TagError as error:
            return str(error), 0
        known = space.names if space else tagged.tags
        for at, tag in enumerate(tagged.tags):
            if tag not in known:
                known_tags = listed(known, 12)
                message = f"the tag {tag!r} of word {at + 1} ({tagged.words[at]!r}) does not occur in the training rows"
                return f"{message} (known tags: {known_tags})", 0
        return None, tagged.changed


def read_words(cell: Any) -> tuple[str, ...]:
    """The words of a cell.

    Raises:
        TagError: there is none, or one of them is empty or no text.
    """
    found = _opened(cell)
    if not found:
        raise TagError("the sentence is empty: there is no word")
    for at, word in enumerate(found, 1):
        if not isinstance(word, str) or not word.strip():
            raise TagError(f"word {at} of {len(found)} is {'empty' if not word else f'{word!r}, not a text'}")
    return tuple(found)


def _opened(cell: Any) -> list[Any]:
    """A list as it is; a text as the list it stands for."""
    if not isinstance(cell, str):
        return [] if cell is None else list(cell)
    if cell.lstrip().startswith("["):
        try:
            return list(json.loads(cell))
        except ValueError:
            pass  # a sentence that begins with a bracket
    return cell.split()


@dataclass
class Repairs:
    """Tags that were put in the order of their scheme: how many, in how many rows, and the first place."""

    tags: int = 0
    rows: int = 0
    first: str = ""

    def add(self, changed: int, where: str) -> None:
        """Count a row."""
        self.tags += changed
        self.rows += changed > 0
        self.first = self.first or where

    def to_dict(self) -> dict[str, int]:
        """The counts as JSON data."""
        return {"tags": self.tags, "rows": self.rows}


def repaired(all_repairs: Sequence[Repairs], scheme: Scheme) -> list[Finding]:
    """A note of the tags of all splits that were put in order."""
    tags, rows = (sum(getattr(one, name) for one in all_repairs) for name in ("tags", "rows"))
    if not tags:
        return []
    first = next(one.first for one in all_repairs if one.tags)
    message = (
        f"{tags:,} tags in {rows:,} rows were against the order of {scheme} (an entity that begins with I-, for one) "
        "and were put in order"
    )
    return [Finding("warning", first, message, "options.bio=refuse names the rows instead")]


def tag_classes(pick: Pick, columns: TagColumns, findings: list[Finding]) -> LabelSpace:
    """The tags that the training rows hold: those that the source states, in its order, else sorted by name.

    Args:
        pick: the training rows.
        columns: of words and tags.
        findings: gets an error when there are not two tags.
    """
    plain = TagReader.of(pick, columns, "plain")
    found = _census(pick, plain)
    scheme = resolved(columns.tagging, plain.stated or tuple(found))
    if scheme != "plain":
        found = _census(pick, TagReader.of(pick, columns, scheme)) or found
    rest = sorted(set(found) - set(plain.stated or ()))
    numbers = all(re.match(INTEGER, name) for name in rest)
    names = (*(plain.stated or ()), *(sorted(rest, key=int) if numbers else rest))
    if len(found) < 2:
        what = f"every word has the tag '{next(iter(found))}'" if found else "no word has a usable tag"
        where = f"{pick.table.parts[0].name} column '{columns.tags}'"
        findings.append(Finding("error", where, what, "a tagger needs words of at least two tags"))
    return LabelSpace("token_classification", names)


def resolved(tagging: Tagging, names: Sequence[str]) -> Scheme:
    """The scheme that a recipe names, or the one that the tags show."""
    return scheme_of(names) if tagging.scheme == "auto" else tagging.scheme


def _census(pick: Pick, reader: TagReader) -> Counter[str]:
    """How often each tag occurs in the usable rows."""
    counts: Counter[str] = Counter()
    for words, tags in cells(pick, reader.columns):
        try:
            counts.update(reader.read(words, tags).tags)
        except TagError:
            continue  # the scan names it
    return counts


def cells(pick: Pick, columns: TagColumns) -> Iterator[tuple[Any, Any]]:
    """The words and tags of each row, as the source holds them."""
    for batch in pick.batches([columns.words, columns.tags]):
        yield from zip(batch[columns.words].to_pylist(), batch[columns.tags].to_pylist(), strict=True)


@dataclass(frozen=True)
class EncodedTags:
    """The words of some rows, and their tags as numbers: int64 (all words,)."""

    words: Sequence[Sequence[str]]
    codes: np.ndarray

    def arrow(self) -> list[pa.Array]:
        """The columns of words and of tags."""
        ends = np.cumsum([0, *map(len, self.words)])
        codes = [self.codes[start:end].tolist() for start, end in pairwise(ends)]
        kinds = Features(tag_features("words")).arrow_schema.types
        return [pa.array(column, kind) for column, kind in zip((self.words, codes), kinds, strict=True)]

    def tobytes(self) -> bytes:
        """What tells these rows from others."""
        text = "\x00".join("\x1f".join(words) for words in self.words)
        return text.encode("utf-8", "replace") + np.ascontiguousarray(self.codes).tobytes()


def tag_features(role: str) -> dict[str, List]:
    """Types of the encoded columns: the role of the words, and ``tags``."""
    return {role: List(Value("string")), TAGS: List(Value("int64"))}


def encode_tags(pick: Pick, indices: np.ndarray, reader: TagReader, space: LabelSpace) -> EncodedTags:
    """The rows of a table at these positions, all of them usable."""
    numbers = {name: number for number, name in enumerate(space.names)}
    columns = reader.columns
    batches = pick.table.batches(indices, [columns.words, columns.tags])
    rows = [row for batch in batches for row in cast(list[dict[str, Any]], batch.to_pylist())]
    tagged = [reader.read(row[columns.words], row[columns.tags]) for row in rows]
    codes = np.array([numbers[tag] for one in tagged for tag in one.tags], np.int64)
    return EncodedTags([list(one.words) for one in tagged], codes)
