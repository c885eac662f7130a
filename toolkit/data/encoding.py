"""The last step: one memory-mapped Arrow file for each split, with the roles as columns and the labels as targets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Features, Value

from toolkit.data.answers import AnswerColumns
from toolkit.data.boxes import BoxColumn, BoxReader, EncodedBoxes, box_features, encode_boxes
from toolkit.data.columns import Columns
from toolkit.data.compute import compute as pc
from toolkit.data.labels import Encoded, LabelColumns, LabelSpace, encode
from toolkit.data.messages import read_messages, written
from toolkit.data.pixels import PixelStore
from toolkit.data.roles import ROW, Role
from toolkit.data.store import BATCH, Stored, stored, write_arrow
from toolkit.data.table import Pick
from toolkit.data.tags import TagColumns, TagReader, encode_tags, tag_features


@dataclass
class Balance:
    """How the labels of a split are spread: rows by class, or the range of the numbers."""

    space: LabelSpace
    counts: np.ndarray = field(default_factory=lambda: np.zeros(0))
    rows: int = 0
    low: float = np.inf
    high: float = -np.inf

    def add(self, values: np.ndarray) -> None:
        """Count a batch of targets."""
        width = len(self.space.names)
        if self.space.problem_type == "regression":
            self.low, self.high = min(self.low, float(values.min())), max(self.high, float(values.max()))
        counts = (
            np.bincount(values, minlength=width)
            if values.dtype == np.int64
            else values.sum(axis=0, dtype=float)
        )
        self.counts = counts + (self.counts if self.counts.size else 0)
        self.rows += len(values)

    def to_dict(self) -> dict[str, float]:
        """Rows by label; of a regression the mean, smallest and largest number."""
        if self.space.problem_type != "regression":
            return {name: int(count) for name, count in zip(self.space.names, self.counts, strict=False)}
        mean = float(np.sum(self.counts)) / max(1, self.rows * len(self.space.names))
        return {"mean": mean, "min": self.low, "max": self.high} if self.rows else {}


@dataclass(frozen=True)
class Target:
    """What the encoded rows look like."""

    roles: tuple[Role, ...]
    columns: Columns
    space: LabelSpace | None

    @property
    def texts(self) -> dict[str, str]:
        """Role to source column, of what is kept as text."""
        return {
            r.name: str(self.columns[r.name])
            for r in self.roles
            if r.kind in {"text", "target", "messages", "answers"} and r.name in self.columns
        }

    def text(self, role: str, batch: pa.Table) -> pa.Array:
        """The cells of a role as texts; conversations and answers as JSON."""
        cells = batch[self.texts[role]].combine_chunks()
        kind = next(r.kind for r in self.roles if r.name == role)
        if kind == "messages":
            return pa.array([written(read_messages(cell)) for cell in cells.to_pylist()], pa.string())
        if kind == "answers" and self.answers:
            return pa.array([self.answers.written(*row) for row in self.answers.cells(batch)], pa.string())
        return pc.cast(cells, pa.string())

    @property
    def answers(self) -> AnswerColumns | None:
        """The source columns of answers where there are any."""
        return AnswerColumns.of(self.roles, self.columns)

    @property
    def picture(self) -> str | None:
        """The name of the picture role when there is one."""
        return next((r.name for r in self.roles if r.kind == "image" and r.name in self.columns), None)

    @property
    def label(self) -> str | None:
        """The name of the label role when there are labels."""
        return next(
            (r.name for r in self.roles if r.is_label and r.name in self.columns and self.space), None
        )

    @property
    def boxes(self) -> BoxColumn | None:
        """The source column of objects where there is one."""
        return BoxColumn.of(self.roles, self.columns)

    @property
    def words(self) -> str | None:
        """The name of the role of words when there is one."""
        return next((r.name for r in self.roles if r.kind == "words" and r.name in self.columns), None)

    @property
    def tags(self) -> TagColumns | None:
        """The source columns of words and their tags where there are some."""
        return TagColumns.of(self.roles, self.columns)

    @property
    def features(self) -> Features:
        """Types of the encoded columns."""
        boxes = box_features() if self.boxes else {}
        tags = tag_features(self.words) if self.words and self.tags else {}
        label = {self.label: self.space.feature} if self.label and self.space else {}
        pictures = {self.picture: Value("int64")} if self.picture else {}
        texts = dict.fromkeys(self.texts, Value("string"))
        return Features({**texts, **pictures, **label, **boxes, **tags, ROW: Value("int64")})

    def identity(self) -> dict[str, Any]:
        """The target as JSON data."""
        return {
            "columns": self.columns,
            "texts": self.texts,
            "picture": self.picture,
            "boxes": self.boxes.format if self.boxes else None,
            "tags": asdict(self.tags) if self.tags else None,
            "kinds": {role.name: role.kind for role in self.roles if role.name in self.columns},
            "space": self.space.to_dict() if self.space else None,
        }


def encode_split(
    pick: Pick, target: Target, *stores: PixelStore | None, tags: TagReader | None = None
) -> Stored:
    """Write the picked rows once, and open them; a picture is its position in the first of ``stores``.

    ``tags`` reads the words and tags of the rows, where they have some.

    Notes: ``fingerprint`` (sha256 of texts or pictures, targets, masks, boxes and row numbers) and ``balance``.
    """
    given = [store for store in stores if store is not None]
    parts = {"step": "encode", "table": pick.table.key, "rows": pick.digest, **target.identity()}
    parts["pictures"] = [store.stored.key for store in given]
    parts["scheme"] = tags.scheme if tags else None
    return stored(parts, lambda path: _write(path, pick, target, given, tags))


def _write(
    path: Path, pick: Pick, target: Target, stores: Sequence[PixelStore], reader: TagReader | None
) -> dict[str, Any]:
    schema = target.features.arrow_schema
    digest = sha256()
    balance = Balance(target.space) if target.space else None

    def batches() -> Iterator[pa.Table]:
        for start, arrays, values in _arrays(pick, target):
            indices = np.asarray(pick.indices[start : start + BATCH])
            rows = pick.table.row_numbers(indices)
            digest.update(
                "\x00".join(text for array in arrays for text in array.to_pylist()).encode("utf-8", "replace")
            )
            columns = list(arrays)
            for store in stores:
                digest.update(np.ascontiguousarray(store.keys[store.positions(indices)]).tobytes())
            if stores:
                columns.append(pa.array(stores[0].positions(indices)))
            digest.update(rows.tobytes())
            if values is not None and target.space and balance:
                digest.update(np.ascontiguousarray(values.values).tobytes())
                balance.add(values.values)
                columns.append(values.arrow(target.space))
            if target.boxes and target.space and balance:
                objects = _objects(pick, target, indices, stores[0])
                digest.update(objects.tobytes())
                balance.add(objects.labels)
                columns += objects.arrow()
            if reader and target.space and balance:
                tagged = encode_tags(pick, indices, reader, target.space)
                digest.update(tagged.tobytes())
                balance.add(tagged.codes)
                columns += tagged.arrow()
            yield pa.Table.from_arrays([*columns, pa.array(rows)], schema=schema)

    write_arrow(path, schema, batches())
    return {"fingerprint": digest.hexdigest(), "balance": balance.to_dict() if balance else {}}


def _arrays(pick: Pick, target: Target) -> Iterator[tuple[int, list[pa.Array], Encoded | None]]:
    """Start, text arrays and targets of each batch."""
    label = LabelColumns.of(pick, target.columns[target.label]) if target.label else None
    answers = target.answers.names if target.answers else ()
    names = list(dict.fromkeys([*target.texts.values(), *answers, *(label.columns if label else ())]))
    start = 0
    for batch in pick.batches(names):
        texts = [target.text(role, batch) for role in target.texts]
        yield start, texts, encode(batch, label, target.space) if label and target.space else None
        start += len(batch)


def _objects(pick: Pick, target: Target, indices: np.ndarray, store: PixelStore) -> EncodedBoxes:
    """The objects of some rows, in the frame of their pictures."""
    assert target.boxes is not None
    assert target.space is not None
    reader = BoxReader.of(pick, target.boxes)
    cells = next(pick.table.batches(indices, [target.boxes.name]))[target.boxes.name].to_pylist()
    sizes = store.sizes[store.positions(indices)]
    return encode_boxes([reader.read(cell) for cell in cells], sizes, store.frame, target.space)
