"""From a recipe to what each stage of a segmentation model's training works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.masks import IGNORE
from toolkit.engine.freeze import freeze
from toolkit.engine.peak import picture_flops
from toolkit.engine.stages import Part
from toolkit.engine.turn import Batch, Objective
from toolkit.errors import Finding, RecipeError, did_you_mean
from toolkit.metrics.segmentation import confusion_counts, score
from toolkit.tasks.image_batches import PictureBatches
from toolkit.tasks.image_input import known_input, load_pictures, require_vision
from toolkit.tasks.image_opening import SEGMENTERS, open_model
from toolkit.tasks.image_segmentation import Options
from toolkit.tasks.problem import label_config
from toolkit.tasks.segmentation_model import MaskPredictor, at_size

if TYPE_CHECKING:
    import torch

    from toolkit.data.load import Rows
    from toolkit.data.roles import Role
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.recipe.schema import Recipe

BEST_METRIC = "mean_iou"


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    options: Options
    rows: Rows
    predictor: MaskPredictor

    def part(self, run: Run) -> Part:
        """What a stage trains."""
        batches, model = self.batches("train"), self.predictor.model
        example = batches.collate(np.arange(1))["pixel_values"]
        model.to(run.device)
        each = picture_flops(model, example.to(run.device))
        objective = Objective(
            "segmenter",
            model,
            self._loss,
            units=lambda batch: (batch["labels"] != IGNORE).sum(),
            flops=lambda batch: each * len(batch["labels"]),
        )
        return Part(objective, batches, self._validation())

    def batches(self, split: str) -> PictureBatches:
        """The pictures and masks of a split; those of training are augmented."""
        changes = self.options.augment if split == "train" else None
        rows, store, masks = self.rows.splits[split], self.rows.pixels[split], self.rows.masks[split]
        return PictureBatches(rows, store, self.predictor.preprocessing, self.recipe.train, changes, masks)

    def _loss(self, module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """Sum of the cross-entropies of all pixels that count."""
        from torch.nn import functional

        labels = batch["labels"]
        logits = at_size(
            module(pixel_values=batch["pixel_values"]).logits.float(), (labels.shape[-2], labels.shape[-1])
        )
        smoothing = self.recipe.train.label_smoothing_factor
        return functional.cross_entropy(
            logits, labels, reduction="sum", ignore_index=IGNORE, label_smoothing=smoothing
        )

    def _validation(self) -> Evaluate | None:
        if "validation" not in self.rows.splits:
            return None
        rows, predictor = self.rows, self.predictor

        def evaluate() -> dict[str, float]:
            counts = counts_of(predictor, rows, "validation")
            scores = score(counts, skip=predictor.skipped, resamples=0)
            return {name: measure["value"] or 0.0 for name, measure in scores.items()}

        return evaluate


def counts_of(
    predictor: MaskPredictor, rows: Rows, split: str, positions: np.ndarray | None = None
) -> np.ndarray:
    """How many pixels of each true class got which, by picture of a split: int64 (pictures, true, predicted)."""
    masks = predictor.masks(rows.inputs(split, "image", positions))
    return confusion_counts(masks, true_masks(rows, split, positions), len(predictor.space.names))


def true_masks(rows: Rows, split: str, positions: np.ndarray | None = None) -> np.ndarray:
    """The masks of (some rows of) a split in the model's frame, uint8 (pictures, height, width)."""
    places = np.asarray(rows.splits[split]["image"][:], np.int64)
    return rows.masks[split].pixels[places if positions is None else places[positions], 0]


def prepare(recipe: Recipe, roles: Sequence[Role]) -> Prepared:
    """Find out what the model reads, load the pictures and masks so, and open the model for their classes.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened.
        RecipeError: settings that do not go together.
    """
    require_vision()
    options = Options(**recipe.options)
    known = known_input(recipe.model, options.size, options.fit)
    rows, labels, preprocessing = load_pictures(recipe.data, roles, options, known, classes=options.labels)
    _check_skip(options, labels.names)
    model, revision = open_model(recipe.model, label_config(labels), preprocessing.frame, SEGMENTERS)
    freeze(model, recipe.train.freeze)
    predictor = MaskPredictor(model, preprocessing, labels, options.skip, revision)
    return Prepared(recipe, options, rows, predictor)


def _check_skip(options: Options, names: Sequence[str]) -> None:
    unknown = [name for name in options.skip if name not in names]
    if unknown:
        raise RecipeError(
            [
                Finding("error", "options.skip", f"unknown class '{name}'", did_you_mean(name, names))
                for name in unknown
            ]
        )
