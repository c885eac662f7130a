"""Open a model that finds objects, and predict with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.boxes import from_frame
from toolkit.data.labels import LabelSpace
from toolkit.data.pictures import open_picture
from toolkit.files import write_json
from toolkit.metrics.detection import MOST, Detections
from toolkit.tasks.detection_opening import DETECTORS
from toolkit.tasks.image_forward import forward_pictures
from toolkit.tasks.image_input import DECODING, PictureInput
from toolkit.tasks.image_opening import label_names, open_saved
from toolkit.tasks.protocol import Attribution

if TYPE_CHECKING:
    import torch

    from toolkit.data.pictures import Frame
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Prediction


@dataclass
class BoxPredictor:
    """Pictures to boxes: the one preprocessing of evaluate, predict, demo and Space."""

    model: Any
    """Gives ``logits`` (pictures, queries, classes) and ``pred_boxes`` (pictures, queries, 4) of centre and size."""
    preprocessing: PictureInput
    space: LabelSpace
    threshold: float = 0.5
    """Lowest score that is shown."""
    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""

    @property
    def frame(self) -> Frame:
        """What pictures are brought to."""
        return self.preprocessing.frame

    def __call__(self, inputs: Sequence[Any], batch_size: int = 8) -> list[Prediction]:
        """Predict each picture, in order, in its own pixels.

        Raises:
            DataError: some inputs are no usable pictures; all of them are named.
        """
        found = self.detect(inputs, batch_size)
        return [self._decode(one, value) for one, value in zip(found, inputs, strict=True)]

    def detect(self, inputs: Sequence[Any], batch_size: int = 8) -> list[Detections]:
        """The ``MOST`` surest objects of each picture, whatever their score, best first, in pixels of the frame."""

        def take(outputs: Any) -> list[Detections]:
            return surest(outputs.logits, outputs.pred_boxes, self.frame.size)

        return forward_pictures(self.model, self.preprocessing, inputs, take, batch_size)

    def encode(self, inputs: Sequence[Any]) -> dict[str, torch.Tensor]:
        """The model's input for some pictures, float32 (pictures, channels, height, width)."""
        return {"pixel_values": self.preprocessing.encode(self.preprocessing.pixels(inputs))}

    def shown(self, found: Detections) -> Detections:
        """Those of a picture's objects that are sure enough to be shown."""
        sure = np.asarray(found.scores, np.float64) >= self.threshold
        return Detections(found.boxes[sure], found.scores[sure], found.labels[sure])

    def _decode(self, found: Detections, value: Any) -> Prediction:
        size = open_picture(value).size
        sure = self.shown(found)
        boxes = from_frame(np.asarray(sure.boxes, np.float64), size, self.frame)
        names = [self.space.names[int(label)] for label in sure.labels]
        return {
            "label": describe(names),
            "size": list(size),
            "boxes": [
                {"label": name, "score": float(score), "box": [round(float(side), 2) for side in box]}
                for name, score, box in zip(names, sure.scores, boxes, strict=True)
            ],
        }

    def explain(self, value: Any) -> Attribution:
        """A box says itself what was seen where."""
        del value
        return Attribution(reason="The boxes themselves show where each object was seen.")

    def save(self, folder: Path) -> None:
        """Write model, preprocessing and classes into ``folder``, as ``from_pretrained`` expects them."""
        if self.frame.fit == "stretch":  # no processor of transformers adds the same borders
            _processor(self.preprocessing).save_pretrained(folder)
        self.model.save_pretrained(folder)
        write_json(folder / DECODING, {**self.preprocessing.to_dict(), "threshold": self.threshold})

    @classmethod
    def load(cls, section: ModelSection) -> BoxPredictor:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold a detector of this toolkit, or holds a pickle.
        """
        model, decoding = open_saved(section, DETECTORS)
        space = LabelSpace("object_detection", label_names(model))
        return cls(model, PictureInput.from_dict(decoding), space, decoding["threshold"])


def surest(logits: torch.Tensor, boxes: torch.Tensor, size: tuple[int, int]) -> list[Detections]:
    """The objects that a model is surest of, each query with each of its classes counting by itself, as in RT-DETR.

    Args:
        logits: (pictures, queries, classes); a score is the sigmoid of one.
        boxes: (pictures, queries, 4): centre x and y, width and height in 0..1.
        size: height and width of the frame.
    """
    import torch

    classes, (height, width) = logits.shape[-1], size
    scores, at = logits.float().sigmoid().flatten(1).topk(min(MOST, logits[0].numel()), dim=1)
    middle, half = boxes.float()[..., :2], boxes.float()[..., 2:] / 2
    corners = torch.cat([middle - half, middle + half], -1).clamp(0, 1)
    corners = corners * corners.new_tensor([width, height, width, height])
    chosen = corners.gather(1, (at // classes).unsqueeze(-1).expand(-1, -1, 4))
    columns = (chosen, scores, at % classes)
    return [Detections(*one) for one in zip(*(column.cpu().numpy() for column in columns), strict=True)]


def describe(names: Iterable[str]) -> str:
    """How many objects of each class there are, in words, the most frequent first: ``2 dogs, 1 cat``."""
    return ", ".join(_counted(name, count) for name, count in Counter(names).most_common()) or "nothing"


def _counted(name: str, count: int) -> str:
    if not name[-1:].isalpha():  # a number or a code has no plural
        return f"{count} x {name}"
    return f"{count} {name}s" if count > 1 and not name.endswith("s") else f"{count} {name}"


def _processor(preprocessing: PictureInput) -> Any:
    """The preprocessing in transformers' words, so that a plain ``pipeline`` reads pictures the same way."""
    from PIL import Image
    from transformers import RTDetrImageProcessor

    frame = preprocessing.frame
    return RTDetrImageProcessor(
        size={"height": frame.size[0], "width": frame.size[1]},
        resample=int(Image.Resampling[frame.resample.upper()]),
        do_normalize=True,
        image_mean=list(preprocessing.mean),
        image_std=list(preprocessing.std),
        do_convert_rgb=frame.channels == 3,
    )
