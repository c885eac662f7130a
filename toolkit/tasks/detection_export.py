"""Write a detector as ONNX."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers.modeling_outputs import ImageClassifierOutput

from toolkit.tasks.image_export import export_pictures

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.tasks.detection_model import BoxPredictor


class Joined(nn.Module):
    """A detector with one output, as a comparison of both engines needs it."""

    def __init__(self, detector: nn.Module) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, pixel_values: Tensor) -> ImageClassifierOutput:
        """``logits``: those of each query and then its box, (pictures, queries, classes + 4)."""
        outputs = self.detector(pixel_values=pixel_values)
        return ImageClassifierOutput(logits=torch.cat([outputs.logits, outputs.pred_boxes], -1))


def export_boxes(predictor: BoxPredictor, artifact: Artifact, target: Path) -> dict[str, Any]:
    """Write ONNX to ``target``, compared with torch: one output that joins the logits and the box of each query.

    Raises:
        ToolkitError: the model cannot be exported, or the result computes something else.
    """
    with _any_batch(predictor.model):
        return export_pictures(replace(predictor, model=Joined(predictor.model)), artifact, target)


@contextmanager
def _any_batch(model: Any) -> Generator[None]:
    """Let a detector take batches of any size once it is exported.

    transformers asks ``len(tensor)`` for the batch size, which the exporter takes for a constant; ``shape[0]`` is not.
    """
    module = sys.modules[type(model).__module__]
    vars(module)["len"] = lambda value: value.shape[0] if isinstance(value, Tensor) else builtins.len(value)
    try:
        yield
    finally:
        del vars(module)["len"]
