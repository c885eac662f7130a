"""One pass over the picked rows: unusable cells named, content hashed, labels encoded."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import cast

import numpy as np
import pyarrow as pa

from toolkit.data.answers import AnswerColumns
from toolkit.data.arrays import Growing, filtered
from toolkit.data.boxes import BoxColumn, BoxReader
from toolkit.data.columns import Columns
from toolkit.data.compute import compute as pc
from toolkit.data.labels import Encoded, LabelColumns, LabelSpace, complaint, encode
from toolkit.data.masks import IGNORE
from toolkit.data.messages import problem_in
from toolkit.data.pixels import PixelStore
from toolkit.data.problems import Problems
from toolkit.data.roles import Role
from toolkit.data.table import Pick
from toolkit.data.tags import Repairs, TagColumns, TagReader, resolved
from toolkit.data.values import is_missing


@dataclass(frozen=True)
class Scan:
    """The usable rows of a pick and, row for row, the hash of their content, their class and the hash of their group.

    ``keys`` and ``groups`` are uint64, ``codes`` int32 (single-label only).
    """

    pick: Pick
    keys: np.ndarray
    codes: np.ndarray | None
    groups: np.ndarray | None
    problems: Problems
    pixels: PixelStore | None = None
    """The decoded pictures of the rows, where the input is one."""
    masks: PixelStore | None = None
    """Their masks, at the same positions, where there are any."""
    tags: TagReader | None = None
    """What reads their words and tags, where they have some."""
    repairs: Repairs = field(default_factory=Repairs)
    """Tags that were put in order."""
    looked_up: int = 0
    """Answers whose place in their context the source does not say."""

    def keep(self, mask: np.ndarray) -> Scan:
        """The rows where ``mask`` holds."""
        codes = None if self.codes is None else filtered(self.codes, mask)
        groups = None if self.groups is None else filtered(self.groups, mask)
        keys = filtered(self.keys, mask)
        return replace(self, pick=self.pick.keep(mask), keys=keys, codes=codes, groups=groups)


@dataclass(frozen=True)
class Layout:
    """Which columns hold what; fixed once for all splits of a source."""

    texts: tuple[str, ...]
    label: str | tuple[str, ...] | None
    group: str | None
    picture: str | None = None
    mask: str | None = None
    boxes: BoxColumn | None = None
    messages: str | None = None
    tags: TagColumns | None = None
    answers: AnswerColumns | None = None
    targets: tuple[str, ...] = ()
    """Columns of texts that are learnt to be written: they must be filled, and do not count as content."""
    number: bool = False
    """Whether the label can only be a number."""

    @classmethod
    def of(cls, roles: Sequence[Role], columns: Columns, group: str | None) -> Layout:
        """The layout of mapped columns."""
        mapped = [role for role in roles if role.name in columns]
        texts, targets = (
            tuple(str(columns[role.name]) for role in mapped if role.kind == kind)
            for kind in ("text", "target")
        )
        picture, mask, messages = (
            next((str(columns[role.name]) for role in mapped if role.kind == kind), None)
            for kind in ("image", "mask", "messages")
        )
        label = next((columns[role.name] for role in mapped if role.is_label), None)
        number = any(role.kind == "number" for role in mapped)
        return cls(
            texts,
            label if label is None or isinstance(label, str) else tuple(label),
            group,
            picture,
            mask,
            BoxColumn.of(roles, columns),
            messages,
            TagColumns.of(roles, columns),
            AnswerColumns.of(roles, columns),
            targets,
            number,
        )

    @property
    def contents(self) -> list[str]:
        """The columns of what a model reads, where that is no picture."""
        lists = [self.messages] if self.messages else []
        return [*self.texts, *lists, *([self.tags.words] if self.tags else [])]

    @property
    def needed(self) -> list[str]:
        """All columns that must be there, each once."""
        return [*self.read, *filter(None, (self.picture, self.mask))]

    @property
    def read(self) -> list[str]:
        """The columns that are read here; pictures are read, and decoded, by a store of their own."""
        label = () if self.label is None else (self.label,) if isinstance(self.label, str) else self.label
        lists = [self.boxes.name] if self.boxes else []
        lists += [self.messages] if self.messages else []
        lists += [self.tags.words, self.tags.tags] if self.tags else []
        lists += self.answers.names if self.answers else []
        group = [self.group] if self.group else []
        return list(dict.fromkeys([*self.texts, *self.targets, *label, *lists, *group]))


@dataclass(frozen=True)
class Reader:
    """What a pass over a pick needs to know at every batch."""

    pick: Pick
    layout: Layout
    label: LabelColumns | None
    space: LabelSpace | None
    problems: Problems
    pixels: PixelStore | None = None
    masks: PixelStore | None = None
    boxes: BoxReader | None = None
    tags: TagReader | None = None
    repairs: Repairs = field(default_factory=Repairs)
    looked_up: list[int] = field(default_factory=list[int])
    """Of each batch, answers whose place the source does not say."""

    def usable(self, batch: pa.Table, start: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Which rows of a batch can be used, and the class of each row where there is one."""
        good = np.ones(len(batch), bool)
        for name in filter(None, [*self.layout.texts, *self.layout.targets, self.layout.group]):
            good &= self._filled(batch, name, start)
        if self.layout.messages:
            cells = batch[self.layout.messages].to_pylist()
            good &= self._without([problem_in(cell) for cell in cells], start)
        if self.layout.answers:
            good &= self._answered(batch, self.layout.answers, start, good)
        if self.pixels is not None:
            good &= self._without(self._errors(batch, start, self.pixels), start)
        if self.tags is not None:
            good &= self._without(self._tag_errors(batch, start, self.tags), start)
        if self.label is None or self.space is None:
            return good, None
        encoded = encode(batch, self.label, self.space)
        return good & self._labelled(batch, encoded, start), encoded.values

    def _filled(self, batch: pa.Table, name: str, start: int) -> np.ndarray:
        column = batch[name].combine_chunks()
        missing = is_missing(pc.cast(column, pa.string())).to_numpy(zero_copy_only=False)

        def describe(at: int) -> tuple[str, str, str]:
            cell = column[at].as_py()
            what = "empty" if not str(cell or "").strip() else f"{cell!r}, not a text"
            return self.pick.where(start + at), f"'{name}' is {what}", "fill it in, or remove the row"

        self.problems.add_rows(np.flatnonzero(missing).tolist(), describe)
        return ~missing

    def _answered(self, batch: pa.Table, columns: AnswerColumns, start: int, good: np.ndarray) -> np.ndarray:
        """Which rows have answers that are parts of their context, among those with a context."""
        found = [
            columns.problem(*cells) if fine else (None, 0)
            for cells, fine in zip(columns.cells(batch), good, strict=True)
        ]
        self.looked_up.append(sum(count for _, count in found))
        return self._without([error for error, _ in found], start)

    def _errors(self, batch: pa.Table, start: int, pixels: PixelStore) -> list[str | None]:
        """What is wrong with the picture of each row, or with its mask or boxes where the picture is well."""
        errors = [*pixels.errors[start : start + len(batch)]]
        if self.masks is not None:
            errors = [error or self._mask_error(start + at) for at, error in enumerate(errors)]
        if self.boxes is not None:
            reader, space = self.boxes, self.space
            cells = batch[reader.column.name].to_pylist()
            sizes = pixels.sizes[start : start + len(batch)].tolist()
            errors = [
                error or reader.error(*row, space) for error, *row in zip(errors, cells, sizes, strict=True)
            ]
        return errors

    def _tag_errors(self, batch: pa.Table, start: int, reader: TagReader) -> list[str | None]:
        """What is wrong with the words and tags of each row; tags that are put in order are counted."""
        errors: list[str | None] = []
        columns = (batch[name].to_pylist() for name in (reader.columns.words, reader.columns.tags))
        for at, (words, tags) in enumerate(zip(*columns, strict=True)):
            error, changed = reader.error(words, tags, self.space)
            errors.append(error)
            if changed:
                self.repairs.add(changed, self.pick.where(start + at))
        return errors

    def _without(self, errors: Sequence[str | None], start: int) -> np.ndarray:
        """Where there is no error; the others are named."""

        def describe(at: int) -> tuple[str, str, str]:
            return self.pick.where(start + at), str(errors[at]), "mend or remove it"

        bad = np.array([error is not None for error in errors], bool)
        self.problems.add_rows(np.flatnonzero(bad).tolist(), describe)
        return ~bad

    def _mask_error(self, position: int) -> str | None:
        """What is wrong with the mask at a position, whose picture is well."""
        if self.masks is None or self.pixels is None:
            return None
        error = self.masks.errors[position]
        if error:
            return f"mask: {error}"
        (width, height), (wide, high) = (
            store.sizes[position].tolist() for store in (self.masks, self.pixels)
        )
        if (width, height) != (wide, high):
            return f"the mask has {width} x {height} pixels and the picture {wide} x {high}"
        known = len(self.space.names) if self.space else IGNORE
        wrong = [value for value in self.masks.values(position) if known <= value < IGNORE]
        if wrong:
            return f"the mask holds {wrong[0]}, which is no class (there are {known}, numbered from 0)"
        return None

    def keys(self, batch: pa.Table, start: int, good: np.ndarray) -> np.ndarray:
        """A uint64 hash of the content of each usable row of a batch: its picture, or its texts."""
        if self.pixels is not None:
            return self.pixels.keys[start : start + len(batch)][good]
        return content_keys(batch.filter(pa.array(good)), self.layout.contents)

    def _labelled(self, batch: pa.Table, encoded: Encoded, start: int) -> np.ndarray:
        label, space = self.label, self.space
        if label is None or space is None:
            return np.ones(len(batch), bool)

        def describe(at: int) -> tuple[str, str, str]:
            cell, where = label.cell(batch, at), self.pick.where(start + at)
            if self.layout.number:
                return (
                    where,
                    f"'{label.columns[0]}' is {cell!r}, not a number",
                    "give a number, or remove the row",
                )
            return where, *complaint(cell, int(encoded.bad[at]), space)

        self.problems.add_rows(np.flatnonzero(encoded.bad).tolist(), describe)
        return encoded.bad == 0


def scan(
    pick: Pick,
    layout: Layout,
    space: LabelSpace | None,
    pixels: PixelStore | None = None,
    masks: PixelStore | None = None,
) -> Scan:
    """Look at every picked row once; rows that cannot be used are left out and named.

    Args:
        pick: the rows.
        layout: which columns hold what.
        space: the labels, where there are any.
        pixels: the pick's decoded pictures, where the input is one.
        masks: their masks, where there are any.
    """
    label = None if layout.label is None or space is None else LabelColumns.of(pick, layout.label)
    boxes = None if layout.boxes is None else BoxReader.of(pick, layout.boxes)
    tags = None if layout.tags is None else tag_reader(pick, layout.tags, space)
    reader = Reader(pick, layout, label, space, Problems(), pixels, masks, boxes, tags)
    keep, keys = Growing(len(pick), np.bool_), Growing(len(pick), np.uint64)
    codes, groups = Growing(len(pick), np.int32), Growing(len(pick) if layout.group else 0, np.uint64)
    start = 0
    for batch in pick.batches(layout.read):
        good, values = reader.usable(batch, start)
        usable = batch.filter(pa.array(good))
        keep.add(good)
        keys.add(reader.keys(batch, start, good))
        if values is not None and values.dtype == np.int64:
            codes.add(values[good])
        if layout.group:
            groups.add(content_keys(usable, [layout.group]))
        start += len(batch)
    single = space is not None and space.problem_type == "single_label_classification"
    return Scan(
        pick.keep(keep.done()),
        keys.done(),
        codes.done() if single else None,
        groups.done() if layout.group else None,
        reader.problems,
        pixels,
        masks,
        tags,
        reader.repairs,
        sum(reader.looked_up),
    )


def tag_reader(pick: Pick, columns: TagColumns, space: LabelSpace | None) -> TagReader:
    """What reads the words and tags of a pick, in the scheme of its recipe or of the tags that training knows."""
    return TagReader.of(pick, columns, resolved(columns.tagging, space.names if space else ()))


def normalise(text: str) -> str:
    """What two texts have in common that differ in case, spacing or Unicode form only."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def joined_text(cells: Sequence[object]) -> str:
    """The normalised texts of a row as one, for comparison only; a list of words is the text they make."""
    return "\x1f".join(
        normalise(" ".join(map(str, cast(list[object], cell))) if isinstance(cell, list) else str(cell))
        for cell in cells
    )


def content_keys(batch: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """A uint64 hash of each row's normalised cells, equal on every machine."""
    cells = [batch[name].to_pylist() for name in columns]
    texts = map(joined_text, zip(*cells, strict=True))
    hashes = [blake2b(text.encode("utf-8", "replace"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(hashes), np.uint64)
