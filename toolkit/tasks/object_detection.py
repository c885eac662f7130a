"""Find the objects of a picture: what each is, and the box around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from toolkit.data.roles import BoxFormat, Role
from toolkit.engine.augment import Augment
from toolkit.recipe.schema import DataSection, Recipe, TaskOptions
from toolkit.tasks.signature import Boxes, Image, Signature

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.detection_model import BoxPredictor
    from toolkit.tasks.protocol import Check

ROLES = (
    Role("image", "image", ("image", "img", "picture", "photo", "file_name", "pixel_values")),
    Role("objects", "boxes", ("objects", "annotations", "boxes", "targets", "labels")),
)


class Options(TaskOptions):
    """What only detection asks."""

    size: int | tuple[int, int] | None = None
    """Side, or height and width, in pixels of what the model reads; by default what it was trained on."""
    channels: Literal[1, 3] = 3
    """3 for colour; 1 for grey pictures and a model all of whose weights are new."""
    fit: Literal["stretch", "pad"] = "stretch"
    """How another aspect ratio is handled: stretch, or add black; nothing is cut, as every object wants to be seen."""
    augment: Augment = Field(default_factory=Augment)
    """How training pictures and their boxes are varied, anew in every epoch."""
    threshold: float = Field(default=0.5, ge=0, le=1)
    """Lowest score of the objects that a prediction shows; metrics count all of them."""
    box_format: BoxFormat = "xywh"
    """What the numbers of a ``bbox`` are: left, top, width, height as in COCO, or left, top, right, bottom."""
    freeze_norms: bool = False
    """Leave all batch norms as they are: a few pictures a step are too few to measure anything on."""


def roles_of(options: Options) -> tuple[Role, ...]:
    """The roles, with the format of boxes that the recipe names."""
    return tuple(replace(role, box_format=options.box_format) for role in ROLES)


class ObjectDetection:
    """The Hub's ``object-detection``, through ``AutoModelForObjectDetection``."""

    name = "object-detection"
    Options = Options
    signature = Signature(Image("image"), Boxes("objects"))
    defaults: Mapping[str, Any] = {
        "model": {
            "name": "scratch:rt_detr",
            "backbone": "sample:efficientnet-lite0",
            # That of vision/detect-digits, where it is measured, with more queries and so room for more objects.
            "config": {
                "d_model": 128,
                "encoder_ffn_dim": 256,
                "decoder_ffn_dim": 256,
                "encoder_layers": 1,
                "decoder_layers": 2,
                "encoder_attention_heads": 4,
                "decoder_attention_heads": 4,
                "hidden_expansion": 0.5,
                "num_queries": 50,
                "num_denoising": 0,
                "initializer_range": 0.05,
            },
        },
        "data": {"source": "sample:digits", "scenes": {"train": 2000, "validation": 200, "test": 300}},
        "train": {"epochs": 20, "batch_size": 16, "learning_rate": 5e-4, "lr_scheduler_type": "cosine"},
        "options": {"size": 256},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.metrics.detection import METRICS
        from toolkit.tasks.detection_training import BEST_METRIC, prepare
        from toolkit.tasks.protocol import Check

        prepared = prepare(recipe)
        part = prepared.part(run)
        names = METRICS if part.evaluate else None
        predicted = predict_cost(part.objective, part.batches, run, best_metric=BEST_METRIC, metrics=names)
        return Check(prepared.rows.findings, predicted)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, fit, save."""
        from toolkit.engine.stages import fit_stages
        from toolkit.metrics.detection import METRICS
        from toolkit.tasks.detection_report import measure
        from toolkit.tasks.detection_training import BEST_METRIC, prepare
        from toolkit.tasks.finishing import Trained, finish

        prepared = prepare(recipe)
        for finding in prepared.rows.findings:
            run.say(f"{finding.level}: {finding}")
        predictor = prepared.predictor
        result = fit_stages(prepared.part, predictor.model, run, best_metric=BEST_METRIC, metrics=METRICS)
        return finish(Trained(self, run, result, predictor, prepared.rows), measure)

    def predictor(self, artifact: Artifact) -> BoxPredictor:
        """Open the trained model."""
        from toolkit.tasks.detection_model import BoxPredictor

        return BoxPredictor.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.detection_report import evaluate

        return evaluate(artifact, data)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX to ``target``, compared with torch on real pictures."""
        from toolkit.tasks.detection_export import export_boxes

        return export_boxes(self.predictor(artifact), artifact, target)
