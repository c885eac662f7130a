"""Sequences of tokens as batches for ``fit``: packed end to end, or padded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.arrays import column_array
from toolkit.data.sequences import IGNORED

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from datasets import Dataset

    from toolkit.recipe.schema import TrainSection

LOOKED_AT = 2048
"""Tokens of a batch whose losses are only looked at."""


@dataclass(frozen=True)
class SequenceBatches:
    """The sequences of a split, planned under a token budget.

    Args:
        rows: with ``input_ids``, ``labels`` and ``length``.
        train: batch size or token budget, and the seed of the order.
        packed: lay sequences end to end; otherwise those of like length are padded together.
        padding: the token that is padded with; no loss is taken of it, whatever token it is.
    """

    rows: Dataset
    train: TrainSection
    packed: bool
    padding: int

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each sequence, int32 (rows,)."""
        return column_array(self.rows, "length")

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_epoch
        from toolkit.engine.packing import plan_packs

        return (plan_packs if self.packed else plan_epoch)(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """One packed row, or rows padded on the right to the longest."""
        from toolkit.engine.packing import pack

        del epoch  # nothing is drawn
        columns: Any = self.rows[rows]
        if self.packed:
            return pack(columns["input_ids"], columns["labels"])
        return pad(columns["input_ids"], columns["labels"], self.padding)

    def in_order(self) -> Iterator[np.ndarray]:
        """All rows, those of like length together, some thousand tokens at a time."""
        every = self.lengths
        order = np.argsort(every, kind="stable")
        start = 0
        while start < len(order):
            lengths = every[order[start : start + LOOKED_AT]]
            used = np.cumsum(lengths) if self.packed else lengths * np.arange(1, len(lengths) + 1)
            count = max(1, int(np.searchsorted(used, LOOKED_AT, "right")))
            yield order[start : start + count]
            start += count


def pad(ids: list[list[int]], labels: list[list[int]], padding: int) -> dict[str, torch.Tensor]:
    """Right-padded ``input_ids``, ``attention_mask`` and ``labels``, int64 (rows, tokens)."""
    import torch

    longest = max(map(len, ids))
    return {
        "input_ids": torch.tensor([[*row, *[padding] * (longest - len(row))] for row in ids]),
        "attention_mask": torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in ids]),
        "labels": torch.tensor([[*row, *[IGNORED] * (longest - len(row))] for row in labels]),
    }
