"""The toolkit's preprocessing in transformers' words, so that a plain ``pipeline`` reads pictures the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.tasks.image_input import PictureInput

CROP_MODES = {"crop": "center", "stretch": "squash", "pad": "border"}
"""timm's names for how another aspect ratio is handled."""


def save_processor(config: Any, preprocessing: PictureInput, folder: Path, *, masks: bool = False) -> None:
    """Write what transformers' image processor needs: into a timm model's configuration, or beside the model.

    Args:
        config: the model's configuration, changed in place for a timm model.
        preprocessing: what is to be described.
        folder: the model folder.
        masks: whether the processor must also turn logits into masks.
    """
    if config.model_type == "timm_wrapper":
        config.pretrained_cfg = {
            **(getattr(config, "pretrained_cfg", None) or {}),
            **_for_timm(preprocessing),
        }
        return
    if preprocessing.frame.fit != "pad":  # no processor of transformers adds the same borders
        _processor(preprocessing, masks).save_pretrained(folder)


def _for_timm(preprocessing: PictureInput) -> dict[str, Any]:
    frame = preprocessing.frame
    return {
        "input_size": [frame.channels, *frame.size],
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
        "interpolation": frame.resample,
        "crop_mode": CROP_MODES[frame.fit],
        "crop_pct": 1.0,
    }


def _processor(preprocessing: PictureInput, masks: bool) -> Any:
    from PIL import Image
    from transformers import CLIPImageProcessor, SegformerImageProcessor, ViTImageProcessor

    frame = preprocessing.frame
    height, width = frame.size
    values: dict[str, Any] = {
        "image_mean": list(preprocessing.mean),
        "image_std": list(preprocessing.std),
        "resample": int(Image.Resampling[frame.resample.upper()]),
        "do_convert_rgb": frame.channels == 3,
    }
    if frame.fit == "stretch":
        kind = SegformerImageProcessor if masks else ViTImageProcessor
        return kind(size={"height": height, "width": width}, **values)
    # A picture whose shorter side is scaled to the longer one of the frame always fills the cut.
    crop = {"height": height, "width": width}
    return CLIPImageProcessor(size={"shortest_edge": max(height, width)}, crop_size=crop, **values)
