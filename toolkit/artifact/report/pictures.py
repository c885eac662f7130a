"""Pictures inside the page itself: a report is one file."""

from __future__ import annotations

import base64
import io

from PIL import Image

MOST = 640
"""Pixels of the longer side of an embedded picture."""


def data_uri(picture: Image.Image) -> str:
    """The picture as the value of an ``src``: PNG where it is small, JPEG where that would be heavy."""
    picture = picture.convert("RGB")
    picture.thumbnail((MOST, MOST))
    small = picture.width * picture.height <= 128 * 128
    buffer = io.BytesIO()
    picture.save(buffer, "PNG" if small else "JPEG", quality=85)
    kind = "png" if small else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"
