"""Batches of tokenised rows for ``fit``; shared by the text tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.arrays import column_array

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from toolkit.recipe.schema import TrainSection

MODEL_INPUTS = ("input_ids", "attention_mask", "token_type_ids")


class TextBatches:
    """Tokenised rows as padded batches, planned by length.

    Args:
        rows: Arrow rows with ``input_ids``, ``length`` and, for training, ``labels``.
        tokenizer: pads; its padding token must be set.
        train: batch size or token budget, and the seed of the order.
    """

    def __init__(self, rows: Dataset, tokenizer: Any, train: TrainSection) -> None:
        self.rows = rows
        self.tokenizer = tokenizer
        self.train = train
        self.lengths = column_array(rows, "length")
        self._columns = [name for name in (*MODEL_INPUTS, "labels") if name in rows.column_names]

    @property
    def labels(self) -> np.ndarray:
        """Encoded labels of all rows, (rows,) or (rows, labels)."""
        return np.asarray(self.rows["labels"][:])

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_epoch

        return plan_epoch(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """Rows padded to the longest of them: int64 (rows, tokens), plus ``labels`` (rows, ...)."""
        del epoch  # texts are not augmented
        columns = self.rows[rows]
        return pad_rows(self.tokenizer, {name: columns[name] for name in self._columns})


def padded(
    tokenizer: Any, columns: Mapping[str, Sequence[Any]]
) -> tuple[list[int], Callable[[np.ndarray], dict[str, torch.Tensor]]]:
    """The lengths of tokenised texts, and what makes a padded batch of some of them: as an inference takes them."""

    def collate(rows: np.ndarray) -> dict[str, torch.Tensor]:
        return pad_rows(tokenizer, {name: [values[row] for row in rows] for name, values in columns.items()})

    return [len(ids) for ids in columns["input_ids"]], collate


def pad_rows(tokenizer: Any, columns: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Pad token lists to the longest and stack every column into a tensor."""
    import torch

    texts = {name: columns[name] for name in MODEL_INPUTS if name in columns}
    batch = dict(tokenizer.pad(texts, padding="longest", return_tensors="pt"))
    if "labels" in columns:
        batch["labels"] = torch.as_tensor(np.asarray(columns["labels"]))
    return batch
