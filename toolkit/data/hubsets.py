"""Datasets of the Hub."""

from __future__ import annotations

from toolkit.data.table import Table
from toolkit.errors import Finding
from toolkit.recipe.schema import DataSection


def open_hub(data: DataSection) -> tuple[dict[str, Table], list[Finding]]:
    """Placeholder until written."""
    raise ValueError(data)
