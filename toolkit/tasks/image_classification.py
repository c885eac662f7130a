"""Sort pictures into classes, give them several labels, or rate them with a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from toolkit.data.roles import Role
from toolkit.engine.augment import Augment
from toolkit.recipe.schema import DataSection, ProblemType, Recipe, TaskOptions
from toolkit.tasks.signature import Image, Labels, Signature

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.image_model import ImagePredictor
    from toolkit.tasks.protocol import Check

ROLES = (
    Role("image", "image", ("image", "img", "picture", "photo", "file_name", "filename", "file", "path")),
    Role("label", "label", ("label", "labels", "class", "category", "target", "fine_label")),
)


class Options(TaskOptions):
    """What only image classification asks."""

    problem_type: Literal["auto", ProblemType] = "auto"
    """One label a picture, several, or a number; ``auto`` goes by the label column's type."""
    size: int | tuple[int, int] | None = Field(default=None)
    """Side, or height and width, in pixels of what the model reads; by default what it was trained on."""
    channels: Literal[1, 3] = 3
    """3 for colour; 1 for grey pictures and a model with new weights."""
    fit: Literal["crop", "stretch", "pad"] = "crop"
    """How another aspect ratio is handled: cut the middle, stretch, or add black."""
    augment: Augment = Field(default_factory=Augment)
    """How training pictures are varied, anew in every epoch."""
    cached_views: int = Field(default=4, gt=0)
    """With a frozen backbone and augmentation: how many views of each picture are computed, and used in turn."""


class ImageClassification:
    """The Hub's ``image-classification`` through ``AutoModelForImageClassification``, timm's models included."""

    name = "image-classification"
    Options = Options
    signature = Signature(Image("image"), Labels("label"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "sample:efficientnet-lite0"},
        "data": {"source": "sample:digits"},
        "train": {"epochs": 10, "batch_size": 32, "learning_rate": 1e-3, "freeze": "backbone"},
        "options": {"augment": {"flip": True}},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.tasks.image_training import prepare
        from toolkit.tasks.protocol import Check

        prepared = prepare(recipe, ROLES)
        problem = prepared.predictor.problem
        part = prepared.part(run)
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
        from toolkit.tasks.image_training import prepare

        prepared = prepare(recipe, ROLES)
        for finding in prepared.rows.findings:
            run.say(f"{finding.level}: {finding}")
        predictor = prepared.predictor
        result = fit_stages(
            prepared.part,
            predictor.model,
            run,
            best_metric=predictor.problem.best_metric,
            metrics=predictor.problem.metric_names,
        )
        predictor.model = merge_lora(predictor.model)
        return finish(Trained(self, run, result, predictor, prepared.rows), measure)

    def predictor(self, artifact: Artifact) -> ImagePredictor:
        """Open the trained model."""
        from toolkit.tasks.image_model import ImagePredictor

        return ImagePredictor.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.classification import evaluate

        return evaluate(artifact, data, ROLES)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX to ``target``, compared with torch on real pictures."""
        from toolkit.tasks.image_export import export_pictures

        return export_pictures(self.predictor(artifact), artifact, target)
