"""Rows of one or more texts as padded batches, each text by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.arrays import column_array
from toolkit.data.scan import content_keys
from toolkit.data.store import arrow_batches
from toolkit.data.text import LedgerEntry, tokenize_rows
from toolkit.tasks.text_batches import MODEL_INPUTS, pad_rows

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from toolkit.recipe.schema import TrainSection


def tokenize_parts(
    rows: Dataset, tokenizer: Any, parts: Sequence[str], max_length: int
) -> tuple[list[Dataset], LedgerEntry]:
    """The tokens of each text column by itself, and what was cut from all of them."""
    done = [tokenize_rows(rows.select_columns([part]), tokenizer, [part], max_length) for part in parts]
    entries = [entry for _, entry in done]
    total = {
        name: sum(getattr(entry, name) for entry in entries)
        for name in ("samples", "samples_cut", "tokens", "tokens_cut")
    }
    return [encoded for encoded, _ in done], LedgerEntry(**total, limit=max_length)


def text_keys(rows: Dataset, parts: Sequence[str]) -> np.ndarray:
    """Hashes int64 (rows, parts) that are equal where texts are, but for case and spacing."""
    keys = [
        np.stack([content_keys(batch, [part]).view(np.int64) for part in parts], axis=1)
        for batch in arrow_batches(rows)
    ]
    return np.concatenate(keys)


class SentenceBatches:
    """Tokenised rows of one or more texts, planned with equally many rows in each batch.

    Args:
        parts: the tokens of each text of a row, as :func:`tokenize_parts` gives them.
        tokenizer: pads.
        train: batch size, and the seed of the order.
        fewest: rows that a batch needs.
        columns: what else a row has, (rows,) each; a batch has them under these names.
    """

    def __init__(
        self,
        parts: Sequence[Dataset],
        tokenizer: Any,
        train: TrainSection,
        fewest: int = 1,
        columns: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.parts = list(parts)
        self.tokenizer = tokenizer
        self.train = train
        self.fewest = fewest
        self.columns = dict(columns or {})
        lengths = [column_array(part, "length") for part in parts]
        self.lengths: np.ndarray = np.stack(lengths).sum(axis=0, dtype=np.int32)
        self._names = [name for name in MODEL_INPUTS if name in self.parts[0].column_names]

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_rows

        return plan_rows(self.lengths, self.train, epoch, self.fewest)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """The inputs of each text under its number, ``0.input_ids``, int64 (rows, tokens), and the other columns."""
        import torch

        del epoch  # texts are not augmented
        batch = {name: torch.from_numpy(values[rows]) for name, values in self.columns.items()}
        for number, part in enumerate(self.parts):
            found = part[rows]
            padded = pad_rows(self.tokenizer, {name: found[name] for name in self._names})
            batch |= {f"{number}.{name}": value for name, value in padded.items()}
        return batch


def texts_of(batch: Mapping[str, Any], parts: int) -> list[dict[str, Any]]:
    """The model's inputs for each text of a row, out of a batch."""
    return [
        {name.partition(".")[2]: value for name, value in batch.items() if name.startswith(f"{number}.")}
        for number in range(parts)
    ]
