"""Predict with a model that gives one row of logits per picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.labels import LabelSpace
from toolkit.files import write_json
from toolkit.tasks.image_attribution import attribute_picture
from toolkit.tasks.image_forward import CHUNK, forward_pictures
from toolkit.tasks.image_input import DECODING, PictureInput
from toolkit.tasks.image_opening import CLASSIFIERS, label_names, open_saved
from toolkit.tasks.problem import Problem

if TYPE_CHECKING:
    import torch

    from toolkit.data.pictures import Frame
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Attribution, Prediction

PIXELS = 1 << 20
"""Pixels of a forward pass without gradients: small pictures go in larger batches than were asked for."""


@dataclass
class ImagePredictor:
    """Pictures to predictions: the one preprocessing of evaluate, predict, demo and Space."""

    model: Any
    """Gives ``logits`` (pictures, labels)."""
    preprocessing: PictureInput
    problem: Problem
    temperature: float = 1.0
    """Divides the logits of classifiers, so that probabilities are calibrated."""
    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""

    @property
    def frame(self) -> Frame | None:
        """What pictures are brought to."""
        return self.preprocessing.frame

    def __call__(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Prediction]:
        """Predict each picture, in order.

        Raises:
            DataError: some inputs are no usable pictures; all of them are named.
        """
        if not len(inputs):
            return []
        return self.problem.decode(self.logits(inputs, batch_size), self.temperature)

    def logits(self, inputs: Sequence[Any], batch_size: int = 32) -> np.ndarray:
        """Raw logits, float32, shape (pictures, labels)."""

        def take(outputs: Any) -> np.ndarray:
            return outputs.logits.float().cpu().numpy()

        batch_size = self.batch_size(batch_size)
        return np.stack(forward_pictures(self.model, self.preprocessing, inputs, take, batch_size))

    def batch_size(self, least: int = 32) -> int:
        """Pictures of a forward pass without gradients: as many small ones as fit, and at least ``least``."""
        height, width = self.preprocessing.frame.size
        return max(least, min(CHUNK, PIXELS // (height * width)))

    def encode(self, inputs: Sequence[Any]) -> dict[str, torch.Tensor]:
        """The model's input for some pictures, float32 (pictures, channels, height, width)."""
        return {"pixel_values": self.preprocessing.encode(self.preprocessing.pixels(inputs))}

    def explain(self, value: Any) -> Attribution:
        """Attribute the predicted label of one picture to its parts."""
        target = int(self.logits([value])[0].argmax())
        return attribute_picture(self.model, self.encode([value])["pixel_values"], target)

    def save(self, folder: Path) -> None:
        """Write model, preprocessing and decoding into ``folder``, as ``from_pretrained`` expects them."""
        from toolkit.tasks.image_processor import save_processor

        save_processor(self.model.config, self.preprocessing, folder)
        self.model.save_pretrained(folder)
        write_json(folder / DECODING, {**self.preprocessing.to_dict(), "temperature": self.temperature})

    @classmethod
    def load(cls, section: ModelSection) -> ImagePredictor:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold an image classifier of this toolkit, or holds a pickle.
        """
        model, decoding = open_saved(section, CLASSIFIERS)
        problem = Problem(LabelSpace(model.config.problem_type, label_names(model)))
        return cls(model, PictureInput.from_dict(decoding), problem, decoding["temperature"])
