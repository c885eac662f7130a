"""Batches of stored pictures for ``fit``; shared by the image tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.masks import IGNORE
from toolkit.engine.augment import Augment, EpochDraws, augment

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from toolkit.data.pixels import PixelStore
    from toolkit.recipe.schema import TrainSection
    from toolkit.tasks.image_input import PictureInput


class PictureBatches:
    """Stored pictures with their labels or masks, augmented anew in every epoch.

    Args:
        rows: with ``image``, the position of each row's picture in ``store``, and ``label`` where there are no masks.
        store: the pictures.
        preprocessing: brings them to the model's numbers.
        train: batch size, and the seed of order and augmentation.
        changes: how pictures are varied; nothing for evaluation.
        masks: of the same pictures, at the same positions; they move with them.
    """

    def __init__(
        self,
        rows: Dataset,
        store: PixelStore,
        preprocessing: PictureInput,
        train: TrainSection,
        changes: Augment | None = None,
        masks: PixelStore | None = None,
    ) -> None:
        self.store = store
        self.masks = masks
        self.preprocessing = preprocessing
        self.train = train
        self.changes = changes if changes is not None and changes != Augment() else None
        self.positions = np.asarray(rows["image"][:], np.int64)
        self.labels = np.asarray(rows["label"][:]) if masks is None else np.empty(0)
        self.lengths = np.ones(len(rows), np.int32)
        self.draws = EpochDraws(len(rows), train.seed)

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_epoch

        return plan_epoch(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """``pixel_values`` float32 (rows, channels, height, width) and ``labels`` (rows, ...), or masks as such."""
        import torch

        pixels, masks = self._moved(rows, epoch)
        labels = torch.from_numpy(self.labels[rows]) if masks is None else masks.long()
        return {"pixel_values": self.preprocessing.normalise(pixels), "labels": labels}

    def _moved(self, rows: np.ndarray, epoch: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Pictures and masks as they are in an epoch, uint8, (rows, channels, height, width), (rows, height, width)."""
        import torch

        places = self.positions[rows]
        pixels = torch.from_numpy(self.store.pixels[places])
        masks = None if self.masks is None else torch.from_numpy(self.masks.pixels[places, 0])
        if self.changes is None:
            return pixels, masks
        drawn = self.draws(epoch)[torch.from_numpy(rows)]
        moved = augment(self.changes, pixels, drawn, masks=masks, mask_fill=IGNORE)
        return moved.pixels, moved.masks


class FeatureBatches:
    """The kept activations of a frozen backbone in the place of the pictures they were made from.

    Args:
        batches: the pictures, which give order and labels.
        features: float32 (views, rows, ...); epochs take the views in turn.
    """

    def __init__(self, batches: PictureBatches, features: np.ndarray) -> None:
        self.batches = batches
        self.features = features

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each optimiser step of an epoch."""
        return self.batches.plan(epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """``features`` float32 (rows, ...) and ``labels`` (rows, ...)."""
        import torch

        features = self.features[epoch % len(self.features), rows]
        return {
            "features": torch.from_numpy(features),
            "labels": torch.from_numpy(self.batches.labels[rows]),
        }
