"""Give every pixel of a picture a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from toolkit.data.roles import Role
from toolkit.engine.augment import Augment
from toolkit.recipe.schema import DataSection, Recipe, TaskOptions
from toolkit.tasks.signature import Image, Mask, Signature

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.protocol import Check
    from toolkit.tasks.segmentation_model import MaskPredictor

ROLES = (
    Role("image", "image", ("image", "img", "picture", "photo", "file_name", "pixel_values")),
    Role(
        "mask",
        "mask",
        ("mask", "annotation", "annotations", "segmentation_mask", "label", "labels", "seg_map"),
    ),
)


class Options(TaskOptions):
    """What only segmentation asks."""

    labels: list[str] = Field(default_factory=list)
    """Names of the classes, in the order of the masks' numbers; by default the numbers themselves."""
    skip: list[str] = Field(default_factory=list)
    """Classes left out of mean IoU and mean Dice, such as a background that is most of every picture."""
    size: int | tuple[int, int] | None = None
    """Side, or height and width, in pixels of what the model reads; by default what it was trained on."""
    channels: Literal[1, 3] = 3
    """3 for colour; 1 for grey pictures and a model with new weights."""
    fit: Literal["stretch", "pad"] = "stretch"
    """How another aspect ratio is handled: stretch, or add black; nothing is cut, as every pixel wants a class."""
    augment: Augment = Field(default_factory=Augment)
    """How training pictures and their masks are varied, anew in every epoch."""


class ImageSegmentation:
    """The Hub's ``image-segmentation``, semantic, through ``AutoModelForSemanticSegmentation``."""

    name = "image-segmentation"
    Options = Options
    signature = Signature(Image("image"), Mask("mask"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "scratch:unet"},
        "data": {"source": "sample:brain-tissue"},
        "train": {"epochs": 20, "batch_size": 8, "learning_rate": 2e-3, "lr_scheduler_type": "cosine"},
        "options": {"size": 128, "augment": {"flip": True}},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.metrics.segmentation import METRICS
        from toolkit.tasks.protocol import Check
        from toolkit.tasks.segmentation_training import BEST_METRIC, prepare

        prepared = prepare(recipe, ROLES)
        part = prepared.part(run)
        names = METRICS if part.evaluate else None
        predicted = predict_cost(part.objective, part.batches, run, best_metric=BEST_METRIC, metrics=names)
        return Check(prepared.rows.findings, predicted)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, fit, save."""
        from toolkit.engine.stages import fit_stages
        from toolkit.metrics.segmentation import METRICS
        from toolkit.tasks.finishing import Trained, finish
        from toolkit.tasks.segmentation_report import measure
        from toolkit.tasks.segmentation_training import BEST_METRIC, prepare

        prepared = prepare(recipe, ROLES)
        for finding in prepared.rows.findings:
            run.say(f"{finding.level}: {finding}")
        predictor = prepared.predictor
        result = fit_stages(prepared.part, predictor.model, run, best_metric=BEST_METRIC, metrics=METRICS)
        return finish(Trained(self, run, result, predictor, prepared.rows), measure)

    def predictor(self, artifact: Artifact) -> MaskPredictor:
        """Open the trained model."""
        from toolkit.tasks.segmentation_model import MaskPredictor

        return MaskPredictor.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.segmentation_report import evaluate

        return evaluate(artifact, data, ROLES)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX to ``target``, compared with torch on real pictures."""
        from toolkit.tasks.image_export import export_pictures

        return export_pictures(self.predictor(artifact), artifact, target)
