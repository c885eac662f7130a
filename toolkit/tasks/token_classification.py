"""Give every word of a text a tag: names of people and places, parts of speech."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from toolkit.data.roles import Role, Scheme, Tagging
from toolkit.recipe.schema import DataSection, Recipe, TaskOptions
from toolkit.tasks.signature import Sentence, Signature, Tags

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.protocol import Check
    from toolkit.tasks.token_model import TagPredictor

ROLES = (
    Role("text", "words", ("tokens", "words", "text", "sentence", "form")),
    Role("tags", "tags", ("tags", "ner_tags", "ner", "pos_tags", "pos", "upos", "labels", "label")),
)

EXPORT_TEXTS = ("A short text .", "A somewhat longer text , so that another length is compared too .")
"""What an exported model is compared on when the run kept no examples."""


class Options(TaskOptions):
    """What only token classification asks."""

    scheme: Literal["auto"] | Scheme = "auto"
    """What tags mark: entities (IOB2, IOBES, BILOU), or nothing but their word (plain); ``auto`` goes by the tags."""
    bio: Literal["repair", "refuse"] = "repair"
    """What to do with tags against their scheme's order, such as I-X after O: put them in order, or refuse the row."""
    max_length: int = Field(default=256, gt=2)
    """Word pieces a sentence is cut to; words that are not read are counted in the truncation ledger."""
    stride: int | None = Field(default=None, ge=0)
    """Read longer sentences in windows that overlap by so many pieces, so that every word gets a prediction."""
    label_all_tokens: bool = False
    """Learn from all pieces of a word, not from the first one alone."""


def roles_of(options: Options) -> tuple[Role, ...]:
    """The roles, with the tags read as the recipe says."""
    tagging = Tagging(options.scheme, options.bio)
    return tuple(replace(role, tagging=tagging) for role in ROLES)


class TokenClassification:
    """The Hub's ``token-classification`` through ``AutoModelForTokenClassification``."""

    name = "token-classification"
    Options = Options
    signature = Signature(Sentence("text"), Tags("tags"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "sample:minilm"},
        "data": {
            "source": "sample:brown",
            "columns": {"text": "tokens", "tags": "universal"},
            "group": "document",
        },
        "train": {"epochs": 3, "batch_size": 32, "learning_rate": 3e-4},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.tasks.protocol import Check
        from toolkit.tasks.token_training import prepare

        prepared = prepare(recipe)
        part = prepared.part(run)
        names = prepared.metrics if part.evaluate else None
        predicted = predict_cost(
            part.objective, part.batches, run, best_metric=prepared.best_metric, metrics=names
        )
        return Check(prepared.rows.findings, predicted)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, fit, save."""
        from toolkit.engine.lora import merge_lora
        from toolkit.engine.stages import fit_stages
        from toolkit.tasks.finishing import Trained, finish
        from toolkit.tasks.token_report import measure
        from toolkit.tasks.token_training import prepare

        prepared = prepare(recipe)
        for finding in prepared.rows.findings:
            run.say(f"{finding.level}: {finding}")
        predictor = prepared.predictor
        result = fit_stages(
            prepared.part,
            predictor.model,
            run,
            best_metric=prepared.best_metric,
            metrics=prepared.metrics,
        )
        predictor.model = merge_lora(predictor.model)
        return finish(Trained(self, run, result, predictor, prepared.rows, prepared.ledger), measure)

    def predictor(self, artifact: Artifact) -> TagPredictor:
        """Open the trained model."""
        from toolkit.tasks.token_model import TagPredictor

        return TagPredictor.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.token_report import evaluate

        return evaluate(artifact, data)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX and the tokenizer to ``target``, compared with torch on real sentences."""
        from toolkit.artifact.export import export_onnx

        predictor = self.predictor(artifact)
        texts = [example["text"] for example in artifact.examples]
        example = predictor.encode(texts if len(texts) > 1 else EXPORT_TEXTS)
        files = [
            path for path in artifact.model_folder.iterdir() if path.suffix in {".json", ".txt", ".model"}
        ]
        return export_onnx(predictor.model, example, target, files=files)
