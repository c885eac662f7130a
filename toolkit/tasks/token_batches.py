"""Batches of windows of word pieces, and where the logits of their words go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from toolkit.data.pieces import IGNORE
from toolkit.tasks.text_batches import MODEL_INPUTS, pad_rows

if TYPE_CHECKING:
    import torch

    from toolkit.data.pieces import Window
    from toolkit.recipe.schema import TrainSection


class Columns(Protocol):
    """Windows as columns: ``input_ids``, ``words``, …; a ``Dataset`` is one."""

    def __getitem__(self, rows: Any, /) -> Any:
        """The columns of some rows, lists by name."""
        ...


class InMemory:
    """Windows that were just made, as columns."""

    def __init__(self, windows: Sequence[Window]) -> None:
        self.windows = windows

    def __getitem__(self, rows: np.ndarray, /) -> dict[str, list[Any]]:
        """The columns of some windows."""
        chosen = [self.windows[at] for at in rows]
        inputs = {name: [one.inputs[name] for one in chosen] for name in (chosen[0].inputs if chosen else ())}
        places = {name: [getattr(one, name) for one in chosen] for name in ("sentence", "words", "positions")}
        return {**inputs, **places}


class WindowBatches:
    """Windows as padded batches, planned by length.

    Args:
        rows: what :func:`~toolkit.data.pieces.tokenize_words` made, or windows in memory.
        lengths: (windows,) pieces of each.
        tokenizer: pads.
        train: batch size or token budget, and the seed of the order; None for batches that nothing is learnt from.
    """

    def __init__(
        self, rows: Columns, lengths: np.ndarray, tokenizer: Any, train: TrainSection | None = None
    ) -> None:
        self.rows = rows
        self.lengths = lengths
        self.tokenizer = tokenizer
        self.train = train

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Window numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_epoch

        assert self.train is not None  # batches to learn from have it
        return plan_epoch(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """Windows padded to the longest: int64 (windows, pieces), and ``labels`` of that shape where there are some."""
        del epoch  # sentences are not augmented
        columns: Mapping[str, Any] = self.rows[rows]
        batch = pad_rows(self.tokenizer, {name: columns[name] for name in MODEL_INPUTS if name in columns})
        if "labels" in columns:
            batch["labels"] = self._padded(columns["labels"], batch["input_ids"].shape[1])
        return batch

    def _padded(self, labels: Sequence[Sequence[int]], width: int) -> torch.Tensor:
        import torch

        padded = torch.full((len(labels), width), IGNORE, dtype=torch.int64)
        for row, values in zip(padded, labels, strict=True):
            places = slice(width - len(values), width) if self._left else slice(len(values))
            row[places] = torch.as_tensor(values)
        return padded

    @property
    def _left(self) -> bool:
        """Whether padding comes before the pieces, as for many decoders."""
        return self.tokenizer.padding_side == "left"

    def take(
        self, starts: np.ndarray, rows: np.ndarray, logits: torch.Tensor
    ) -> tuple[np.ndarray, torch.Tensor]:
        """Places of the words that some windows predict, counted over all sentences, and their logits.

        Args:
            starts: (sentences,) the place of each sentence's first word.
            rows: window numbers.
            logits: (windows, pieces, labels).
        """
        columns: Mapping[str, Any] = self.rows[rows]
        counts = [len(words) for words in columns["words"]]
        places = np.concatenate(
            [np.empty(0, np.int64), *(np.asarray(words, np.int64) for words in columns["words"])]
        )
        places += np.repeat(starts[np.asarray(columns["sentence"], np.int64)], counts)
        shift = logits.shape[1] - self.lengths[rows] if self._left else np.zeros(len(rows), np.int64)
        positions = np.concatenate(
            [
                np.empty(0, np.int64),
                *(np.asarray(at, np.int64) + by for at, by in zip(columns["positions"], shift, strict=True)),
            ]
        )
        return places, logits[np.repeat(np.arange(len(rows)), counts), positions]
