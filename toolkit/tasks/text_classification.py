"""Sort texts into classes, give them several labels, or rate them with a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, field_validator

from toolkit.data.roles import Role
from toolkit.data.vocabulary import Vocabulary
from toolkit.errors import Finding
from toolkit.recipe.schema import DataSection, ProblemType, Recipe, Section, TaskOptions
from toolkit.tasks.signature import Labels, Signature, Text, roles_in

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from datasets import Dataset

    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.data.text import LedgerEntry
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.engine.stages import Part
    from toolkit.engine.turn import Batch, Objective
    from toolkit.tasks.protocol import Check
    from toolkit.tasks.text_model import TextPredictor

PAIR = "text_pair"
"""The role of a second text, by transformers' name for it."""
FIRST = ("sentence1", "text1", "question1", "premise")
SECOND = ("sentence2", "text2", "question2", "hypothesis")
"""What pairs are often called."""
ROLES = (
    Role(
        "text",
        "text",
        ("text", "sentence", "review", "content", "body", "comment", "message", "tweet", *FIRST),
    ),
    Role(PAIR, "text", (PAIR, *SECOND), optional=True),
    Role(
        "label",
        "label",
        ("label", "labels", "class", "category", "target", "sentiment", "stars", "rating", "score"),
    ),
)

EXPORT_TEXTS = ("A short text.", "A somewhat longer text, so that another length is compared too.")
"""What an exported model is compared on when the run kept no examples."""


class ContrastiveSection(Section):
    """First draw texts of a class together, then fit a linear classifier: for few labelled texts."""

    temperature: float = Field(default=0.1, gt=0)
    """Divides the cosines that a step compares: the lower, the more the nearest texts of other classes count."""
    pooling: Literal["mean", "cls", "max"] = "mean"
    """One vector of a text's tokens: their mean, the first of them, or the largest value of each dimension."""
    templates: tuple[str, ...] = ()
    """Texts that are learnt beside the rows, each once a class, with its name for ``{}``: ``This film is {}.``"""

    @field_validator("templates")
    @classmethod
    def _hold_a_place_for_the_name(cls, templates: tuple[str, ...]) -> tuple[str, ...]:
        for template in templates:
            if "{}" not in template:
                raise ValueError(f"'{template}' has no {{}} where the name of the class is to stand")
        return templates


class Options(TaskOptions):
    """What only text classification asks."""

    problem_type: Literal["auto", ProblemType] = "auto"
    """One label a text, several, or a number; ``auto`` goes by the label column's type."""
    max_length: int = Field(default=256, gt=2)
    """Tokens a text is cut to; what is cut is counted in the truncation ledger."""
    vocabulary: Vocabulary | None = None
    """Which words of the training rows a model with new weights (``scratch:lstm``) knows."""
    few_shot: int | None = Field(default=None, gt=0)
    """Use so many training rows of each class, drawn by ``train.seed``, as if no more were labelled."""
    contrastive: ContrastiveSection | None = None
    """Train the encoder on which texts are of one class, and fit a linear classifier of its vectors (SetFit)."""


class TextClassification:
    """The Hub's ``text-classification`` through ``AutoModelForSequenceClassification``."""

    name = "text-classification"
    Options = Options
    signature = Signature(Text("text", pair=PAIR), Labels("label"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "sample:minilm"},
        "data": {"source": "sample:movie-reviews"},
        "train": {"epochs": 3, "batch_size": 32, "learning_rate": 1e-4},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.tasks.protocol import Check

        prepared = _prepare(recipe)
        problem, part = prepared.predictor.problem, prepared.part(run)
        predicted = predict_cost(
            part.objective,
            part.batches,
            run,
            best_metric=problem.best_metric,
            metrics=problem.metric_names if part.evaluate else None,
        )
        return Check(prepared.rows.findings, predicted)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, fit, save."""
        from toolkit.engine.lora import merge_lora
        from toolkit.engine.stages import fit_stages
        from toolkit.tasks.classification import measure
        from toolkit.tasks.finishing import Trained, finish

        prepared = _prepare(recipe)
        for finding in prepared.rows.findings:
            run.say(f"{finding.level}: {finding}")
        problem, predictor = prepared.predictor.problem, prepared.predictor
        result = fit_stages(
            prepared.part,
            predictor.model,
            run,
            best_metric=problem.best_metric,
            metrics=problem.metric_names,
        )
        predictor.model = merge_lora(predictor.model)
        prepared.complete()
        return finish(Trained(self, run, result, predictor, prepared.rows, prepared.ledger), measure)

    def predictor(self, artifact: Artifact) -> TextPredictor:
        """Open the trained model."""
        from toolkit.tasks.text_model import TextPredictor

        return TextPredictor.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.classification import evaluate

        return evaluate(artifact, data, ROLES)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX and the tokenizer to ``target``, compared with torch on real texts."""
        from toolkit.artifact.export import export_onnx

        predictor = self.predictor(artifact)
        texts = [example["text"] for example in artifact.examples] or predictor.as_inputs(EXPORT_TEXTS)
        example = predictor.encode(texts)
        files = [
            path for path in artifact.model_folder.iterdir() if path.suffix in {".json", ".txt", ".model"}
        ]
        return export_onnx(predictor.model, example, target, files=files)


@dataclass
class _Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    options: Options
    rows: Rows
    learnt: Dataset
    """The training rows, and what is learnt beside them."""
    encoded: dict[str, Dataset]
    ledger: dict[str, LedgerEntry]
    predictor: TextPredictor

    def part(self, run: Run) -> Part:
        """What a stage trains."""
        from toolkit.engine.stages import Part
        from toolkit.tasks.text_batches import TextBatches
        from toolkit.tasks.text_contrastive import contrastive_part

        train, contrastive = self.encoded["train"], self.options.contrastive
        if contrastive is not None:
            return contrastive_part(self.predictor, train, self.recipe, contrastive.temperature)
        batches = TextBatches(train, self.predictor.tokenizer, self.recipe.train)
        return Part(self.objective(), batches, self.validation(run))

    def complete(self) -> None:
        """Fit what gradient steps have left to do: the classifier of a contrastive encoder."""
        from toolkit.tasks.text_contrastive import fit_classifier

        if self.options.contrastive is not None:
            fit_classifier(self.predictor, self.learnt)

    def objective(self) -> Objective:
        """The summed loss of a batch of texts."""
        from toolkit.engine.peak import training_flops
        from toolkit.engine.turn import Objective, tokens_of

        problem, model = self.predictor.problem, self.predictor.model
        per_token, smoothing = training_flops(model), self.recipe.train.label_smoothing_factor

        def loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
            inputs = {name: value for name, value in batch.items() if name != "labels"}
            return problem.loss(module(**inputs).logits, batch["labels"], smoothing)

        return Objective(
            "classifier",
            model,
            loss,
            units=lambda batch: len(batch["labels"]),
            flops=lambda batch: per_token * tokens_of(batch),
        )

    def validation(self, run: Run) -> Evaluate | None:
        """The evaluation that ``fit`` calls: metrics on the validation split, shared among the processes."""
        from toolkit.engine.inference import forward_rows
        from toolkit.tasks.evaluation import values_of
        from toolkit.tasks.text_batches import TextBatches

        if "validation" not in self.encoded:
            return None
        batches = TextBatches(self.encoded["validation"], self.predictor.tokenizer, self.recipe.train)
        labels = batches.labels

        def evaluate() -> dict[str, float]:
            logits = forward_rows(
                self.predictor.model, batches.lengths, batches.collate, accelerator=run.accelerator
            )
            return values_of(self.predictor.problem, logits, labels)

        return evaluate


def _prepare(recipe: Recipe) -> _Prepared:
    """Load the rows, open the model, tokenise.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened.
        RecipeError: settings that do not go together.
    """
    from toolkit.data.few import draw_few
    from toolkit.data.load import load_rows
    from toolkit.data.text import tokenize_rows
    from toolkit.engine.freeze import freeze
    from toolkit.engine.lora import add_lora
    from toolkit.tasks.text_opening import check_new_weights, vocabulary_notes

    options = Options(**recipe.options)
    check_new_weights(recipe, options.vocabulary)
    rows = load_rows(recipe.data, ROLES, problem_type=options.problem_type)
    if options.few_shot is not None:
        rows = draw_few(rows, options.few_shot, recipe.train.seed)
    predictor = _open(recipe, options, rows)
    learnt, encoded, ledger = _learnt(options, rows), {}, {}
    for split, part in {**rows.splits, "train": learnt}.items():
        encoded[split], ledger[split] = tokenize_rows(
            part, predictor.tokenizer, predictor.roles, predictor.max_length
        )
    rows.findings.extend(vocabulary_notes(recipe.model, predictor.tokenizer, encoded))
    freeze(predictor.model, recipe.train.freeze)
    if recipe.train.lora is not None:
        predictor.model = add_lora(predictor.model, **recipe.train.lora.model_dump())
    return _Prepared(recipe, options, rows, learnt, encoded, ledger, predictor)


def _learnt(options: Options, rows: Rows) -> Dataset:
    """The training rows, and texts of the classes' names where they are asked for, which a note tells."""
    from toolkit.tasks.text_contrastive import named_by, with_texts

    train, contrastive = rows.splits["train"], options.contrastive
    if contrastive is None or not contrastive.templates:
        return train
    assert rows.labels is not None  # a label is among the roles
    made = named_by(contrastive.templates, rows.labels.names)
    message = f"{len(made)} texts that say the names of the classes are learnt beside the training rows"
    rows.findings.append(Finding("note", "options.contrastive.templates", message))
    return with_texts(train, made)


def _open(recipe: Recipe, options: Options, rows: Rows) -> TextPredictor:
    """The model with a head for the labels of the rows: the architecture's own, or one of pooled tokens."""
    from toolkit.data.vocabulary import texts_of
    from toolkit.tasks.text_contrastive import open_pooled, refuse_unsuited
    from toolkit.tasks.text_model import open_predictor

    assert rows.labels is not None  # a label is among the roles
    roles = roles_in(TextClassification.signature.of(rows.columns).input)
    if options.contrastive is None:
        words = chain.from_iterable(texts_of(rows.splits["train"], role) for role in roles)
        predictor = open_predictor(recipe.model, rows.labels, options.max_length, words, options.vocabulary)
    else:
        refuse_unsuited(recipe, rows.labels, options.contrastive, roles)
        predictor = open_pooled(recipe.model, rows.labels, options.max_length, options.contrastive.pooling)
    predictor.roles = roles
    return predictor
