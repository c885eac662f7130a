"""Batches of windows for ``fit``, and the loss of where an answer begins and ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.arrays import column_array

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from toolkit.engine.turn import Batch
    from toolkit.recipe.schema import TrainSection

POSITIONS = ("start_positions", "end_positions")
"""What is to be learnt, in transformers' words."""


@dataclass(frozen=True)
class WindowBatches:
    """The windows of a split, planned by length.

    Args:
        rows: as :func:`~toolkit.data.windows.write_windows` wrote them.
        tokenizer: names the padding, and whether the model is told which text a token is of.
        train: batch size or token budget, and the seed of the order.
    """

    rows: Dataset
    tokenizer: Any
    train: TrainSection

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each window, int32 (windows,)."""
        return column_array(self.rows, "length")

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_epoch

        return plan_epoch(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """Windows padded to the longest of them, int64 (rows, tokens), and the two ``POSITIONS`` (rows,)."""
        import torch

        del epoch  # nothing is drawn
        columns: Any = self.rows[rows]
        batch = pad_windows(self.tokenizer, columns["input_ids"], columns["token_type_ids"])
        return batch | {name: torch.tensor(columns[name]) for name in POSITIONS}


def pad_windows(
    tokenizer: Any, ids: Sequence[Sequence[int]], types: Sequence[Sequence[int]]
) -> dict[str, torch.Tensor]:
    """The model's inputs, int64 (rows, tokens); padded on the right, so that each token keeps its place."""
    import torch

    longest = max(map(len, ids))

    def padded(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
        return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])

    batch = {
        "input_ids": padded(ids, tokenizer.pad_token_id),
        "attention_mask": padded([[1] * len(row) for row in ids], 0),
    }
    if "token_type_ids" in tokenizer.model_input_names and len(types[0]):
        batch["token_type_ids"] = padded(types, tokenizer.pad_token_type_id)
    return batch


def answer_loss(module: torch.nn.Module, batch: Batch, smoothing: float = 0.0) -> torch.Tensor:
    """Sum over windows of the mean cross-entropy of first and last token (Devlin et al. 2019, section 4.2).

    Unlike in transformers' own loss, padding is no place that an answer could be: so the loss of a window is the same
    in whatever batch.

    Args:
        module: gives ``start_logits`` and ``end_logits`` (windows, tokens).
        batch: inputs and ``POSITIONS``.
        smoothing: share of each target spread over all tokens.
    """
    outputs: Any = module(**{name: value for name, value in batch.items() if name not in POSITIONS})
    real = batch["attention_mask"].bool()
    start, end = (
        _token_losses(logits, batch[name], real, smoothing)
        for logits, name in zip((outputs.start_logits, outputs.end_logits), POSITIONS, strict=True)
    )
    return (start + end).sum() / 2


def _token_losses(
    logits: torch.Tensor, positions: torch.Tensor, real: torch.Tensor, smoothing: float
) -> torch.Tensor:
    """Cross-entropy (windows,) of a token's position among the real tokens."""
    logits = logits.float().masked_fill(~real, float("-inf"))
    log_shares = logits.log_softmax(-1)
    losses = -log_shares.gather(1, positions[:, None].long())[:, 0]
    if not smoothing:
        return losses
    spread = -log_shares.masked_fill(~real, 0.0).sum(-1) / real.sum(-1)
    return (1 - smoothing) * losses + smoothing * spread
