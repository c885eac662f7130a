"""Rows written as the ecosystem's own Arrow folder."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import datasets


def save_splits(splits: Mapping[str, datasets.Dataset], target: Path) -> None:
    """Write a ``DatasetDict`` for ``datasets.load_from_disk``."""
    with _quiet():
        datasets.DatasetDict(splits.items()).save_to_disk(target)


@contextmanager
def _quiet() -> Generator[None]:
    """Hide the progress bars of writes that take a moment."""
    if datasets.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()
