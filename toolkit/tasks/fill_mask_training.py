"""From a recipe to what each stage of a masked language model's training works on, and what it is measured on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from toolkit.data.blocks import block_rows
from toolkit.data.load import load_rows
from toolkit.engine.freeze import freeze
from toolkit.engine.inference import forward_rows
from toolkit.engine.peak import forward_flops
from toolkit.engine.stages import Part
from toolkit.engine.turn import Batch, Objective, tokens_of
from toolkit.metrics.masked import TOP, by_document, score
from toolkit.tasks.fill_mask import Options
from toolkit.tasks.fill_mask_batches import NOT_MASKED, MaskedBatches, Masking
from toolkit.tasks.fill_mask_model import FillMaskPredictor, logits_at
from toolkit.tasks.fill_mask_opening import open_filler

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from datasets import Dataset

    from toolkit.data.load import Rows
    from toolkit.data.roles import Role
    from toolkit.data.text import LedgerEntry
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.recipe.schema import Recipe

BEST_METRIC = "-perplexity"
HELD_OUT_SEED = 0
"""Of the masks of rows that are measured: the same for all seeds of training, as the split is."""
FEW = 8
"""Blocks whose operations are counted."""


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    options: Options
    rows: Rows
    blocks: dict[str, Dataset]
    ledger: dict[str, LedgerEntry]
    predictor: FillMaskPredictor
    new_head: bool
    """Whether the head has nothing learnt in it yet."""

    @property
    def masking(self) -> Masking:
        """What is masked."""
        return masking_of(self.options, self.predictor)

    def part(self, run: Run) -> Part:
        """What a stage trains."""
        predictor, train = self.predictor, self.recipe.train
        batches = MaskedBatches(self.blocks["train"], predictor.tokenizer, self.masking, train.seed, train)
        predictor.model.to(run.device)
        each = _flops_of_a_token(predictor.model, batches, run)
        objective = Objective(
            "masked language model",
            predictor.model,
            self._loss,
            units=lambda batch: (batch["labels"] != NOT_MASKED).sum(),
            flops=lambda batch: each * tokens_of(batch),
        )
        return Part(objective, batches, self._validation(run))

    def _loss(self, module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Sum of the cross-entropies of the masked tokens."""
        from torch.nn import functional

        inputs, labels, chosen = _asked(batch)
        smoothing = self.recipe.train.label_smoothing_factor
        logits = logits_at(module, inputs, chosen).float()
        return functional.cross_entropy(logits, labels, reduction="sum", label_smoothing=smoothing)

    def _validation(self, run: Run) -> Evaluate | None:
        if "validation" not in self.blocks:
            return None
        blocks, rows = self.blocks["validation"], len(self.rows.splits["validation"])

        def evaluate() -> dict[str, float]:
            sums = sums_of(self.predictor, blocks, rows, self.masking, run.accelerator)
            scores = score(sums, resamples=0)
            return {name: np.nan if m["value"] is None else m["value"] for name, m in scores.items()}

        return evaluate


class _Asked(NamedTuple):
    """A masked batch taken apart."""

    inputs: Batch
    labels: torch.Tensor
    """Of the chosen tokens, (chosen,)."""
    chosen: torch.Tensor
    """Bool (blocks, tokens)."""


def _asked(batch: Batch) -> _Asked:
    chosen = batch["labels"] != NOT_MASKED
    inputs = {name: value for name, value in batch.items() if name != "labels"}
    return _Asked(inputs, batch["labels"][chosen], chosen)


def _flops_of_a_token(model: Any, batches: MaskedBatches, run: Run) -> float:
    """Floating-point operations of a training step for each token, counted on a few blocks of middling length."""
    order = np.argsort(batches.lengths, kind="stable")
    middle = max(0, len(order) // 2 - FEW // 2)
    batch = batches.collate(order[middle : middle + FEW])
    inputs, _, chosen = _asked({name: value.to(run.device) for name, value in batch.items()})
    return 3.0 * forward_flops(model, lambda: logits_at(model, inputs, chosen)) / max(1.0, tokens_of(batch))


def masking_of(options: Options, predictor: FillMaskPredictor) -> Masking:
    """What is masked, for a model's vocabulary."""
    tokenizer = predictor.tokenizer
    known = min(len(tokenizer), predictor.model.config.vocab_size)
    return Masking(tokenizer.mask_token_id, known, options.mask_probability, options.whole_words)


def sums_of(
    predictor: FillMaskPredictor,
    blocks: Dataset,
    documents: int,
    masking: Masking,
    accelerator: Accelerator | None = None,
) -> np.ndarray:
    """How well the masked tokens of each document are guessed: float64 (documents, ``metrics.masked.COLUMNS``).

    The masks are those of :data:`HELD_OUT_SEED`, whatever the training's.
    """
    batches = MaskedBatches(blocks, predictor.tokenizer, masking, HELD_OUT_SEED)
    scorer = _scorer(predictor.model)

    def collate(rows: np.ndarray) -> Batch:
        batch = batches.collate(rows)
        return {**batch, "wanted": batch["labels"]}  # labels alone are kept from a model

    sums = forward_rows(scorer, batches.lengths, collate, accelerator=accelerator)
    return by_document(sums, np.asarray(blocks["document"][:]), documents)


def _scorer(model: Any) -> torch.nn.Module:
    """A module whose ``logits`` are the sums of each block."""
    import torch
    from torch.nn import functional
    from transformers.modeling_outputs import MaskedLMOutput

    class Scorer(torch.nn.Module):
        """Float32 (blocks, ``metrics.masked.COLUMNS``)."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, wanted: torch.Tensor, **inputs: torch.Tensor) -> MaskedLMOutput:
            chosen = wanted != NOT_MASKED
            labels = wanted[chosen]
            logits = logits_at(self.model, inputs, chosen).float()
            hits = logits.topk(TOP).indices == labels[:, None]
            each = [
                functional.cross_entropy(logits, labels, reduction="none"),
                torch.ones_like(labels),
                hits[:, 0],
                hits.any(1),
            ]
            sums = torch.zeros(len(wanted), len(each), device=logits.device)
            sums.index_add_(0, chosen.nonzero()[:, 0], torch.stack([value.float() for value in each], 1))
            return MaskedLMOutput(logits=sums)  # pyright: ignore[reportArgumentType]

    return Scorer()


def prepare(recipe: Recipe, roles: Sequence[Role]) -> Prepared:
    """Load the rows, open the model, split the documents into blocks of tokens.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened, or cannot fill gaps.
    """
    options = Options(**recipe.options)
    rows = load_rows(recipe.data, roles)
    opened = open_filler(recipe.model, options.max_length, new_head=options.new_head)
    predictor = opened.predictor
    rows.findings.extend(opened.findings)
    blocks, ledger = {}, {}
    for split, part in rows.splits.items():
        blocks[split], ledger[split] = block_rows(part, predictor.tokenizer, "text", predictor.max_length)
    freeze(predictor.model, recipe.train.freeze)
    return Prepared(recipe, options, rows, blocks, ledger, predictor, opened.new_head)
