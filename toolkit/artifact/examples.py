"""A few rows of a run for the demo: texts as they are, pictures as PNG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from toolkit.artifact import layout
from toolkit.files import atomic_folder, write_json

FOLDER = "examples"
FILE = "file"
"""A value that is a file is written as ``{"file": "examples/0.png"}``."""


def write_examples(run: Path, examples: Sequence[Mapping[str, Any]]) -> None:
    """Write ``examples.json``, and the pictures among the values into ``examples/``.

    Args:
        run: the run folder.
        examples: values by role; uint8 arrays (height, width, channels) are pictures.
    """
    pictures = [(at, role) for at, row in enumerate(examples) for role in row if _is_picture(row[role])]
    rows = [dict(row) for row in examples]
    if pictures:
        with atomic_folder(run / FOLDER) as folder:
            for at, role in pictures:
                name = f"{at}-{role}.png"
                to_image(rows[at][role]).save(folder / name)
                rows[at][role] = {FILE: f"{FOLDER}/{name}"}
    write_json(run / layout.EXAMPLES, rows)


def read_examples(run: Path) -> list[dict[str, Any]]:
    """What :func:`write_examples` wrote, files as absolute paths; empty for a model fetched from the Hub.

    Raises:
        ArtifactError: the file is damaged.
    """
    path = run / layout.EXAMPLES
    rows: list[dict[str, Any]] = layout.read_list(path) if path.is_file() else []
    return [{role: _opened(run, value) for role, value in row.items()} for row in rows]


def to_image(pixels: np.ndarray) -> Image.Image:
    """A picture of uint8 (height, width, 1 or 3)."""
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else np.ascontiguousarray(pixels))


def _is_picture(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 3


def _opened(run: Path, value: Any) -> Any:
    return str((run / value[FILE]).resolve()) if isinstance(value, dict) and FILE in value else value
