"""Batches of tokenised pairs of texts for ``fit``, and the loss of one."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from toolkit.data.arrays import column_array
from toolkit.engine.turn import IGNORED

if TYPE_CHECKING:
    import numpy as np
    import torch
    from datasets import Dataset

    from toolkit.engine.turn import Batch
    from toolkit.recipe.schema import TrainSection

METHOD, FUNCTION = "prepare_decoder_input_ids_from_labels", "shift_tokens_right"
"""Of transformers: what most models do with their labels, and the function that a few have beside them (M2M100)."""
LOGITS = 2**26
"""Numbers that the logits of an evaluated batch may hold: 256 MB."""


class Seq2SeqBatches:
    """Tokenised pairs as padded batches, planned by the tokens of both sides together.

    Args:
        rows: Arrow rows with ``input_ids``, ``labels`` and ``length``.
        tokenizer: pads.
        model: knows what its decoder reads.
        train: batch size or token budget, and the seed of the order.
    """

    def __init__(self, rows: Dataset, tokenizer: Any, model: Any, train: TrainSection) -> None:
        self.rows = rows
        self.tokenizer = tokenizer
        self.model = model
        self.train = train
        self.lengths = column_array(rows, "length")

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_epoch

        return plan_epoch(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> Batch:
        """Rows padded to the longest of them, see :func:`pad_pairs`."""
        del epoch  # texts are not augmented
        return pad_pairs(self.tokenizer, self.model, self.rows[rows])


def pad_pairs(tokenizer: Any, model: Any, columns: Mapping[str, Sequence[Sequence[int]]]) -> Batch:
    """Token lists as tensors, int64.

    ``input_ids`` and ``attention_mask`` are (rows, source tokens); ``labels``, padded with -100, and
    ``decoder_input_ids``, which is what the model itself makes of them, (rows, target tokens).
    """
    import torch
    from torch.nn.utils.rnn import pad_sequence

    batch = dict(tokenizer.pad({"input_ids": columns["input_ids"]}, padding="longest", return_tensors="pt"))
    targets = [torch.as_tensor(ids) for ids in columns["labels"]]
    labels = pad_sequence(targets, batch_first=True, padding_value=IGNORED).long()
    # A copy: some models write the padding token into the labels that they are given.
    batch |= {"labels": labels, "decoder_input_ids": shifted(model, labels.clone())}
    return batch


def can_shift(kind: type) -> bool:
    """Whether a class of models says what its decoder reads for the labels it is to give."""
    return hasattr(kind, METHOD) or hasattr(sys.modules[kind.__module__], FUNCTION)


def shifted(model: Any, labels: torch.Tensor) -> torch.Tensor:
    """What a model's decoder reads to give these labels, by the model's own rule; both (rows, target tokens)."""
    model = model.get_base_model() if hasattr(model, "get_base_model") else model
    if hasattr(model, METHOD):
        return getattr(model, METHOD)(labels=labels)
    shift = getattr(sys.modules[type(model).__module__], FUNCTION)
    return shift(labels, model.config.pad_token_id, model.config.decoder_start_token_id)


def target_tokens(batch: Batch) -> torch.Tensor:
    """How many tokens of a batch are learnt: what its loss is divided by."""
    return (batch["labels"] != IGNORED).sum()


def token_logits(module: Any, batch: Batch) -> torch.Tensor:
    """Logits for each token to write, float32 (rows, target tokens, vocabulary)."""
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    return module(**inputs, use_cache=False).logits.float()


def summed_loss(module: Any, batch: Batch, label_smoothing: float = 0.0) -> torch.Tensor:
    """Cross-entropy summed over the target tokens of a batch."""
    from torch.nn import functional

    logits = token_logits(module, batch)
    return functional.cross_entropy(
        logits.flatten(0, 1),
        batch["labels"].flatten(),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=label_smoothing,
    )


def row_losses(module: Any, batch: Batch) -> torch.Tensor:
    """Cross-entropy summed over each row's target tokens, and how many they are; float64 (rows, 2)."""
    import torch
    from torch.nn import functional

    logits, labels = token_logits(module, batch), batch["labels"]
    each = functional.cross_entropy(
        logits.transpose(1, 2), labels, ignore_index=IGNORED, reduction="none"
    ).double()
    return torch.stack([each.sum(1), (labels != IGNORED).sum(1).double()], dim=1)


def rows_at_once(longest: int, vocabulary: int, most: int = 32) -> int:
    """How many rows are evaluated together, so that their logits fit into memory."""
    return max(1, min(most, LOGITS // max(1, longest * vocabulary)))


def pair_flops(model: Any) -> Callable[[Batch], float]:
    """A function from a batch to the floating-point operations of its forward and backward pass.

    As :func:`toolkit.engine.peak.training_flops` counts them: the encoder's for each token read; the decoder's, and
    those of the output layer, for each token written. What the decoder computes of the tokens read is counted so too.
    """
    from toolkit.engine.peak import training_flops

    each_read, each_written = (training_flops(half) for half in (model.get_encoder(), model.get_decoder()))
    output = model.get_output_embeddings()
    if output is not None:
        each_written += (6 if output.weight.requires_grad else 4) * output.weight.numel()

    def flops(batch: Batch) -> float:
        return each_read * float(batch["attention_mask"].sum()) + each_written * float(target_tokens(batch))

    return flops
