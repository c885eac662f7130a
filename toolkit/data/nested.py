"""Columns that hold several named texts, such as a sentence in two languages, as one column for each of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from datasets import Translation, Value, concatenate_datasets

if TYPE_CHECKING:
    from toolkit.data.table import Table


def unfold(table: Table) -> Table:
    """A table in which ``translation: {"en": …, "ro": …}`` is the columns ``translation.en`` and ``translation.ro``.

    Nothing is copied. Columns of anything else than named texts stay as they are.
    """
    features: dict[str, Any] = dict(table.dataset.features)
    nested = [name for name in table.columns if _holds_named_texts(features[name])]
    if not nested:
        return table
    rest = [name for name in table.dataset.column_names if name not in nested]
    flat = table.dataset.select_columns(nested).flatten()
    joined = concatenate_datasets([table.dataset.select_columns(rest), flat], axis=1) if rest else flat
    return replace(table, dataset=joined)


def unfold_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """The same for one JSON object."""
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict) and _named_texts(value):
            flat |= {f"{name}.{key}": text for key, text in value.items()}
        else:
            flat[name] = value
    return flat


def _named_texts(value: Mapping[Any, Any]) -> bool:
    texts = [text for text in value.values() if text is not None]
    return bool(texts) and all(isinstance(text, str) for text in texts)


def _holds_named_texts(feature: Any) -> bool:
    if isinstance(feature, Translation):
        return True
    return isinstance(feature, dict) and all(
        isinstance(inner, Value) and inner.dtype in {"string", "large_string"} for inner in feature.values()
    )
