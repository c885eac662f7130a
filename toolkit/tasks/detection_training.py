"""From a recipe to what each stage of a detector's training works on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.engine.peak import picture_flops
from toolkit.engine.stages import Part
from toolkit.engine.turn import Batch, Objective
from toolkit.errors import Finding, RecipeError
from toolkit.hub.models import SCRATCH
from toolkit.metrics.detection import Detections, Objects, score
from toolkit.recipe.schema import ModelSection
from toolkit.tasks.detection_batches import DetectionBatches, object_count, targets_of, true_objects
from toolkit.tasks.detection_model import BoxPredictor
from toolkit.tasks.detection_opening import freeze_detector, freeze_norms, open_detector
from toolkit.tasks.image_input import known_input, load_pictures, require_vision
from toolkit.tasks.object_detection import Options, roles_of
from toolkit.tasks.problem import label_config

if TYPE_CHECKING:
    import torch

    from toolkit.data.load import Rows
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.recipe.schema import Recipe
    from toolkit.tasks.image_input import PictureInput

BEST_METRIC = "mean_average_precision"


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    options: Options
    rows: Rows
    predictor: BoxPredictor

    def part(self, run: Run) -> Part:
        """What a stage trains."""
        batches, model = self.batches("train"), self.predictor.model
        if self.options.freeze_norms:
            freeze_norms(model)  # in every stage: the second one has thawed everything
        example = batches.collate(np.arange(1))["pixel_values"]
        model.to(run.device)
        each = picture_flops(model, example.to(run.device))
        objective = Objective(
            "detector",
            model,
            detection_loss,
            units=object_count,
            flops=lambda batch: each * len(batch["class_labels"]),
        )
        return Part(objective, batches, self._validation())

    def batches(self, split: str) -> DetectionBatches:
        """The pictures and objects of a split; those of training are augmented."""
        changes = self.options.augment if split == "train" else None
        rows, store = self.rows.splits[split], self.rows.pixels[split]
        return DetectionBatches(rows, store, self.predictor.preprocessing, self.recipe.train, changes)

    def _validation(self) -> Evaluate | None:
        if "validation" not in self.rows.splits:
            return None
        rows, predictor = self.rows, self.predictor

        def evaluate() -> dict[str, float]:
            found, true = looked_at(predictor, rows, "validation")
            scores = score(found, true, resamples=0)
            return {name: math.nan if m["value"] is None else m["value"] for name, m in scores.items()}

        return evaluate


def detection_loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """The model's own loss, summed over the objects of the batch.

    The models divide every part of it by the number of objects, at least 1 (RT-DETR, Zhao et al. 2023,
    arXiv:2304.08069); multiplied by it again, the losses of a batch's pieces add up to that of the whole.
    """
    count = object_count(batch)
    if not count:
        return _background(module, batch)
    outputs: Any = module(pixel_values=batch["pixel_values"], labels=targets_of(batch))
    return outputs.loss * count


def _background(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
    """The loss of pictures without any object, on which transformers' matching stumbles: every score should be low."""
    import torch
    from torch.nn import functional

    outputs: Any = module(pixel_values=batch["pixel_values"])
    config: Any = module.config
    if hasattr(config, "weight_loss_vfl"):  # every layer and the encoder's proposals are judged
        each = outputs.intermediate_logits, outputs.enc_topk_logits
        logits = torch.cat([one.flatten().float() for one in each])
        weight = (
            config.weight_loss_vfl
            * config.focal_loss_alpha
            * logits.detach().sigmoid() ** config.focal_loss_gamma
        )
    else:
        logits = outputs.logits.flatten().float()
        weight = (1 - config.focal_alpha) * logits.sigmoid() ** 2
    return (weight * functional.softplus(logits)).sum()


def looked_at(
    predictor: BoxPredictor, rows: Rows, split: str, positions: np.ndarray | None = None
) -> tuple[list[Detections], list[Objects]]:
    """What the model finds in (some) pictures of a split, and what is there, both in the pixels of the frame."""
    part = rows.splits[split]
    true = true_objects(part if positions is None else part.select(positions))
    return predictor.detect(rows.inputs(split, "image", positions)), true


def prepare(recipe: Recipe) -> Prepared:
    """Find out what the model reads, load the pictures and objects so, and open the model for their classes.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened.
        RecipeError: settings that do not go together.
    """
    require_vision()
    options = Options(**recipe.options)
    _refuse_smoothing(recipe)
    known = _known(recipe.model, options)
    rows, labels, preprocessing = load_pictures(recipe.data, roles_of(options), options, known)
    model, revision = open_detector(recipe.model, label_config(labels), preprocessing.frame)
    freeze_detector(model, recipe.train.freeze)
    predictor = BoxPredictor(model, preprocessing, labels, options.threshold, revision)
    return Prepared(recipe, options, rows, predictor)


def _known(section: ModelSection, options: Options) -> PictureInput | None:
    """What the pretrained model reads, or the pretrained backbone of a new one; None where all weights are new."""
    backbone = section.backbone
    if section.name.startswith(SCRATCH) and backbone is not None:
        section = ModelSection(name=backbone)
    return known_input(section, options.size, options.fit)


def _refuse_smoothing(recipe: Recipe) -> None:
    if recipe.train.label_smoothing_factor:
        message = "a detector's scores are taught how well their boxes fit, and are not smoothed"
        raise RecipeError(Finding("error", "train.label_smoothing_factor", message, "set it to 0"))
