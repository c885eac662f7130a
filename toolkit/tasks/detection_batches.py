"""Batches of stored pictures with the boxes of their objects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.boxes import BOXES, LABELS
from toolkit.engine.augment import Augment, EpochDraws, augment
from toolkit.metrics.detection import Objects

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from toolkit.data.pixels import PixelStore
    from toolkit.recipe.schema import TrainSection
    from toolkit.tasks.image_input import PictureInput

PADDING = -1
"""The class number of places in a batch that hold no object."""


def true_objects(rows: Dataset) -> list[Objects]:
    """The objects of each row: boxes of corners in the frame, float32 (k, 4), and class numbers."""
    return [
        Objects(np.asarray(boxes, np.float32).reshape(-1, 4), np.asarray(labels, np.int64))
        for boxes, labels in zip(rows[BOXES][:], rows[LABELS][:], strict=True)
    ]


class DetectionBatches:
    """Stored pictures with their objects, augmented anew in every epoch.

    Args:
        rows: with ``image``, the position of each row's picture in ``store``, ``boxes`` and ``labels``.
        store: the pictures.
        preprocessing: brings them to the model's numbers.
        train: batch size, and the seed of order and augmentation.
        changes: how pictures are varied; nothing for evaluation.
    """

    def __init__(
        self,
        rows: Dataset,
        store: PixelStore,
        preprocessing: PictureInput,
        train: TrainSection,
        changes: Augment | None = None,
    ) -> None:
        self.store = store
        self.preprocessing = preprocessing
        self.train = train
        self.changes = changes if changes is not None and changes != Augment() else None
        self.positions = np.asarray(rows["image"][:], np.int64)
        self.objects = true_objects(rows)
        self.lengths = np.ones(len(rows), np.int32)
        self.draws = EpochDraws(len(rows), train.seed)

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Row numbers of each optimiser step of an epoch."""
        from toolkit.engine.batching import plan_epoch

        return plan_epoch(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        """Pictures, and objects padded to the most there are in one.

        ``pixel_values`` float32 (rows, channels, height, width); ``boxes`` float32 (rows, most, 4): centre x and y,
        width and height as shares of the picture; ``class_labels`` int64 (rows, most), -1 where there is no object.
        """
        import torch

        pixels = torch.from_numpy(self.store.pixels[self.positions[rows]])
        boxes = [torch.from_numpy(np.asarray(self.objects[row].boxes)) for row in rows]
        labels = [torch.from_numpy(np.asarray(self.objects[row].labels)) for row in rows]
        if self.changes is not None:
            moved = augment(self.changes, pixels, self.draws(epoch)[torch.from_numpy(rows)], boxes=boxes)
            pixels, boxes = moved.pixels, moved.boxes or []
            labels = [one[keep] for one, keep in zip(labels, moved.keep or [], strict=True)]
        height, width = pixels.shape[-2:]
        return {
            "pixel_values": self.preprocessing.normalise(pixels),
            "boxes": _padded([_centred(one, width, height) for one in boxes], 0.0),
            "class_labels": _padded(labels, PADDING),
        }


def _centred(boxes: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Corners in pixels (k, 4) as centre, width and height, shares of the picture."""
    import torch

    size = boxes.new_tensor([width, height])
    low, high = boxes[:, :2] / size, boxes[:, 2:] / size
    return torch.cat([(low + high) / 2, high - low], 1)


def _padded(parts: Sequence[torch.Tensor], value: float) -> torch.Tensor:
    """Tensors (k, ...) one below the other, each filled up to the longest: (parts, longest, ...)."""
    from torch.nn.utils.rnn import pad_sequence

    return pad_sequence(list(parts), batch_first=True, padding_value=value)


def targets_of(batch: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """The objects of each picture of a batch as transformers' detectors take them, without the padding."""
    real = batch["class_labels"] != PADDING
    return [
        {"boxes": boxes[keep], "class_labels": labels[keep]}
        for boxes, labels, keep in zip(batch["boxes"], batch["class_labels"], real, strict=True)
    ]


def object_count(batch: dict[str, torch.Tensor]) -> torch.Tensor:
    """How many objects a batch holds."""
    return (batch["class_labels"] != PADDING).sum()
