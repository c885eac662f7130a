"""Write a detector as ONNX."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

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

    def forward(self, pixel_values: Tensor) -> Any:
        """``logits``: those of each query and then its box, (pictures, queries, classes + 4)."""
        outputs = self.detector(pixel_values=pixel_values)
        return SimpleNamespace(logits=torch.cat([outputs.logits, outputs.pred_boxes], -1))


def export_boxes(predictor: BoxPredictor, artifact: Artifact, target: Path) -> dict[str, Any]:
    """Write ONNX to ``target``, compared with torch: one output that joins the logits and the box of each query.

    Raises:
        ToolkitError: the model cannot be exported, or the result computes something else.
    """
    return export_pictures(replace(predictor, model=Joined(predictor.model)), artifact, target)
