"""Write a model that reads pictures as ONNX; shared by the image tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from toolkit.artifact import Artifact
    from toolkit.tasks.image_input import PictureInput


class PicturePredictor(Protocol):
    """A predictor whose model reads ``pixel_values`` alone."""

    model: Any
    preprocessing: PictureInput

    def encode(self, inputs: Sequence[Any]) -> dict[str, torch.Tensor]:
        """The model's input for some pictures."""
        ...


def export_pictures(predictor: PicturePredictor, artifact: Artifact, target: Path) -> dict[str, Any]:
    """Write ONNX to ``target``, compared with torch on the run's examples, or on plain pictures where it kept none.

    Raises:
        ToolkitError: the model cannot be exported, or the result computes something else.
    """
    from toolkit.artifact.export import export_onnx

    height, width = predictor.preprocessing.frame.size
    plain = [np.full((height, width), value, np.uint8) for value in (0, 255)]
    role = artifact.signature.input.name
    example = predictor.encode([row[role] for row in artifact.examples] or plain)
    files = [path for path in artifact.model_folder.iterdir() if path.suffix == ".json"]
    return export_onnx(predictor.model, example, target, files=files, axes={"pixel_values": {0: "batch"}})
