"""From a recipe to what each stage of an image classifier's training works on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.engine.augment import Augment
from toolkit.engine.feature_cache import Head, cached_features, find_head
from toolkit.engine.feature_cache import Rows as FeatureRows
from toolkit.engine.freeze import freeze
from toolkit.engine.inference import forward_rows
from toolkit.engine.lora import add_lora
from toolkit.engine.peak import picture_flops
from toolkit.engine.stages import Part
from toolkit.engine.turn import Batch, Objective
from toolkit.errors import Finding
from toolkit.tasks.evaluation import values_of
from toolkit.tasks.image_batches import FeatureBatches, PictureBatches
from toolkit.tasks.image_classification import Options
from toolkit.tasks.image_input import known_input, load_pictures, require_vision
from toolkit.tasks.image_model import ImagePredictor
from toolkit.tasks.image_opening import CLASSIFIERS, open_model
from toolkit.tasks.problem import Problem

if TYPE_CHECKING:
    import torch

    from toolkit.data.load import Rows
    from toolkit.data.roles import Role
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.recipe.schema import Recipe


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    options: Options
    rows: Rows
    predictor: ImagePredictor

    def part(self, run: Run) -> Part:
        """What a stage trains: the head on kept activations where all else is frozen, otherwise the whole model."""
        if run.recipe.train.freeze == "backbone" and run.recipe.train.lora is None:
            self.predictor.model.to(run.device)
            batches = self.batches("train")
            first = batches.collate(np.arange(min(2, len(batches.lengths))))
            head = find_head(self.predictor.model, {k: v.to(run.device) for k, v in first.items()})
            if head is not None:
                return self._cached(head, run)
        return self._whole(run)

    def batches(self, split: str) -> PictureBatches:
        """The pictures of a split; those of training are augmented."""
        changes = self.options.augment if split == "train" else None
        rows, store = self.rows.splits[split], self.rows.pixels[split]
        return PictureBatches(rows, store, self.predictor.preprocessing, self.recipe.train, changes)

    @property
    def views(self) -> int:
        """How many views of each training picture are kept with a frozen backbone."""
        return self.options.cached_views if self.options.augment != Augment() else 1

    def _whole(self, run: Run) -> Part:
        batches, model = self.batches("train"), self.predictor.model
        example = batches.collate(np.arange(1))["pixel_values"]
        model.to(run.device)
        each = picture_flops(model, example.to(run.device))
        objective = Objective(
            "classifier",
            model,
            self._loss,
            units=lambda batch: len(batch["labels"]),
            flops=lambda batch: each * len(batch["labels"]),
        )
        return Part(objective, batches, self._validation(run))

    def _cached(self, head: Head, run: Run) -> Part:
        """The head alone, on its kept inputs."""
        run.say(
            f"the backbone is frozen: computing its activations once ({self.views} view(s) of each picture)"
        )
        batches = FeatureBatches(self.batches("train"), self._features(head, "train", self.views))
        objective = Objective(
            "classifier", head.module, self._head_loss, units=lambda batch: len(batch["labels"])
        )
        return Part(objective, batches, self._head_validation(head))

    def _head_validation(self, head: Head) -> Evaluate | None:
        if "validation" not in self.rows.splits:
            return None
        kept = np.array(self._features(head, "validation", 1)[0])
        labels = self.batches("validation").labels

        def evaluate() -> dict[str, float]:
            import torch

            device = next(head.module.parameters()).device
            with torch.inference_mode():
                logits = head.module(torch.from_numpy(kept).to(device)).float().cpu().numpy()
            return values_of(self.predictor.problem, logits, labels)

        return evaluate

    def _features(self, head: Head, split: str, views: int) -> np.ndarray:
        batches = self.batches(split)
        store = self.rows.pixels[split]
        identity: dict[str, Any] = {
            "pictures": store.stored.key,
            "fingerprint": self.rows.manifest["fingerprints"][split],
            "input": self.predictor.preprocessing.to_dict(),
        }
        if batches.changes is not None:
            identity |= {"augment": batches.changes.model_dump(), "seed": self.recipe.train.seed}
        return cached_features(head, FeatureRows(len(batches.lengths), batches.collate, identity), views)

    def _loss(self, module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        smoothing = self.recipe.train.label_smoothing_factor
        logits = module(pixel_values=batch["pixel_values"]).logits
        return self.predictor.problem.loss(logits, batch["labels"], smoothing)

    def _head_loss(self, module: torch.nn.Module, batch: Batch) -> torch.Tensor:
        smoothing = self.recipe.train.label_smoothing_factor
        return self.predictor.problem.loss(module(batch["features"]), batch["labels"], smoothing)

    def _validation(self, run: Run) -> Evaluate | None:
        if "validation" not in self.rows.splits:
            return None
        batches, predictor = self.batches("validation"), self.predictor

        def evaluate() -> dict[str, float]:
            logits = forward_rows(
                predictor.model,
                batches.lengths,
                batches.collate,
                batch_size=predictor.batch_size(),
                accelerator=run.accelerator,
            )
            return values_of(predictor.problem, logits, batches.labels)

        return evaluate


def prepare(recipe: Recipe, roles: Sequence[Role]) -> Prepared:
    """Find out what the model reads, load the pictures so, and open the model for their labels.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened.
        RecipeError: settings that do not go together.
    """
    require_vision()
    options = Options(**recipe.options)
    known = known_input(recipe.model, options.size, options.fit)
    rows, labels, preprocessing = load_pictures(
        recipe.data, roles, options, known, problem_type=options.problem_type
    )
    problem = Problem(labels)
    model, revision = open_model(recipe.model, problem.config, preprocessing.frame, CLASSIFIERS)
    predictor = ImagePredictor(model, preprocessing, problem, revision=revision)
    freeze(model, recipe.train.freeze)
    if recipe.train.lora is not None:
        predictor.model = add_lora(model, **recipe.train.lora.model_dump())
    prepared = Prepared(recipe, options, rows, predictor)
    _note_views(prepared)
    return prepared


def _note_views(prepared: Prepared) -> None:
    """Say in the report that a frozen backbone sees a few views of each picture, not a new one in every epoch."""
    if prepared.recipe.train.freeze == "backbone" and prepared.views > 1:
        message = f"{prepared.views} augmented views of each picture are computed once and used in turn"
        fix = "set options.cached_views to change that"
        prepared.rows.findings.append(Finding("note", "options.augment", message, fix))
