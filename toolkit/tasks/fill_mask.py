"""Go on training a masked language model on texts of one domain, and fill gaps with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from toolkit.data.roles import Role
from toolkit.recipe.schema import DataSection, Recipe, TaskOptions
from toolkit.tasks.signature import Labels, Signature, Text

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.fill_mask_model import FillMaskPredictor
    from toolkit.tasks.protocol import Check

ROLES = (
    Role(
        "text", "text", ("text", "document", "content", "body", "sentence", "review", "article", "abstract")
    ),
)


class Options(TaskOptions):
    """What only masked language modelling asks."""

    unused: ClassVar[Mapping[str, str]] = {
        "train.lora": "train the whole model, or freeze its lowest layers: train.freeze=3",
    }

    mask_probability: float = Field(default=0.15, gt=0, lt=1)
    """Share of the tokens that are to be guessed; four of five of them become the mask."""
    whole_words: bool = False
    """Mask whole words, not single pieces of them, which their other pieces give away."""
    max_length: int = Field(default=128, gt=7)
    """Tokens of a block; longer documents are split into several."""
    new_head: bool = False
    """Train a new head where the model has none: nothing of what it fills was learnt before."""


class FillMask:
    """The Hub's ``fill-mask`` through ``AutoModelForMaskedLM``: adaptation to a domain (Gururangan et al. 2020)."""

    name = "fill-mask"
    Options = Options
    signature = Signature(Text("text"), Labels("label"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "sample:minilm"},
        "data": {"source": "sample:brown-documents"},
        "train": {"epochs": 3, "batch_size": 16, "learning_rate": 3e-4},
        "options": {"new_head": True},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.metrics.masked import METRICS
        from toolkit.tasks.fill_mask_training import BEST_METRIC, prepare
        from toolkit.tasks.protocol import Check

        prepared = prepare(recipe, ROLES)
        part = prepared.part(run)
        names = METRICS if part.evaluate else None
        predicted = predict_cost(part.objective, part.batches, run, best_metric=BEST_METRIC, metrics=names)
        return Check(prepared.rows.findings, predicted)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, measure as it is, fit, measure again, save."""
        from toolkit.engine.stages import fit_stages
        from toolkit.metrics.masked import METRICS
        from toolkit.tasks.fill_mask_report import look_before, measure
        from toolkit.tasks.fill_mask_training import BEST_METRIC, prepare
        from toolkit.tasks.finishing import Trained, finish

        prepared = prepare(recipe, ROLES)
        for finding in prepared.rows.findings:
            run.say(f"{finding.level}: {finding}")
        predictor = prepared.predictor
        predictor.model.to(run.device)
        before = look_before(prepared, run)
        result = fit_stages(prepared.part, predictor.model, run, best_metric=BEST_METRIC, metrics=METRICS)
        trained = Trained(self, run, result, predictor, prepared.rows, prepared.ledger)
        return finish(trained, lambda done: measure(done, prepared, before))

    def predictor(self, artifact: Artifact) -> FillMaskPredictor:
        """Open the trained model."""
        from toolkit.tasks.fill_mask_model import FillMaskPredictor

        return FillMaskPredictor.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.fill_mask_report import evaluate

        return evaluate(artifact, data, ROLES)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX and the tokenizer to ``target``, compared with torch on masked texts."""
        from toolkit.artifact.export import export_onnx

        predictor = self.predictor(artifact)
        mask = predictor.mask_token
        made = [f"A {mask} text.", f"A somewhat longer text, so that {mask} length is compared too."]
        texts = [example["text"] for example in artifact.examples] or made
        files = [
            path for path in artifact.model_folder.iterdir() if path.suffix in {".json", ".txt", ".model"}
        ]
        return export_onnx(predictor.model, predictor.encode(texts), target, files=files)
