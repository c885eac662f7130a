"""Fashion-MNIST (Xiao, Rasul and Vollgraf 2017, arXiv:1708.07747)."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import datasets
import numpy as np

from toolkit.hub.convert.images import png
from toolkit.hub.convert.saving import save_splits

NAMES = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
]


def convert(archives: Path, target: Path) -> None:
    """Columns ``image`` (28 x 28, grey) and ``label``; splits ``train`` and ``test``."""
    folder = archives / "dataset-fashion-mnist" / "usr" / "share" / "datasets" / "fashion-mnist"
    features = datasets.Features(image=datasets.Image(), label=datasets.ClassLabel(names=NAMES))
    splits = {"train": _columns(folder, "train"), "test": _columns(folder, "t10k")}
    save_splits(
        {name: datasets.Dataset.from_dict(columns, features=features) for name, columns in splits.items()},
        target,
    )


def _columns(folder: Path, part: str) -> dict[str, Any]:
    images = _read(folder / f"{part}-images-idx3-ubyte.gz", header=16).reshape(-1, 28, 28)
    labels = _read(folder / f"{part}-labels-idx1-ubyte.gz", header=8)
    return {"image": [png(image) for image in images], "label": labels}


def _read(path: Path, header: int) -> np.ndarray[Any, Any]:
    """The bytes of an IDX file after its magic number and sizes."""
    with gzip.open(path) as file:
        return np.frombuffer(file.read(), dtype=np.uint8, offset=header)
