"""Slices of the MNI152 brain template with its tissue maps (Fonov et al. 2011)."""

# pyright: reportMissingImports=false
# An extra brings these packages; the type check must also pass without it.

from __future__ import annotations

from pathlib import Path
from typing import Any

import datasets
import nibabel
import numpy as np

from toolkit.hub.convert.images import png
from toolkit.hub.convert.saving import save_splits

NAMES = ["background", "grey matter", "white matter"]
BLOCK = 10
"""Neighbouring slices are near copies: whole blocks of them go to one split, and the slices between are dropped."""
TURNS = ("train", "train", "validation", "train", "test")
MIN_SHARE = 0.02


def convert(archives: Path, target: Path) -> None:
    """Columns ``image``, ``mask`` (0 background, 1 grey, 2 white matter) and ``slice``; three splits."""
    folder = archives / "nilearn" / "nilearn" / "datasets" / "data"
    brain, grey, white = (_volume(folder, kind) for kind in ("t1", "gm", "wm"))
    masks = np.where(white > 0.5, 2, np.where(grey > 0.5, 1, 0)).astype(np.uint8)
    pixels = np.round(brain * 255).astype(np.uint8)
    rows: dict[str, list[dict[str, Any]]] = {"train": [], "validation": [], "test": []}
    for position in range(masks.shape[2]):
        block, place = divmod(position, BLOCK)
        mask = masks[:, :, position]
        if 0 < place < BLOCK - 1 and (mask > 0).mean() > MIN_SHARE:
            image = png(np.rot90(pixels[:, :, position]))
            rows[TURNS[block % len(TURNS)]].append(
                {"image": image, "mask": png(np.rot90(mask)), "slice": position}
            )
    features = datasets.Features(image=datasets.Image(), mask=datasets.Image(), slice=datasets.Value("int32"))
    save_splits(
        {name: datasets.Dataset.from_list(some, features=features) for name, some in rows.items()}, target
    )


def _volume(folder: Path, kind: str) -> np.ndarray[Any, Any]:
    """A volume scaled to 0..1."""
    image: Any = nibabel.load(folder / f"mni_icbm152_{kind}_tal_nlin_sym_09a_converted.nii.gz")
    volume = image.get_fdata()
    return volume / volume.max()
