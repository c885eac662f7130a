"""Arrays with one number for each row: small ones in memory, large ones in a nameless file that the kernel pages.

A few such arrays are all that grows with the rows; in a file they cost disk, not memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike

from toolkit.hub.cache import cache_folder

if TYPE_CHECKING:
    from datasets import Dataset

IN_MEMORY = 1 << 20
PIECE = 1 << 16
"""Numbers worked on at a time."""


def allocate(length: int, dtype: DTypeLike) -> np.ndarray:
    """An uninitialised array of ``length`` numbers."""
    if length * np.dtype(dtype).itemsize <= IN_MEMORY:
        return np.empty(length, dtype)
    cache_folder().mkdir(parents=True, exist_ok=True)
    # The mapping keeps the file alive, and nothing is left of it after.
    with TemporaryFile(dir=cache_folder()) as file:
        return np.memmap(file, dtype, "w+", shape=(length,))


def column_array(dataset: Dataset, name: str) -> np.ndarray:
    """A column of numbers, in the rows' order.

    ``dataset.data`` is not asked: of rows that were selected it holds those that were left out as well.
    """
    column: Any = dataset.with_format("arrow")[name]
    return column[:].to_numpy()


def pieces(length: int) -> Iterator[slice]:
    """Consecutive slices that cover ``length`` numbers."""
    yield from (slice(start, min(start + PIECE, length)) for start in range(0, length, PIECE))


def counting(length: int) -> np.ndarray:
    """0, 1, 2 … as int64."""
    result = allocate(length, np.int64)
    for piece in pieces(length):
        result[piece] = np.arange(piece.start, piece.stop)
    return result


def filtered(array: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The numbers of ``array`` where ``mask`` holds."""
    result = allocate(int(np.count_nonzero(mask)), array.dtype)
    end = 0
    for piece in pieces(len(array)):
        part = array[piece][mask[piece]]
        result[end : end + len(part)] = part
        end += len(part)
    return result


def distinct(array: np.ndarray) -> np.ndarray:
    """The different numbers in ``array``, ascending; there are supposed to be few."""
    found = np.empty(0, array.dtype)
    for piece in pieces(len(array)):
        found = np.union1d(found, array[piece])
    return found


def members(array: np.ndarray, among: np.ndarray) -> np.ndarray:
    """Where the numbers of ``array`` occur in ``among``; only ``array`` is sorted, so let it be the shorter one.

    Shapes: bool, as long as ``array``.
    """
    values, inverse = np.unique(array, return_inverse=True)
    seen = np.zeros(len(values), bool)
    for piece in pieces(len(among)) if len(values) else ():
        at = np.searchsorted(values, among[piece])
        at[at == len(values)] = 0
        seen[at[values[at] == among[piece]]] = True
    return seen[inverse]


class Growing:
    """An array filled batch by batch, of at most ``length`` numbers."""

    def __init__(self, length: int, dtype: DTypeLike) -> None:
        self.array = allocate(length, dtype)
        self.end = 0

    def add(self, values: np.ndarray) -> None:
        """Append a batch."""
        self.array[self.end : self.end + len(values)] = values
        self.end += len(values)

    def done(self) -> np.ndarray:
        """What was added."""
        return self.array[: self.end]
