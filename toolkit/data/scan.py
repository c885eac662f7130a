"""One pass over the picked rows: unusable cells named, content hashed, labels encoded."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from toolkit.data.arrays import Growing, filtered
from toolkit.data.columns import Columns
from toolkit.data.compute import compute as pc
from toolkit.data.labels import Encoded, LabelColumns, LabelSpace, complaint, encode
from toolkit.data.problems import Problems
from toolkit.data.roles import Role
from toolkit.data.table import Pick
from toolkit.data.values import is_missing


@dataclass(frozen=True)
class Scan:
    """The usable rows of a pick and, row for row, the hash of their text, their class and the hash of their group.

    ``keys`` and ``groups`` are uint64, ``codes`` int32 (single-label only).
    """

    pick: Pick
    keys: np.ndarray
    codes: np.ndarray | None
    groups: np.ndarray | None
    problems: Problems

    def keep(self, mask: np.ndarray) -> Scan:
        """The rows where ``mask`` holds."""
        codes = None if self.codes is None else filtered(self.codes, mask)
        groups = None if self.groups is None else filtered(self.groups, mask)
        return Scan(self.pick.keep(mask), filtered(self.keys, mask), codes, groups, self.problems)


@dataclass(frozen=True)
class Layout:
    """Which columns hold what; fixed once for all splits of a source."""

    texts: tuple[str, ...]
    label: str | tuple[str, ...] | None
    group: str | None

    @classmethod
    def of(cls, roles: Sequence[Role], columns: Columns, group: str | None) -> Layout:
        """The layout of mapped columns."""
        texts = tuple(str(columns[role.name]) for role in roles if not role.is_label and role.name in columns)
        label = next((columns[role.name] for role in roles if role.is_label and role.name in columns), None)
        return cls(texts, label if label is None or isinstance(label, str) else tuple(label), group)

    @property
    def needed(self) -> list[str]:
        """All columns to read, each once."""
        label = () if self.label is None else (self.label,) if isinstance(self.label, str) else self.label
        return list(dict.fromkeys([*self.texts, *label, *([self.group] if self.group else [])]))


@dataclass(frozen=True)
class Reader:
    """What a pass over a pick needs to know at every batch."""

    pick: Pick
    layout: Layout
    label: LabelColumns | None
    space: LabelSpace | None
    problems: Problems

    def usable(self, batch: pa.Table, start: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Which rows of a batch can be used, and the class of each row where there is one."""
        good = np.ones(len(batch), bool)
        for name in filter(None, [*self.layout.texts, self.layout.group]):
            good &= self._filled(batch, name, start)
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

    def _labelled(self, batch: pa.Table, encoded: Encoded, start: int) -> np.ndarray:
        label, space = self.label, self.space
        if label is None or space is None:
            return np.ones(len(batch), bool)

        def describe(at: int) -> tuple[str, str, str]:
            return self.pick.where(start + at), *complaint(label.cell(batch, at), int(encoded.bad[at]), space)

        self.problems.add_rows(np.flatnonzero(encoded.bad).tolist(), describe)
        return encoded.bad == 0


def scan(pick: Pick, layout: Layout, space: LabelSpace | None) -> Scan:
    """Look at every picked row once; rows that cannot be used are left out and named."""
    label = None if layout.label is None or space is None else LabelColumns.of(pick, layout.label)
    reader = Reader(pick, layout, label, space, Problems())
    keep, keys = Growing(len(pick), np.bool_), Growing(len(pick), np.uint64)
    codes, groups = Growing(len(pick), np.int32), Growing(len(pick) if layout.group else 0, np.uint64)
    start = 0
    for batch in pick.batches(layout.needed):
        good, values = reader.usable(batch, start)
        usable = batch.filter(pa.array(good))
        keep.add(good)
        keys.add(content_keys(usable, layout.texts))
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
    )


def normalise(text: str) -> str:
    """What two texts have in common that differ in case, spacing or Unicode form only."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def joined_text(cells: Sequence[object]) -> str:
    """The normalised texts of a row as one, for comparison only."""
    return "\x1f".join(normalise(str(cell)) for cell in cells)


def content_keys(batch: pa.Table, columns: Sequence[str]) -> np.ndarray:
    """A uint64 hash of each row's normalised cells, equal on every machine."""
    cells = [batch[name].to_pylist() for name in columns]
    texts = map(joined_text, zip(*cells, strict=True))
    hashes = [blake2b(text.encode("utf-8", "replace"), digest_size=8).digest() for text in texts]
    return np.frombuffer(b"".join(hashes), np.uint64)
