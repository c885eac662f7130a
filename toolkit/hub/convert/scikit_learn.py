"""Two classic data sets that scikit-learn itself carries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits

from toolkit.hub.convert.images import png
from toolkit.hub.convert.saving import save_splits


def convert_digits(_: Path, target: Path) -> None:
    """Columns ``image`` (8 x 8, grey) and ``label``; one split, ``train``."""
    bunch: Any = load_digits()
    pixels = np.round(bunch.images * (255 / 16)).astype(np.uint8)  # intensities are 0..16
    features = datasets.Features(
        image=datasets.Image(), label=datasets.ClassLabel(names=[str(digit) for digit in range(10)])
    )
    columns = {"image": [png(image) for image in pixels], "label": bunch.target.tolist()}
    save_splits({"train": datasets.Dataset.from_dict(columns, features=features)}, target)


def convert_breast_cancer(_: Path, target: Path) -> None:
    """One float column a measurement and ``label`` (malignant, benign); one split, ``train``."""
    bunch: Any = load_breast_cancer()
    names = [name.replace(" ", "_") for name in bunch.feature_names]
    label = datasets.ClassLabel(names=[str(name) for name in bunch.target_names])
    features = datasets.Features({name: datasets.Value("float64") for name in names} | {"label": label})
    columns = {name: bunch.data[:, i] for i, name in enumerate(names)} | {"label": bunch.target}
    save_splits({"train": datasets.Dataset.from_dict(columns, features=features)}, target)
