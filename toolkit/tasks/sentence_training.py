"""What a sentence encoder is trained on: the forms of its rows, and the loss of each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from toolkit.data.load import Rows, load_rows
from toolkit.data.problems import Problems
from toolkit.data.repeats import without_repeats
from toolkit.engine.stages import Part
from toolkit.errors import DataError, Finding, RecipeError, raise_errors
from toolkit.metrics.retrieval import AGREEMENT, SEARCH, score
from toolkit.tasks.sentence_batches import SentenceBatches, text_keys, texts_of, tokenize_parts
from toolkit.tasks.sentence_model import SentencePredictor
from toolkit.tasks.sentence_search import Measured, measured
from toolkit.tasks.sentence_similarity import ROLES, Options

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator
    from datasets import Dataset

    from toolkit.data.text import LedgerEntry
    from toolkit.engine.contrastive import StepLoss
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.engine.turn import Batch, Objective
    from toolkit.recipe.schema import Recipe

Form = Literal["triplets", "pairs", "scored", "labels"]
PARTS: dict[Form, tuple[str, ...]] = {
    "triplets": ("anchor", "positive", "negative"),
    "pairs": ("sentence1", "sentence2"),
    "scored": ("sentence1", "sentence2"),
    "labels": ("text",),
}
"""The texts of a row."""


def form_of(rows: Rows) -> Form:
    """What the rows are, by their columns."""
    names = rows.columns.keys()
    if "negative" in names:
        return "triplets"
    if "label" in names:
        return "labels"
    return "scored" if "score" in names else "pairs"


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    options: Options
    rows: Rows
    form: Form
    predictor: SentencePredictor
    encoded: list[Dataset]
    """The tokens of the training rows, a set for each text of a row."""
    ledger: dict[str, LedgerEntry]
    scale: tuple[float, float] = (0.0, 1.0)
    """The scores that mean unlike and alike."""
    notes: Sequence[Finding] = field(default_factory=list[Finding])

    @property
    def findings(self) -> list[Finding]:
        """What is worth knowing of the rows."""
        return [*self.rows.findings, *self.notes]

    @property
    def parts(self) -> tuple[str, ...]:
        """The texts of a row."""
        return PARTS[self.form]

    @property
    def scored(self) -> str | None:
        """The column of scores, where pairs have one."""
        return "score" if self.form == "scored" else None

    @property
    def metrics(self) -> tuple[str, ...]:
        """What evaluations during training tell, the one that picks the best checkpoint first."""
        return AGREEMENT if self.form == "scored" else SEARCH

    @property
    def best_metric(self) -> str:
        """The metric that picks the best checkpoint, unless the recipe names another."""
        return self.metrics[0]

    def part(self, run: Run) -> Part:
        """What a stage trains."""
        columns: dict[str, np.ndarray] = {}
        if self.form == "scored":
            low, high = self.scale
            columns["scores"] = (self._column("score", np.float32) - low) / (high - low)
        fewest = 1 if self.form == "scored" else 2
        batches = SentenceBatches(self.encoded, self.predictor.tokenizer, self.recipe.train, fewest, columns)
        return Part(self.objective(), batches, self._validation(run))

    def objective(self) -> Objective:
        """The summed loss of the rows of a step."""
        from toolkit.engine.peak import training_flops
        from toolkit.engine.turn import Coupled, Objective, tokens_of

        model = self.predictor.model
        per_token = training_flops(model)
        return Objective(
            "encoder",
            model,
            self._scored_loss if self.form == "scored" else Coupled(self.vectors, self._coupled_loss()),
            units=lambda batch: len(batch["0.input_ids"]),
            flops=lambda batch: per_token * tokens_of(batch),
        )

    def vectors(self, module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The vectors of a row's texts side by side, float32 (rows, parts * units)."""
        import torch

        texts = texts_of(batch, len(self.parts))
        return torch.cat([self.predictor.pooled(module(**inputs), inputs) for inputs in texts], dim=1)

    def _scored_loss(self, module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        from toolkit.engine.contrastive import cosine_loss

        left, right = self.vectors(module, batch).chunk(2, dim=1)
        return cosine_loss(left, right, batch["scores"])

    def _coupled_loss(self) -> StepLoss:
        """The loss of a step's vectors, which bear on each other."""
        from toolkit.engine.contrastive import label_loss, pair_loss

        if self.form == "labels":
            return label_loss(self._column("label", np.int64), self.options.temperature)
        train = self.rows.splits["train"]
        keys = text_keys(train, self.parts)
        return pair_loss(keys, self.options.temperature, self.options.symmetric)

    def _column(self, name: str, kind: Any) -> np.ndarray:
        return np.asarray(self.rows.splits["train"][name][:], kind)

    def _validation(self, run: Run) -> Evaluate | None:
        if not len(self.rows.splits.get("validation", ())):
            return None
        part = self.rows.splits["validation"]

        def evaluate() -> dict[str, float]:
            seen = self.look(part, run.accelerator)
            measures = score(seen.statistics, seen.count, resamples=0)
            return {name: math.nan if m["value"] is None else m["value"] for name, m in measures.items()}

        return evaluate

    def look(self, part: Dataset, accelerator: Accelerator | None = None) -> Measured:
        """What the encoder, as it is now, makes of some rows."""
        return measured(self.predictor, part, self.parts, self.scored, accelerator)


def prepare(recipe: Recipe, options: Options) -> Prepared:
    """Load the rows, open the model, tokenise.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened.
        RecipeError: settings that do not go together.
    """
    from toolkit.engine.freeze import freeze
    from toolkit.engine.lora import add_lora

    rows = load_rows(recipe.data, ROLES, problem_type="single_label_classification")
    form = form_of(rows)
    if form != "scored":
        rows = without_repeats(rows, PARTS[form])
        require_company(recipe, len(rows.splits["train"]))
    scale, notes = _scale(rows, recipe, options) if form == "scored" else ((0.0, 1.0), [])
    predictor = SentencePredictor.open(
        recipe.model, max_length=options.max_length, pooling=options.pooling, normalize=options.normalize
    )
    encoded: dict[str, list[Dataset]] = {}
    ledger: dict[str, LedgerEntry] = {}
    for split, part in rows.splits.items():
        encoded[split], ledger[split] = tokenize_parts(
            part, predictor.tokenizer, PARTS[form], predictor.max_length
        )
    freeze(predictor.model, recipe.train.freeze)
    if recipe.train.lora is not None:
        predictor.model = add_lora(predictor.model, **recipe.train.lora.model_dump())
    return Prepared(recipe, options, rows, form, predictor, encoded["train"], ledger, scale, notes)


def require_company(recipe: Recipe, rows: int) -> None:
    """Refuse steps of a single row, which has nothing to be told apart from.

    Raises:
        RecipeError: the batch size says so.
        DataError: there is only one row.
    """
    if recipe.train.batch_size < 2:
        message = "a batch of one row has no negatives: the others of its batch would be them"
        raise RecipeError(
            Finding("error", "train.batch_size", message, "set 2 or more; 64 and more learn better")
        )
    if rows < 2:
        message = "one training row has nothing to be told apart from"
        raise DataError(Finding("error", recipe.data.source, message, "give more rows"))


def _scale(rows: Rows, recipe: Recipe, options: Options) -> tuple[tuple[float, float], list[Finding]]:
    """The scores that mean unlike and alike, and what to know of them.

    Raises:
        DataError: scores outside of the range that the recipe states, or all the same.
        RecipeError: a range without width.
    """
    scores = {split: np.asarray(part["score"][:], np.float64) for split, part in rows.splits.items()}
    low, high = float(scores["train"].min()), float(scores["train"].max())
    column = rows.columns["score"]
    if low == high:
        message = f"every training row has the score {low:g}"
        raise DataError(Finding("error", recipe.data.source, message, "give rows of different scores"))
    if options.score_range is not None:
        _require_within(rows, scores, options.score_range, recipe)
        return options.score_range, []
    if low >= 0 and high <= 1:
        return (0.0, 1.0), []
    message = f"'{column}' goes from {low:g} to {high:g} in the training rows, and is scaled to 0..1"
    fix = "set options.score_range=[LOW, HIGH] if the scale is another"
    return (low, high), [Finding("note", "options.score_range", message, fix)]


def _require_within(
    rows: Rows, scores: dict[str, np.ndarray], scale: tuple[float, float], recipe: Recipe
) -> None:
    low, high = scale
    if low >= high:
        fix = "give the score of what is unlike first: [0, 5]"
        raise RecipeError(Finding("error", "options.score_range", f"[{low:g}, {high:g}] has no width", fix))
    problems = Problems()
    for split, values in scores.items():
        numbers = rows.splits[split]["row"]

        def describe(at: int, values: np.ndarray = values, numbers: Any = numbers) -> tuple[str, str, str]:
            where = f"{recipe.data.source}: row {numbers[at]}"
            fix = "mend it, or change options.score_range"
            return where, f"'{rows.columns['score']}' is {values[at]:g}, not within {low:g} to {high:g}", fix

        problems.add_rows(np.flatnonzero((values < low) | (values > high)).tolist(), describe)
    raise_errors(problems.findings("stop", recipe.data.source))
