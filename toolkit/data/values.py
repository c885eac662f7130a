"""Label cells in one form, whatever the source: Arrow arrays in, canonical texts or numbers out."""

from __future__ import annotations

import pyarrow as pa
from datasets import ClassLabel, List

from toolkit.data.compute import compute as pc

INTEGER = r"^-?(0|[1-9][0-9]*)$"
NUMBER = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
DECIMAL = r"^[+-]?([0-9]+\.[0-9]*|\.[0-9]+|[0-9]+[eE])([eE]?[+-]?[0-9]+)?$"
"""What makes a column of numbers a regression: a point or an exponent; "01" is a code, not a number."""
_MISSING = pa.array(["", "nan"])
"""An empty cell and pandas' mark for one, lower case; "NA", "null" and "None" are words like any other."""


def names_of(feature: object) -> tuple[str, ...] | None:
    """The class names a source states itself."""
    inner = feature.feature if isinstance(feature, List) else feature
    return tuple(inner.names) if isinstance(inner, ClassLabel) else None


def as_text(array: pa.Array, names: tuple[str, ...] | None = None) -> pa.Array:
    """Label cells as trimmed texts: class names where the source has them, ``1`` for 1 and 1.0, null for none.

    Shapes: one text for each cell.
    """
    kind = array.type
    if names is not None:
        known = pc.and_kleene(pc.greater_equal(array, 0), pc.less(array, len(names)))
        return pc.take(pa.array(names, pa.string()), pc.if_else(known, array, None))
    if pa.types.is_floating(kind):
        whole = pc.equal(pc.floor(array), array)
        array = pc.if_else(pc.is_nan(array), None, array)
        integers = pc.cast(pc.cast(pc.if_else(whole, array, None), pa.int64(), safe=False), pa.string())
        return pc.coalesce(integers, pc.cast(array, pa.string()))
    text = pc.utf8_trim_whitespace(pc.cast(array, pa.string()))
    return pc.if_else(is_missing(text), None, text)


def is_missing(text: pa.Array) -> pa.Array:
    """Where a text cell says nothing: null, blank, or the text ``nan``; never null itself."""
    trimmed = pc.utf8_lower(pc.utf8_trim_whitespace(text))
    return pc.or_(
        pc.is_null(text), pc.fill_null(pc.is_in(trimmed, value_set=_MISSING.cast(trimmed.type)), False)
    )


def as_number(array: pa.Array) -> pa.Array:
    """Label cells as float64; null where a cell is not a finite number."""
    if pa.types.is_boolean(array.type):
        array = pc.cast(array, pa.int8())
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        trimmed = pc.utf8_trim_whitespace(array)
        array = pc.if_else(pc.match_substring_regex(trimmed, NUMBER), trimmed, None)
        array = pc.cast(pc.replace_substring_regex(array, r"^\+", ""), pa.float64())
    number = pc.cast(array, pa.float64())
    return pc.if_else(pc.is_finite(number), number, None)


def is_list(kind: pa.DataType) -> bool:
    """Whether cells of this type are lists, of any length or all of one."""
    return pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)


def as_lists(array: pa.Array) -> pa.Array:
    """Multi-label cells as lists: real lists stay, a text such as ``drama|war`` is taken apart."""
    if is_list(array.type):
        return pc.cast(array, pa.list_(array.type.value_type))
    text = pc.fill_null(pc.utf8_trim_whitespace(pc.cast(array, pa.string())), "")
    lists = pc.split_pattern(text, "|")
    return pc.if_else(pc.equal(text, ""), pa.scalar([], lists.type), lists)
