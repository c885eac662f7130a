"""From a recipe to what a model that writes texts is trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.data.text_pairs import repeated
from toolkit.engine.inference import compute_rows
from toolkit.engine.stages import Part
from toolkit.engine.turn import Objective
from toolkit.errors import Finding, RecipeError
from toolkit.metrics.generation import Written, loss_values, require_packages, score
from toolkit.tasks.evaluation import sample_positions
from toolkit.tasks.seq2seq_batches import (
    Seq2SeqBatches,
    pair_flops,
    row_losses,
    rows_at_once,
    summed_loss,
    target_tokens,
)
from toolkit.tasks.seq2seq_model import Seq2SeqPredictor
from toolkit.tasks.seq2seq_opening import limits_of, open_pair
from toolkit.tasks.seq2seq_vocabulary import texts_of

if TYPE_CHECKING:
    import numpy as np
    from datasets import Dataset

    from toolkit.data.load import Rows
    from toolkit.data.text import LedgerEntry
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.recipe.schema import Recipe
    from toolkit.tasks.seq2seq import Seq2SeqOptions, Writing

SAME = 0.5
"""Share of targets that repeat their source from which on the columns are doubted."""


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    options: Seq2SeqOptions
    writing: Writing
    rows: Rows
    encoded: dict[str, Dataset]
    ledger: dict[str, LedgerEntry]
    predictor: Seq2SeqPredictor

    @property
    def best_metric(self) -> str:
        """What chooses the best weights, unless the recipe names another metric."""
        return self.writing.metric if self.options.predict_with_generate else "-loss"

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The validation metrics that a recipe may name."""
        more = ("exact_match", "length_ratio") if self.options.predict_with_generate else ()
        return ("loss", "perplexity", *(self.writing.metrics if more else ()), *more)

    def part(self, run: Run) -> Part:
        """What a stage trains."""
        smoothing = self.recipe.train.label_smoothing_factor
        objective = Objective(
            "writer",
            self.predictor.model,
            lambda module, batch: summed_loss(module, batch, smoothing),
            units=target_tokens,
            flops=pair_flops(self.predictor.model),
        )
        return Part(objective, self.batches("train"), self._validation(run))

    def batches(self, split: str) -> Seq2SeqBatches:
        """The pairs of a split."""
        predictor = self.predictor
        return Seq2SeqBatches(self.encoded[split], predictor.tokenizer, predictor.model, self.recipe.train)

    def _validation(self, run: Run) -> Evaluate | None:
        """The evaluation that ``fit`` calls, shared among the processes: the loss, and texts where they are wanted."""
        if "validation" not in self.encoded:
            return None
        batches, model = self.batches("validation"), self.predictor.model
        longest = max(map(len, self.encoded["validation"]["labels"]))
        at_once = rows_at_once(longest, model.config.vocab_size)
        rows = self.rows.splits["validation"]
        chosen = rows.select(sample_positions(len(rows), self.options.predict_with_generate))

        def evaluate() -> dict[str, float]:
            losses = compute_rows(
                model,
                batches.lengths,
                batches.collate,
                lambda batch: row_losses(model, batch),
                batch_size=at_once,
                accelerator=run.accelerator,
            )
            return {**(self._texts(chosen, losses, run) if len(chosen) else {}), **loss_values(losses)}

        return evaluate

    def _texts(self, rows: Dataset, losses: np.ndarray, run: Run) -> dict[str, float]:
        """How texts written for some rows compare with their references."""
        sources, references = rows[self.writing.source][:], rows[self.writing.target][:]
        predictions = self.predictor.write(sources, accelerator=run.accelerator)
        overlap = self.writing.compare(predictions, references, self.options.target_lang)
        measures = score(Written(predictions, references, losses[: len(rows)]), overlap, resamples=0)
        return {name: math.nan if m["value"] is None else m["value"] for name, m in measures.items()}


def prepare(recipe: Recipe, options: Seq2SeqOptions, writing: Writing) -> Prepared:
    """Load the rows, open the model, tokenise both sides.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened, or does not write texts.
        RecipeError: settings that do not go together.
    """
    from toolkit.data.load import load_rows
    from toolkit.data.text_pairs import tokenize_pairs
    from toolkit.engine.freeze import freeze
    from toolkit.engine.lora import add_lora

    require_packages()
    _refuse_head_only(recipe)
    rows = load_rows(recipe.data, writing.roles)
    rows.findings.extend(_copies(rows, writing))
    texts = texts_of(rows.splits["train"], [writing.source, writing.target])
    model, tokenizer, revision = open_pair(recipe.model, options, texts)
    predictor = Seq2SeqPredictor(
        model,
        tokenizer,
        writing.written,
        limits_of(model, tokenizer, options),
        options.source_prefix,
        (options.source_lang, options.target_lang),
        revision,
    )
    encoded, ledger = {}, {}
    for split, part in rows.splits.items():
        encoded[split], sides = tokenize_pairs(
            part, tokenizer, *predictor.sides(writing.source, writing.target)
        )
        ledger |= {f"{split}, {side}": entry for side, entry in sides.items()}
    freeze(model, recipe.train.freeze)
    if recipe.train.lora is not None:
        predictor.model = add_lora(model, **recipe.train.lora.model_dump(), task_type="SEQ_2_SEQ_LM")
    return Prepared(recipe, options, writing, rows, encoded, ledger, predictor)


def _refuse_head_only(recipe: Recipe) -> None:
    """The layer that gives a token's score is the table of tokens again: there is no new head to train alone."""
    if recipe.train.freeze == "backbone":
        message = "a model that writes texts has no new head: nothing would be left to train"
        fix = "freeze a number of layers, or use train.lora"
        raise RecipeError(Finding("error", "train.freeze", message, fix))


def _copies(rows: Rows, writing: Writing) -> list[Finding]:
    """A warning where many targets are their source again: the columns may be the same text twice."""
    train = rows.splits["train"]
    same = repeated(train, writing.source, writing.target)
    if same <= SAME * len(train):
        return []
    message = (
        f"{same:,} of {len(train):,} training rows have a {writing.target} that is their {writing.source}"
    )
    fix = f"check data.columns.{writing.source} and data.columns.{writing.target}"
    return [Finding("warning", "data", message, fix)]
