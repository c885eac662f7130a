"""Pictures as PNG bytes, the form in which ``datasets.Image`` keeps them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image


def png(pixels: np.ndarray[Any, Any]) -> dict[str, Any]:
    """Encode an image of uint8 values, (height, width) or (height, width, 3)."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": None}
