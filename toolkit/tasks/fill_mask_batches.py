"""Blocks of tokens with some of them masked: anew in every epoch, and always alike for a block in an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.arrays import column_array
from toolkit.data.blocks import NO_WORD
from toolkit.tasks.text_batches import pad_rows

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from toolkit.recipe.schema import TrainSection

NOT_MASKED = -100
"""The label of a token that is not to be guessed; the number that cross-entropy leaves out."""
MASKED, REPLACED = 0.8, 0.1
"""Of the chosen tokens: shares that become the mask, and any other token; the rest stays (Devlin et al. 2019, 3.1)."""


@dataclass(frozen=True)
class Masking:
    """How tokens are chosen and what becomes of them (Devlin et al. 2019, arXiv:1810.04805, section 3.1).

    transformers' ``DataCollatorForLanguageModeling`` does the same, but draws for a batch as a whole, so that a block's
    masks would depend on its neighbours.
    """

    mask_id: int
    vocabulary: int
    """Tokens there are; a replacement may be any of them."""
    probability: float = 0.15
    whole_words: bool = False
    """Choose words, and with each all its pieces."""

    def apply(
        self, ids: np.ndarray, words: np.ndarray, draws: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray]:
        """Mask one block.

        Args:
            ids: int (tokens,).
            words: number of the word of each token, ``NO_WORD`` where none may be masked, (tokens,).
            draws: the block's own.

        Returns:
            what the model reads, and the labels: the token where one was chosen, else ``NOT_MASKED``; int64 (tokens,).
        """
        chosen = self._chosen(words, draws)
        fate, other = draws.random(len(ids)), draws.integers(0, self.vocabulary, len(ids))
        read = np.where(chosen & (fate < MASKED), self.mask_id, ids)
        read = np.where(chosen & (fate >= MASKED) & (fate < MASKED + REPLACED), other, read)
        return read.astype(np.int64), np.where(chosen, ids, NOT_MASKED).astype(np.int64)

    def _chosen(self, words: np.ndarray, draws: np.random.Generator) -> np.ndarray:
        if not self.whole_words:
            return (draws.random(len(words)) < self.probability) & (words != NO_WORD)
        names, place = np.unique(words, return_inverse=True)
        return (draws.random(len(names)) < self.probability)[place] & (words != NO_WORD)


class MaskedBatches:
    """Blocks as padded, masked batches, planned by length.

    Args:
        blocks: as :func:`~toolkit.data.blocks.block_rows` makes them.
        tokenizer: pads.
        masking: what is masked.
        seed: of the masks; those of held-out rows have one that is not the training's, so that all trainings are
            measured on the same.
        train: batch size or token budget, and the seed of the order; needed to plan.
    """

    def __init__(
        self,
        blocks: Dataset,
        tokenizer: Any,
        masking: Masking,
        seed: int,
        train: TrainSection | None = None,
    ) -> None:
        self.blocks = blocks
        self.tokenizer = tokenizer
        self.masking = masking
        self.train = train
        self.seed = seed
        self.lengths = column_array(blocks, "length")

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Block numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_epoch

        assert self.train is not None  # blocks that are only measured are not planned
        return plan_epoch(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """Masked blocks padded to the longest: int64 (blocks, tokens), with ``labels`` of the same shape."""
        import torch

        columns = self.blocks[rows]
        masked = [
            self.masking.apply(np.asarray(ids), np.asarray(words), self._draws(epoch, int(row)))
            for ids, words, row in zip(columns["input_ids"], columns["word"], rows, strict=True)
        ]
        batch = pad_rows(self.tokenizer, {"input_ids": [read.tolist() for read, _ in masked]})
        labels = np.full(batch["input_ids"].shape, NOT_MASKED)
        side = self.tokenizer.padding_side
        for row, (_, label) in zip(labels, masked, strict=True):
            row[slice(0, len(label)) if side == "right" else slice(len(row) - len(label), None)] = label
        return {**batch, "labels": torch.from_numpy(labels)}

    def _draws(self, epoch: int, row: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, epoch, row))
