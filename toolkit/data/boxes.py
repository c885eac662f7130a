"""Boxes of objects: read from the cells of a table, checked against their picture, and moved into a model's frame."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pyarrow as pa
from datasets import Features, List, Value

from toolkit.data.labels import LabelSpace
from toolkit.data.pictures import Frame
from toolkit.data.problems import listed
from toolkit.data.roles import BoxFormat, Role
from toolkit.data.table import Pick
from toolkit.data.values import INTEGER, names_of
from toolkit.errors import Finding

BOX_KEYS: dict[str, BoxFormat | None] = {
    "bbox": None,
    "bboxes": None,
    "boxes": None,
    "box": None,
    "xywh": "xywh",
    "xyxy": "xyxy",
}
"""What the boxes of a cell are called, and their format where the name says it."""
CLASS_KEYS = ("category", "categories", "label", "labels", "class", "classes", "category_id")
EDGE = 1.0
"""Pixels by which a box may reach over the edge of its picture, as rounding makes it; it is cut there."""
BOXES, LABELS = "boxes", "labels"
"""Columns of encoded rows."""
_COLUMNS = Features({BOXES: List(List(Value("float32"))), LABELS: List(Value("int64"))})


class BoxError(ValueError):
    """A cell that holds no usable objects; the text says what is wrong with it."""


@dataclass(frozen=True)
class BoxColumn:
    """Where the objects of a row are, and what the numbers of a box mean."""

    name: str
    format: BoxFormat

    @classmethod
    def of(cls, roles: Sequence[Role], columns: Mapping[str, Any]) -> BoxColumn | None:
        """The column that plays the role of boxes, where one does."""
        mapped = (role for role in roles if role.kind == "boxes" and role.name in columns)
        return next((cls(str(columns[role.name]), role.box_format) for role in mapped), None)


@dataclass(frozen=True)
class Marked:
    """The objects of one picture: ``boxes`` float64 (k, 4) of corners in its own pixels, and a class for each."""

    boxes: np.ndarray
    names: tuple[str, ...]
    given: Sequence[Any] = ()
    """The boxes as the source writes them, for messages."""


@dataclass(frozen=True)
class BoxReader:
    """Takes cells apart: ``{"bbox": […], "category": […]}``, a list of single objects, or either as JSON."""

    column: BoxColumn
    stated: tuple[str, ...] | None
    """The classes' names by number, where the source states them."""

    @classmethod
    def of(cls, pick: Pick, column: BoxColumn) -> BoxReader:
        """The reader of a pick's column."""
        return cls(column, stated_names(pick.table.dataset.features[column.name]))

    def read(self, cell: Any) -> Marked:
        """The objects of a cell; none where it is empty.

        Raises:
            BoxError: boxes and classes that do not belong together, or a box that is none.
        """
        given, classes, form = self._parts(_opened(cell))
        if len(given) != len(classes):
            raise BoxError(f"{len(given)} boxes and {len(classes)} categories: each object needs both")
        boxes = [_corners(number, box, form) for number, box in enumerate(given, 1)]
        names = tuple(self._name(number, value) for number, value in enumerate(classes, 1))
        return Marked(np.array(boxes, np.float64).reshape(-1, 4), names, given)

    def _parts(self, objects: Any) -> tuple[list[Any], list[Any], BoxFormat]:
        """Boxes, classes, and the format of the boxes."""
        if not objects:
            return [], [], self.column.format
        if isinstance(objects, list):
            each = [self._parts(_single(_opened(one))) for one in cast(list[Any], objects)]
            return [b for one in each for b in one[0]], [c for one in each for c in one[1]], each[0][2]
        if not isinstance(objects, dict):
            raise BoxError(f"{str(objects)[:40]!r} is no list of objects")
        cell = cast(dict[str, Any], objects)
        key = next((name for name in BOX_KEYS if name in cell), None)
        kind = next((name for name in CLASS_KEYS if name in cell), None)
        if key is None or kind is None:
            raise BoxError(f"objects have {listed(cell)}: 'bbox' and 'category' are needed")
        boxes = [_opened(box) for box in cell[key] or []]
        return boxes, cell[kind] or [], BOX_KEYS[key] or self.column.format

    def _name(self, number: int, value: Any) -> str:
        if self.stated is not None and isinstance(value, int):
            if 0 <= value < len(self.stated):
                return self.stated[value]
            raise BoxError(f"object {number} has the category {value}, and there are {len(self.stated)}")
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if value is None or not str(value).strip():
            raise BoxError(f"object {number} has no category")
        return str(value).strip()

    def error(self, cell: Any, size: Sequence[int], space: LabelSpace | None) -> str | None:
        """What is wrong with the objects of a picture of a width and height, or None."""
        try:
            found = self.read(cell)
        except BoxError as error:
            return str(error)
        low, high = found.boxes[:, :2].min(initial=0), found.boxes[:, 2:] - np.asarray(size)
        if low < -EDGE or high.max(initial=0) > EDGE:
            outside = (found.boxes[:, :2] < -EDGE).any(1) | (high > EDGE).any(1)
            box = found.given[int(np.flatnonzero(outside)[0])]
            return f"the box {_shown(box)} lies outside the picture of {size[0]} x {size[1]} pixels"
        unseen = [name for name in found.names if space and name not in space.names]
        if unseen and space:
            known = listed(space.names, 6)
            return f"the category '{unseen[0]}' does not occur in the training rows (known: {known})"
        return None


def _opened(value: Any) -> Any:
    """What a text of JSON holds; anything else as it is."""
    if not isinstance(value, str) or not value.strip():
        return None if isinstance(value, str) else value
    try:
        return json.loads(value)
    except ValueError:
        raise BoxError(f"{value.strip()[:40]!r} is not JSON") from None


def _single(one: Any) -> Any:
    """One object in the form of several: a list of one box, and of one class."""
    if not isinstance(one, dict):
        raise BoxError(f"{str(one)[:40]!r} is no object with 'bbox' and 'category'")
    known = {*BOX_KEYS, *CLASS_KEYS}
    return {key: [value] for key, value in cast(dict[str, Any], one).items() if key in known} or {
        "nothing": None
    }


def _corners(number: int, box: Any, form: BoxFormat) -> list[float]:
    if (
        not isinstance(box, list)
        or len(cast(list[Any], box)) != 4
        or not all(map(_is_number, cast(list[Any], box)))
    ):
        raise BoxError(f"the box of object {number} is {_shown(box)}, not four numbers")
    x, y, right, bottom = cast(list[float], box)
    width, height = (right, bottom) if form == "xywh" else (right - x, bottom - y)
    if width <= 0 or height <= 0:
        what = "x, y, width, height" if form == "xywh" else "x_min, y_min, x_max, y_max"
        raise BoxError(f"the box {_shown(box)} ({what}) has no area")
    return [x, y, x + width, y + height]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _shown(box: Any) -> str:
    if not isinstance(box, list):
        return repr(box)
    shown = (
        f"{value:g}" if isinstance(value, int | float) else repr(value) for value in cast(list[Any], box)[:6]
    )
    return f"[{', '.join(shown)}]"


def stated_names(feature: Any) -> tuple[str, ...] | None:
    """The class names that a column of objects states itself."""
    inner = feature.feature if isinstance(feature, List) else feature
    if not isinstance(inner, dict):
        return None
    kinds = cast(dict[str, Any], inner)
    return next((names_of(kinds[key]) for key in CLASS_KEYS if key in kinds), None)


def holds_boxes(feature: Any) -> bool:
    """Whether a column is of objects with boxes and classes."""
    inner = feature.feature if isinstance(feature, List) else feature
    return (
        isinstance(inner, dict)
        and bool(BOX_KEYS.keys() & inner.keys())
        and bool({*CLASS_KEYS} & inner.keys())
    )


def box_classes(pick: Pick, column: BoxColumn, findings: list[Finding]) -> LabelSpace:
    """The classes of training objects: those the source states, or those that occur, in a stable order.

    Args:
        pick: the training rows.
        column: of objects.
        findings: gets an error when there is no object at all.
    """
    reader = BoxReader.of(pick, column)
    found: set[str] = set()
    for batch in pick.batches([column.name]):
        for cell in batch[column.name].to_pylist():
            try:
                found |= set(reader.read(cell).names)
            except BoxError:
                continue  # the scan names it
    if not found:
        where = f"{pick.table.parts[0].name} column '{column.name}'"
        findings.append(
            Finding("error", where, "no picture has a usable object", "a detector learns from boxes")
        )
    return LabelSpace("object_detection", reader.stated or tuple(_ordered(found)))


def _ordered(names: Iterable[str]) -> Iterator[str]:
    numbers = all(re.match(INTEGER, name) for name in names)
    yield from sorted(names, key=int) if numbers else sorted(names)


@dataclass(frozen=True)
class EncodedBoxes:
    """Objects of some pictures: ``boxes`` float32 (k, 4) in the frame for each picture, ``labels`` int64 (all k,)."""

    boxes: Sequence[np.ndarray]
    labels: np.ndarray

    def arrow(self) -> list[pa.Array]:
        """The columns ``boxes`` and ``labels``."""
        ends = np.cumsum([0, *map(len, self.boxes)])
        labels = [self.labels[start:end].tolist() for start, end in pairwise(ends)]
        types = _COLUMNS.arrow_schema.types
        columns = ([boxes.tolist() for boxes in self.boxes], labels)
        return [pa.array(column, kind) for column, kind in zip(columns, types, strict=True)]

    def tobytes(self) -> bytes:
        """What tells these objects from others."""
        counts = np.array([len(boxes) for boxes in self.boxes], np.int64)
        return b"".join([counts.tobytes(), self.labels.tobytes(), *(boxes.tobytes() for boxes in self.boxes)])


def box_features() -> Features:
    """Types of the encoded columns."""
    return _COLUMNS.copy()


def encode_boxes(
    marked: Sequence[Marked], sizes: np.ndarray, frame: Frame, space: LabelSpace
) -> EncodedBoxes:
    """Objects in the model's frame, their classes as numbers.

    Args:
        marked: the objects of each picture.
        sizes: width and height of each picture, int (pictures, 2).
        frame: what the pictures are brought to.
        space: the classes.
    """
    numbers = {name: number for number, name in enumerate(space.names)}
    boxes = [
        to_frame(np.clip(one.boxes, 0, np.tile(size, 2)), size, frame).astype(np.float32)
        for one, size in zip(marked, sizes.tolist(), strict=True)
    ]
    return EncodedBoxes(boxes, np.array([numbers[name] for one in marked for name in one.names], np.int64))


def to_frame(boxes: np.ndarray, size: Sequence[int], frame: Frame) -> np.ndarray:
    """Where boxes (k, 4) of corners lie once their picture, of a width and height, is in the frame."""
    scale, offset = _placement(size, frame)
    return boxes * np.tile(scale, 2) + np.tile(offset, 2)


def from_frame(boxes: np.ndarray, size: Sequence[int], frame: Frame) -> np.ndarray:
    """Boxes (k, 4) of corners in the frame, in the pixels of their picture, cut at its edges."""
    scale, offset = _placement(size, frame)
    return np.clip((boxes - np.tile(offset, 2)) / np.tile(scale, 2), 0, np.tile(np.asarray(size), 2))


def _placement(size: Sequence[int], frame: Frame) -> tuple[np.ndarray, np.ndarray]:
    """By what a picture's x and y are multiplied, and what is added, when the frame takes it."""
    if frame.fit == "crop":
        raise ValueError("boxes that are cut away cannot be found")
    given, whole = np.asarray(size, np.float64), np.array([frame.size[1], frame.size[0]], np.float64)
    if frame.fit == "stretch":
        return whole / given, np.zeros(2)
    inner = np.maximum(1, np.round(given * (whole / given).min()))
    return inner / given, np.round((whole - inner) / 2)
