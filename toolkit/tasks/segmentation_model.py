"""Open a model that gives every pixel a class, and predict with it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from toolkit.data.labels import LabelSpace
from toolkit.data.pictures import open_picture
from toolkit.files import write_json
from toolkit.tasks.image_forward import forward_pictures
from toolkit.tasks.image_input import DECODING, PictureInput
from toolkit.tasks.image_opening import SEGMENTERS, label_names, open_saved
from toolkit.tasks.image_processor import save_processor
from toolkit.tasks.protocol import Attribution

if TYPE_CHECKING:
    import torch

    from toolkit.data.pictures import Frame
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Prediction

SHOWN = 3
"""Classes that a prediction's label names."""


@dataclass
class MaskPredictor:
    """Pictures to masks: the one preprocessing of evaluate, predict, demo and Space."""

    model: Any
    """Gives ``logits`` (pictures, classes, height, width), at the pictures' size or a part of it."""
    preprocessing: PictureInput
    space: LabelSpace
    skip: Sequence[str] = ()
    """Classes left out of the mean metrics."""
    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""

    @property
    def frame(self) -> Frame:
        """What pictures are brought to."""
        return self.preprocessing.frame

    @property
    def skipped(self) -> list[int]:
        """The numbers of the classes left out of the mean metrics."""
        return [self.space.names.index(name) for name in self.skip]

    def __call__(self, inputs: Sequence[Any], batch_size: int = 8) -> list[Prediction]:
        """Predict each picture, in order, at its own size.

        Raises:
            DataError: some inputs are no usable pictures; all of them are named.
        """
        if not len(inputs):
            return []
        masks = self.masks(inputs, batch_size)
        return [self._decode(mask, value) for mask, value in zip(masks, inputs, strict=True)]

    def masks(self, inputs: Sequence[Any], batch_size: int = 8) -> np.ndarray:
        """Class numbers in the model's frame, uint8 (pictures, height, width)."""

        def take(outputs: Any) -> np.ndarray:
            return at_size(outputs.logits, self.frame.size).argmax(1).byte().cpu().numpy()

        return np.stack(forward_pictures(self.model, self.preprocessing, inputs, take, batch_size))

    def encode(self, inputs: Sequence[Any]) -> dict[str, torch.Tensor]:
        """The model's input for some pictures, float32 (pictures, channels, height, width)."""
        return {"pixel_values": self.preprocessing.encode(self.preprocessing.pixels(inputs))}

    def _decode(self, mask: np.ndarray, value: Any) -> Prediction:
        width, height = open_picture(value).size
        whole = self.frame.undo(Image.fromarray(mask), (width, height))
        numbers = np.asarray(whole)
        buffer = io.BytesIO()
        whole.save(buffer, "PNG")
        return {
            "label": self.describe(numbers),
            "size": [width, height],
            "mask": base64.b64encode(buffer.getvalue()).decode(),
            "names": list(self.space.names),
            "shares": self._shares(numbers),
        }

    def _shares(self, mask: np.ndarray) -> dict[str, float]:
        counts = np.bincount(mask.ravel(), minlength=256)
        total = max(1, int(counts[: len(self.space.names)].sum()))
        return {name: float(counts[number] / total) for number, name in enumerate(self.space.names)}

    def describe(self, mask: np.ndarray) -> str:
        """The largest classes of a mask in words, but those that are left out of the means."""
        shares = self._shares(mask)
        seen = [name for name in shares if name not in self.skip and shares[name] > 0]
        largest = sorted(seen, key=lambda name: -shares[name])[:SHOWN]
        return ", ".join(f"{name} {shares[name]:.0%}" for name in largest) or "nothing"

    def explain(self, value: Any) -> Attribution:
        """A mask says itself what was seen where."""
        del value
        return Attribution(reason="The mask itself shows where each class was seen.")

    def save(self, folder: Path) -> None:
        """Write model, preprocessing and classes into ``folder``, as ``from_pretrained`` expects them."""
        save_processor(self.model.config, self.preprocessing, folder, masks=True)
        self.model.save_pretrained(folder)
        write_json(folder / DECODING, {**self.preprocessing.to_dict(), "skip": list(self.skip)})

    @classmethod
    def load(cls, section: ModelSection) -> MaskPredictor:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold a segmentation model of this toolkit, or holds a pickle.
        """
        model, decoding = open_saved(section, SEGMENTERS)
        space = LabelSpace("semantic_segmentation", label_names(model))
        return cls(model, PictureInput.from_dict(decoding), space, decoding["skip"])


def at_size(logits: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Logits (pictures, classes, height, width) at another height and width; many models give a quarter of them."""
    from torch.nn import functional

    if tuple(logits.shape[-2:]) == tuple(size):
        return logits
    return functional.interpolate(logits.float(), size, mode="bilinear", align_corners=False)
