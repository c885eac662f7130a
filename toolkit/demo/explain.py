"""Attributions as coloured text or coloured areas, with a legend that says what the colours mean."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PIL import Image

from toolkit.demo.pictures import Layer, small, visible
from toolkit.tasks.protocol import Attribution

COLORS = {
    "strongly for it": "#0d9488",
    "for it": "#99d8d0",
    "against it": "#fcc89b",
    "strongly against it": "#ea7317",
}
"""Teal and orange stay apart for colour-blind readers; the legend is made of these names."""

NOT_READ = "not read"
NOT_READ_COLOR = {NOT_READ: "#cbd5e1"}
"""In the legend only where a text was too long."""

STRONG = 0.5
WEAK = 0.12
"""Of the strongest piece's weight; anything below says too little to be coloured."""

OPACITY = 0.75
"""Of an area's colour: the picture below stays visible."""

FADED = 0.5
"""How far the picture itself is bleached to grey: its own colours, and black, would change those of the legend."""

Span = tuple[str, str | None]


def highlight(text: str, attribution: Attribution) -> list[Span]:
    """The whole text as spans with a colour's name, or None where a piece says little.

    What lies between pieces keeps its place; what follows the last piece was cut off before the model saw it.
    """
    return list(_spans(text, attribution))


def _spans(text: str, attribution: Attribution) -> Iterator[Span]:
    cursor = 0
    for piece, weight in attribution.pieces:
        start = text.find(piece, cursor)
        if start < 0:
            continue
        if start > cursor:
            yield text[cursor:start], None
        cursor = start + len(piece)
        yield text[start:cursor], category(weight)
    rest = text[cursor:]
    if rest:
        yield rest, NOT_READ if rest.strip() else None


def category(weight: float) -> str | None:
    """The colour of a weight in -1..1."""
    if abs(weight) < WEAK:
        return None
    strength = "strongly " if abs(weight) >= STRONG else ""
    return f"{strength}{'for' if weight > 0 else 'against'} it"


def heat(picture: Image.Image, heatmap: Sequence[Sequence[float]]) -> tuple[Image.Image, list[Layer]]:
    """The picture at a visible size in pale grey, and over it one layer for each colour of the legend.

    Args:
        picture: of any size.
        heatmap: rows of weights in -1..1 that cover it.
    """
    drawn = visible(picture)
    resample = Image.Resampling.NEAREST if small(picture) else Image.Resampling.BILINEAR
    weights = np.asarray(Image.fromarray(np.asarray(heatmap, dtype=np.float32)).resize(drawn.size, resample))
    strong, weak = np.abs(weights) >= STRONG, np.abs(weights) >= WEAK
    areas = {
        "strongly for it": strong & (weights > 0),
        "for it": weak & ~strong & (weights > 0),
        "against it": weak & ~strong & (weights < 0),
        "strongly against it": strong & (weights < 0),
    }
    return _pale(drawn), [(areas[name].astype(np.float32) * np.float32(OPACITY), name) for name in COLORS]


def _pale(picture: Image.Image) -> Image.Image:
    grey = picture.convert("L")
    return Image.blend(grey, Image.new("L", grey.size, 255), FADED)
