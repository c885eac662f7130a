"""The label space of a task: which labels there are, in which order, and how a cell becomes a training target."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
from datasets import Features, List, Value

from toolkit.data.compute import compute as pc
from toolkit.data.problems import listed
from toolkit.data.table import Pick
from toolkit.data.values import DECIMAL, INTEGER, as_lists, as_number, as_text, is_list, names_of
from toolkit.errors import DataError, Finding
from toolkit.recipe.schema import ProblemType

MOST_CLASSES = 5000
MISSING, UNSEEN = -1, -2
"""Codes of a cell without a label, and of one whose label is not in the space."""


@dataclass(frozen=True)
class LabelSpace:
    """The problem's type and the names of its labels, in the order of the model's outputs.

    A regression has one name for each number it predicts.
    """

    problem_type: ProblemType | Literal["semantic_segmentation", "object_detection", "token_classification"]
    names: tuple[str, ...]

    @property
    def feature(self) -> Value | List:
        """The type of the encoded ``label`` column."""
        if self.problem_type == "single_label_classification":
            return Value("int64")
        if self.problem_type == "regression" and len(self.names) == 1:
            return Value("float32")
        return List(Value("float32"))

    def to_dict(self) -> dict[str, Any]:
        """The space as JSON data."""
        return {"problem_type": self.problem_type, "names": list(self.names)}


@dataclass(frozen=True)
class Encoded:
    """Targets of a batch: ``values`` int64 (n,) or float32 (n,) or (n, k); ``bad`` int64 (n,): 0, MISSING or UNSEEN."""

    values: np.ndarray
    bad: np.ndarray

    def arrow(self, space: LabelSpace) -> pa.Array:
        """The targets as the ``label`` column holds them."""
        if self.values.ndim == 1:
            return pa.array(self.values)
        flat = pa.array(self.values.reshape(-1))
        lists = pa.FixedSizeListArray.from_arrays(flat, self.values.shape[1])
        return pc.cast(lists, Features({"label": space.feature}).arrow_schema.field("label").type)


@dataclass(frozen=True)
class LabelColumns:
    """The source column, or columns, that hold the labels of one table."""

    columns: tuple[str, ...]
    names: tuple[str, ...] | None = None

    @classmethod
    def of(cls, pick: Pick, columns: str | Sequence[str]) -> LabelColumns:
        """The label columns of a pick, with the class names the source states."""
        found = (columns,) if isinstance(columns, str) else tuple(columns)
        return cls(found, names_of(pick.table.dataset.features[found[0]]) if len(found) == 1 else None)

    def cell(self, batch: pa.Table, position: int) -> Any:
        """What the source says there: a value, or several by column."""
        cells = {name: batch[name][position].as_py() for name in self.columns}
        return cells if len(cells) > 1 else next(iter(cells.values()))


@dataclass
class Census:
    """What one pass over the label cells of the training rows found."""

    counts: Counter[str] = field(default_factory=Counter[str])
    rows: int = 0
    integers: bool = True
    numbers: bool = True

    def add(self, text: pa.Array) -> None:
        """Count a batch of canonical label texts."""
        self.rows += len(text) - text.null_count
        for entry in cast(list[dict[str, Any]], pc.value_counts(text.drop_null()).to_pylist()):
            if entry["values"] in self.counts or len(self.counts) <= MOST_CLASSES:
                self.counts[entry["values"]] += entry["counts"]
        self.integers = self.integers and _all_match(text, INTEGER)
        self.numbers = self.numbers and _all_match(text, f"{INTEGER}|{DECIMAL}")


def _all_match(text: pa.Array, pattern: str) -> bool:
    return bool(pc.all(pc.match_substring_regex(text, pattern), min_count=0).as_py())


def learn_labels(
    pick: Pick, columns: str | Sequence[str], problem_type: str
) -> tuple[LabelSpace, list[Finding]]:
    """The label space of the training rows; what ``auto`` decided is a note.

    Raises:
        DataError: one class only, too many classes, nothing to learn, or cells that are no labels of this problem type.
    """
    label = LabelColumns.of(pick, columns)
    kind = problem_type if problem_type != "auto" else _guess(pick, label)
    _refuse_several(pick, label, kind)
    notes: list[Finding] = []
    if problem_type == "auto":
        fix = "set options.problem_type if that is wrong"
        notes.append(
            Finding("note", "options.problem_type", f"{kind}, as column {listed(label.columns)} shows", fix)
        )
    if kind == "regression" or len(label.columns) > 1:
        names = label.columns if len(label.columns) > 1 else _outputs(pick, label)
        return LabelSpace(cast(ProblemType, kind), names), notes
    names = label.names or _ordered(_census(pick, label, kind), pick, label)
    if kind == "multi_label_classification" and set(names) <= {"0", "1"}:
        _refuse_vectors(pick, label)
    if len(names) < 2:
        raise DataError(_one_class(pick, label, names))
    return LabelSpace(cast(ProblemType, kind), names), notes


def _refuse_several(pick: Pick, label: LabelColumns, kind: str) -> None:
    """A row has one class: several label columns, or a column of lists, are of another problem type."""
    if kind != "single_label_classification":
        return
    schema = pick.table.dataset.features.arrow_schema
    what = "are several label columns" if len(label.columns) > 1 else ""
    if any(pa.types.is_nested(schema.field(name).type) for name in label.columns):
        what = "holds lists or objects, not one label a row"
    if what:
        fix = "set options.problem_type=multi_label_classification, or name another column"
        where = f"{pick.table.parts[0].name} column {listed(label.columns)}"
        raise DataError(Finding("error", where, what, fix))


def _refuse_vectors(pick: Pick, label: LabelColumns) -> None:
    """Lists of more than two, all 0 or 1, name no labels: they are vectors, in which each place is a label."""
    for batch in pick.batches(label.columns):
        lengths = pc.list_value_length(as_lists(batch[label.columns[0]].combine_chunks()))
        if (pc.max(lengths).as_py() or 0) > 2:
            where = f"{pick.table.parts[0].name} column '{label.columns[0]}'"
            fix = 'write the names of the labels (["fast", "cheap"]), or one column of 0 and 1 for each label'
            raise DataError(Finding("error", where, "holds vectors of 0 and 1, not lists of labels", fix))


def _guess(pick: Pick, label: LabelColumns) -> ProblemType:
    """Float columns are regression, lists multi-label, everything else single-label."""
    name, *others = label.columns
    if others:
        return _guess_several(pick, label)
    kind = pick.table.dataset.features.arrow_schema.field(name).type
    if is_list(kind):
        return "regression" if pa.types.is_floating(kind.value_type) else "multi_label_classification"
    if pa.types.is_floating(kind):
        return "regression"
    if label.names or not pa.types.is_string(kind):
        return "single_label_classification"
    census = _census(pick, label, "single_label_classification")
    return (
        "regression"
        if census.rows and census.numbers and not census.integers
        else "single_label_classification"
    )


def _guess_several(pick: Pick, label: LabelColumns) -> ProblemType:
    for batch in pick.batches(label.columns):
        for name in label.columns:
            number = as_number(batch[name].combine_chunks())
            if not pc.all(pc.is_in(number, value_set=pa.array([0.0, 1.0])), min_count=0).as_py():
                return "regression"
    return "multi_label_classification"


def _outputs(pick: Pick, label: LabelColumns) -> tuple[str, ...]:
    """One name for each number of a regression: the column's, numbered when its cells are lists."""
    (name,) = label.columns
    first = next((batch[name][0].as_py() for batch in pick.batches([name])), None)
    return (
        tuple(f"{name}_{at}" for at in range(len(cast(Sequence[object], first))))
        if isinstance(first, list)
        else (name,)
    )


def _census(pick: Pick, label: LabelColumns, kind: str) -> Census:
    census = Census()
    (name,) = label.columns
    for batch in pick.batches([name]):
        cells = batch[name].combine_chunks()
        cells = as_lists(cells).flatten() if kind == "multi_label_classification" else cells
        census.add(as_text(cells, label.names))
    return census


def _ordered(census: Census, pick: Pick, label: LabelColumns) -> tuple[str, ...]:
    if len(census.counts) > MOST_CLASSES or (census.rows > 20 and len(census.counts) > 0.9 * census.rows):
        message = f"nearly every row has a label of its own ({listed(census.counts, 3)})"
        fix = "is data.columns.label the right column? for numbers set options.problem_type=regression"
        raise DataError(
            Finding("error", f"{pick.table.parts[0].name} column '{label.columns[0]}'", message, fix)
        )
    integers = all(re.match(INTEGER, name) for name in census.counts)
    return tuple(sorted(census.counts, key=int)) if integers else tuple(sorted(census.counts))


def _one_class(pick: Pick, label: LabelColumns, names: Sequence[str]) -> Finding:
    what = f"every row has the label '{names[0]}'" if names else "no row has a label"
    where = f"{pick.table.parts[0].name} column '{label.columns[0]}'"
    return Finding("error", where, what, "a classifier needs rows of at least two classes")


def encode(batch: pa.Table, label: LabelColumns, space: LabelSpace) -> Encoded:
    """Targets of a batch, with the cells that have none marked as MISSING or UNSEEN."""
    arrays = [batch[name].combine_chunks() for name in label.columns]
    if len(arrays) > 1:
        return _encode_numbers([as_number(array) for array in arrays], space)
    if space.problem_type == "single_label_classification":
        codes = _codes(as_text(arrays[0], label.names), space.names)
        return Encoded(codes, np.minimum(codes, 0))
    if space.problem_type == "multi_label_classification":
        return _encode_lists(arrays[0], label, space)
    if is_list(arrays[0].type):
        return _encode_vectors(arrays[0], space)
    return _encode_numbers([as_number(arrays[0])], space)


def _codes(text: pa.Array, names: Iterable[str]) -> np.ndarray:
    found = pc.index_in(text, value_set=pa.array(list(names), pa.string()))
    codes = pc.fill_null(pc.cast(found, pa.int64()), UNSEEN)
    return pc.if_else(pc.is_null(text), MISSING, codes).to_numpy(zero_copy_only=False)


def _encode_numbers(arrays: Sequence[pa.Array], space: LabelSpace) -> Encoded:
    columns = [pc.fill_null(array, np.nan).to_numpy(zero_copy_only=False) for array in arrays]
    values = np.stack(columns, axis=1)
    bad = np.where(np.isnan(values).any(axis=1), MISSING, 0)
    if space.problem_type == "multi_label_classification":
        bad = np.where((bad == 0) & ~np.isin(values, [0, 1]).all(axis=1), UNSEEN, bad)
    values = values.astype(np.float32)
    return Encoded(values[:, 0] if len(space.names) == 1 else values, bad)


def _encode_vectors(array: pa.Array, space: LabelSpace) -> Encoded:
    width = len(space.names)
    fits = pc.fill_null(pc.equal(pc.list_value_length(array), width), False).to_numpy(zero_copy_only=False)
    values = np.full((len(array), width), np.nan)
    numbers = pc.fill_null(as_number(array.filter(pa.array(fits)).flatten()), np.nan)
    values[fits] = numbers.to_numpy(zero_copy_only=False).reshape(-1, width)
    bad = np.where(np.isnan(values).any(axis=1), MISSING, 0)
    return Encoded((values[:, 0] if width == 1 else values).astype(np.float32), bad)


def _encode_lists(array: pa.Array, label: LabelColumns, space: LabelSpace) -> Encoded:
    lists = as_lists(array)
    rows = pc.list_parent_indices(lists).to_numpy(zero_copy_only=False)
    codes = _codes(as_text(lists.flatten(), label.names), space.names)
    values = np.zeros((len(array), len(space.names)), np.float32)
    values[rows[codes >= 0], codes[codes >= 0]] = 1
    bad = np.zeros(len(array), np.int64)
    np.minimum.at(bad, rows, np.minimum(codes, 0))
    bad[pc.is_null(lists).to_numpy(zero_copy_only=False)] = MISSING
    return Encoded(values, bad)


def complaint(cell: Any, bad: int, space: LabelSpace) -> tuple[str, str]:
    """What is wrong with a label cell, and how to mend it."""
    if space.problem_type == "regression":
        return (
            f"label {cell!r} is not a number",
            "give a number, or set options.problem_type=single_label_classification",
        )
    if isinstance(cell, dict):
        return f"labels {cell} are not all 0 or 1", "write 1 where the label holds and 0 where it does not"
    if bad == UNSEEN:
        known = listed(space.names, 6)
        return f"label {cell!r} does not occur in the training rows", f"known labels: {known}"
    if isinstance(cell, int) and cell < 0:
        return (
            f"label {cell} means that the label is withheld",
            "choose another split with data.splits.test=validation",
        )
    return "the label is empty", "give the row a label"
