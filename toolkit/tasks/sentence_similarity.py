"""Teach an encoder which sentences belong together: search by meaning, questions to answers, likeness in numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from toolkit.data.roles import Role
from toolkit.recipe.schema import DataSection, Recipe, TaskOptions
from toolkit.tasks.signature import Sentences, Signature, Similarities

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.protocol import Check
    from toolkit.tasks.sentence_model import SentencePredictor

ROLES = (
    Role("anchor", "text", ("anchor", "query", "question"), form="triplets"),
    Role("positive", "text", ("positive", "pos"), form="triplets"),
    Role("negative", "text", ("negative", "neg", "hard_negative"), form="triplets"),
    Role(
        "sentence1",
        "text",
        ("sentence1", "sentence_1", "text1", "question1", "anchor", "query", "question", "premise"),
        form="pairs",
    ),
    Role(
        "sentence2",
        "text",
        ("sentence2", "sentence_2", "text2", "question2", "positive", "answer", "passage", "hypothesis"),
        form="pairs",
    ),
    Role(
        "score",
        "number",
        ("score", "similarity", "similarity_score", "relatedness"),
        optional=True,
        form="pairs",
    ),
    Role("text", "text", ("text", "sentence", "content", "question"), form="labels"),
    Role("label", "label", ("label", "class", "category", "topic", "intent"), form="labels"),
)


class Options(TaskOptions):
    """What only sentence similarity asks."""

    unused: ClassVar[Mapping[str, str]] = {
        "train.label_smoothing_factor": "set options.temperature, which says how sharply sentences are told apart",
        "train.batch_tokens": "set train.batch_size: each step compares equally many rows",
    }

    max_length: int = Field(default=128, gt=2)
    """Tokens a sentence is cut to; what is cut is counted in the truncation ledger."""
    pooling: Literal["mean", "cls", "max"] = "mean"
    """One vector of a sentence's tokens: their mean, the first of them, or the largest value of each dimension."""
    normalize: bool = True
    """Whether vectors get length 1; similarities are cosines all the same."""
    temperature: float = Field(default=0.05, gt=0)
    """Divides the cosines that a step compares: the lower, the more the nearest wrong sentences count."""
    symmetric: bool = False
    """Of pairs: also find the first sentence from the second."""
    score_range: tuple[float, float] | None = None
    """Of scored pairs: the scores that mean unlike and alike; by default 0 and 1, or what the training rows reach."""


class SentenceSimilarity:
    """The Hub's ``sentence-similarity`` through ``AutoModel`` and a pooling, as sentence-transformers lays them out."""

    name = "sentence-similarity"
    Options = Options
    signature = Signature(Sentences("sentences"), Similarities("similarities"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "sample:minilm"},
        "data": {"source": "sample:dialogues"},
        "train": {"epochs": 2, "batch_size": 64, "learning_rate": 5e-5},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.tasks.protocol import Check
        from toolkit.tasks.sentence_training import prepare

        prepared = prepare(recipe, Options(**recipe.options))
        part = prepared.part(run)
        predicted = predict_cost(
            part.objective,
            part.batches,
            run,
            best_metric=prepared.best_metric,
            metrics=prepared.metrics if part.evaluate else None,
        )
        return Check(prepared.findings, predicted)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, measure what the encoder finds already, fit, save."""
        from toolkit.engine.lora import merge_lora
        from toolkit.engine.stages import fit_stages
        from toolkit.tasks.finishing import Trained, finish
        from toolkit.tasks.sentence_report import look_before, measure
        from toolkit.tasks.sentence_training import prepare

        prepared = prepare(recipe, Options(**recipe.options))
        for finding in prepared.findings:
            run.say(f"{finding.level}: {finding}")
        predictor = prepared.predictor
        before = look_before(prepared, run)
        result = fit_stages(
            prepared.part,
            predictor.model,
            run,
            best_metric=prepared.best_metric,
            metrics=prepared.metrics,
        )
        predictor.model = merge_lora(predictor.model)
        trained = Trained(self, run, result, predictor, prepared.rows, prepared.ledger)
        return finish(trained, lambda trained: measure(trained, prepared, before))

    def predictor(self, artifact: Artifact) -> SentencePredictor:
        """Open the trained model."""
        from toolkit.tasks.sentence_model import SentencePredictor

        return SentencePredictor.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.sentence_report import evaluate

        return evaluate(artifact, data)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX (vectors, pooled) and the tokenizer to ``target``, compared with torch on real sentences."""
        from toolkit.tasks.sentence_export import export_sentences

        return export_sentences(self.predictor(artifact), artifact, target)
