"""From a recipe to what each stage of a tagger's training works on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.arrays import column_array
from toolkit.data.load import Rows, load_rows
from toolkit.data.pieces import IGNORE, Cut, Labelling, tokenize_words
from toolkit.data.tags import TAGS
from toolkit.data.text import LedgerEntry
from toolkit.data.words import WordSplitter
from toolkit.engine.freeze import freeze
from toolkit.engine.lora import add_lora
from toolkit.engine.peak import training_flops
from toolkit.engine.stages import Part
from toolkit.engine.turn import Batch, Objective, tokens_of
from toolkit.errors import Finding, RecipeError
from toolkit.metrics.tagging import Words, metric_names, require_seqeval, score
from toolkit.tasks.token_batches import WindowBatches
from toolkit.tasks.token_classification import Options, roles_of
from toolkit.tasks.token_model import TagPredictor, forward_words, open_tagger

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from toolkit.data.roles import Scheme
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.recipe.schema import Recipe

WORDS = "text"
"""The role, and the column of loaded rows, that holds the words of a sentence."""


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    rows: Rows
    encoded: dict[str, Dataset]
    ledger: dict[str, LedgerEntry]
    predictor: TagPredictor

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the validation metrics."""
        return metric_names(self.predictor.scheme)

    @property
    def best_metric(self) -> str:
        """The metric that picks the best checkpoint, unless the recipe names another."""
        return self.metrics[0]

    def part(self, run: Run) -> Part:
        """What a stage trains."""
        return Part(self._objective(), self._batches("train"), self._validation(run))

    def _batches(self, split: str) -> WindowBatches:
        rows = self.encoded[split]
        lengths = column_array(rows, "length")
        return WindowBatches(rows, lengths, self.predictor.tokenizer, self.recipe.train)

    def _objective(self) -> Objective:
        """The summed loss of the pieces that are learnt from."""
        model, smoothing = self.predictor.model, self.recipe.train.label_smoothing_factor
        per_token = training_flops(model)

        def loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
            from torch.nn import functional

            inputs = {name: value for name, value in batch.items() if name != "labels"}
            logits = module(**inputs).logits.float().flatten(0, 1)
            labels = batch["labels"].flatten()
            return functional.cross_entropy(
                logits, labels, reduction="sum", ignore_index=IGNORE, label_smoothing=smoothing
            )

        return Objective(
            "tagger",
            model,
            loss,
            units=lambda batch: (batch["labels"] != IGNORE).sum(),
            flops=lambda batch: per_token * tokens_of(batch),
        )

    def _validation(self, run: Run) -> Evaluate | None:
        """The evaluation that ``fit`` calls: metrics on the validation split, shared among the processes."""
        if "validation" not in self.encoded:
            return None
        batches, predictor = self._batches("validation"), self.predictor
        true, lengths = true_tags(self.rows.splits["validation"])
        read = _read(self.encoded["validation"], lengths)

        def evaluate() -> dict[str, float]:
            logits = forward_words(predictor.model, batches, lengths, accelerator=run.accelerator)
            words = Words.of(np.where(read[:, None], logits, np.nan), true, lengths)
            measures = score(words, predictor.space.names, predictor.scheme, resamples=0)
            return {name: math.nan if m["value"] is None else m["value"] for name, m in measures.items()}

        return evaluate


def true_tags(rows: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """The tag numbers of all words of some rows, int64 (words,), and how many words each row has (rows,)."""
    tags = [np.asarray(one, np.int64) for one in rows[TAGS][:]]
    return np.concatenate(tags), np.array([len(one) for one in tags], np.int64)


def _read(encoded: Dataset, lengths: np.ndarray) -> np.ndarray:
    """Of all words of the sentences, whether some window predicts it."""
    starts = np.cumsum(lengths) - lengths
    read = np.zeros(int(lengths.sum()), bool)
    for sentence, words in zip(encoded["sentence"][:], encoded["words"][:], strict=True):
        read[starts[sentence] + np.asarray(words, np.int64)] = True
    return read


def prepare(recipe: Recipe) -> Prepared:
    """Load the rows, open the model, cut the sentences into pieces.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened.
        MissingExtraError: entities are to be measured, and seqeval is not installed.
        RecipeError: settings that do not go together.
    """
    options = Options(**recipe.options)
    rows = load_rows(recipe.data, roles_of(options))
    assert rows.labels is not None  # tags are among the roles
    scheme: Scheme = rows.manifest["tags"]["scheme"]
    require_seqeval(scheme)
    cut = Cut(options.max_length, options.stride)
    predictor = open_tagger(recipe.model, rows.labels, scheme, cut)
    _require_room(predictor)
    predictor.splitter = WordSplitter.learn(rows.splits["train"][WORDS])
    labelling = Labelling(_going_on(rows.labels.names) if options.label_all_tokens else None)
    encoded, ledger = {}, {}
    for split, part in rows.splits.items():
        encoded[split], ledger[split] = tokenize_words(
            part, predictor.tokenizer, (WORDS, TAGS), predictor.cut, labelling
        )
    freeze(predictor.model, recipe.train.freeze)
    if recipe.train.lora is not None:
        predictor.model = add_lora(predictor.model, **recipe.train.lora.model_dump())
    return Prepared(recipe, rows, encoded, ledger, predictor)


def _require_room(predictor: TagPredictor) -> None:
    """Refuse windows that would not move on.

    Raises:
        RecipeError: they would not.
    """
    room = predictor.cut.max_length - predictor.tokenizer.num_special_tokens_to_add()
    if predictor.cut.stride is not None and predictor.cut.stride >= room:
        message = f"{predictor.cut.stride} pieces of overlap leave no room for others: a window holds {room}"
        raise RecipeError(Finding("error", "options.stride", message, f"give at most {room // 2}"))


def _going_on(names: tuple[str, ...]) -> tuple[int, ...]:
    """By tag number, the tag of a word's further pieces: I- after B-, otherwise the same."""
    numbers = {name: number for number, name in enumerate(names)}
    return tuple(
        numbers.get(f"I-{name[2:]}", number) if name.startswith("B-") else number
        for number, name in enumerate(names)
    )
