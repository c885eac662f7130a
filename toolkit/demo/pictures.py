"""Pictures at a size that can be looked at, and what is drawn over them: boxes, masks, weights."""

from __future__ import annotations

import base64
import hashlib
import io
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from toolkit.artifact.overlay import PALETTE
from toolkit.data.pictures import open_picture

SMALLEST, LARGEST = 320, 800
"""Pixels of the longer side of what is drawn on: smaller pictures are a blur on the page, larger ones take seconds."""

THUMBNAIL = 160
"""Pixels of the longer side of an example: twice what it takes on the page, for screens of high density."""

SHOWN_LAYERS = 20
"""Boxes or classes drawn, the surest or largest ones; more hide the picture and each other."""

EDGE, EDGE_OPACITY, INSIDE_OPACITY = 3, 1.0, 0.12
"""Of a box: the width of its line in pixels, and how much of the picture line and inside cover."""

MASK_OPACITY = 0.6

BARE = "background"
"""The class that stays uncoloured: what it is laid over is the picture itself."""
BARE_COLOR = "#94a3b8"

Layer = tuple[NDArray[np.float32], str]
"""How opaque each pixel is, (height, width) in 0..1, and what the legend calls it."""


def small(picture: Image.Image) -> bool:
    """Whether a picture is shown in blocks of its pixels, as it would be a blur otherwise."""
    return max(picture.size) < SMALLEST


def visible(picture: Image.Image, smallest: int = SMALLEST, largest: int = LARGEST) -> Image.Image:
    """The picture with its longer side in ``smallest..largest`` pixels; whole blocks stand for pixels of small ones."""
    longer = max(picture.size)
    if longer < smallest:
        factor = math.ceil(smallest / longer)
        width, height = (side * factor for side in picture.size)
        return picture.resize((width, height), Image.Resampling.NEAREST)
    if longer > largest:
        width, height = (max(1, round(side * largest / longer)) for side in picture.size)
        return picture.resize((width, height), Image.Resampling.LANCZOS)
    return picture


def thumbnail(picture: Image.Image) -> Image.Image:
    """A picture of ``THUMBNAIL`` pixels or a little more."""
    return visible(picture, THUMBNAIL, THUMBNAIL)


def content(picture: Any) -> str:
    """What equal pictures share, whatever file they come in."""
    opened = open_picture(picture)
    digest = hashlib.sha256(f"{opened.mode} {opened.size} ".encode())
    digest.update(opened.tobytes())
    return digest.hexdigest()


def palette(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, in the order of the names."""
    return {name: PALETTE[at % len(PALETTE)] for at, name in enumerate(dict.fromkeys(names))}


def box_layers(
    boxes: Sequence[dict[str, Any]], given: tuple[int, int], drawn: tuple[int, int]
) -> tuple[list[Layer], dict[str, str]]:
    """One layer a box, named by its label and score, and the colours of these names: one a label.

    Args:
        boxes: of a prediction, in pixels of the picture as given.
        given: width and height of that picture.
        drawn: width and height of the one that is drawn on.
    """
    colors = palette(box["label"] for box in boxes)
    names = [f"{box['label']} {box['score']:.0%}" for box in boxes]
    layers = [(_outline(box["box"], given, drawn), name) for box, name in zip(boxes, names, strict=True)]
    return layers, {name: colors[box["label"]] for box, name in zip(boxes, names, strict=True)}


def _outline(box: Sequence[float], given: tuple[int, int], drawn: tuple[int, int]) -> NDArray[np.float32]:
    left, right = _span(box[0], box[2], drawn[0] / given[0], drawn[0])
    top, bottom = _span(box[1], box[3], drawn[1] / given[1], drawn[1])
    opacity = np.zeros((drawn[1], drawn[0]), dtype=np.float32)
    opacity[top:bottom, left:right] = EDGE_OPACITY
    opacity[top + EDGE : bottom - EDGE, left + EDGE : right - EDGE] = INSIDE_OPACITY
    return opacity


def _span(low: float, high: float, scale: float, length: int) -> tuple[int, int]:
    """First pixel and the one after the last; never empty, never outside."""
    first = min(max(math.floor(low * scale), 0), length - 1)
    return first, min(max(math.ceil(high * scale), first + 1), length)


def mask_layers(
    mask: str, shares: Sequence[tuple[int, str, float]], drawn: tuple[int, int]
) -> tuple[list[Layer], dict[str, str]]:
    """One layer a class, named by the class and its share, and the colours of these names.

    Args:
        mask: a PNG of class numbers in base64.
        shares: number, name and share of each class to draw.
        drawn: width and height of the picture that is drawn on.
    """
    numbers = np.asarray(_decode(mask).resize(drawn, Image.Resampling.NEAREST))
    layers: list[Layer] = []
    colors: dict[str, str] = {}
    for number, name, share in shares:
        shown = f"{name} {_percent(share)}"
        bare = name.lower() == BARE
        opacity = 0.0 if bare else MASK_OPACITY
        layers.append(((numbers == number).astype(np.float32) * np.float32(opacity), shown))
        colors[shown] = BARE_COLOR if bare else PALETTE[number % len(PALETTE)]
    return layers, colors


def _decode(mask: str) -> Image.Image:
    with Image.open(io.BytesIO(base64.b64decode(mask)), formats=("PNG",)) as picture:
        return picture.convert("L")


def _percent(share: float) -> str:
    """A share that is not rounded down to nothing."""
    return "under 1%" if 0 < share < 0.01 else f"{share:.0%}"


def largest_shares(prediction: dict[str, Any]) -> Iterator[tuple[int, str, float]]:
    """Number, name and share of the classes that occur, the largest first, no more than are drawn."""
    shares: dict[str, float] = prediction["shares"]
    present = [(number, name, shares.get(name, 0.0)) for number, name in enumerate(prediction["names"])]
    present = sorted((entry for entry in present if entry[2] > 0), key=lambda entry: -entry[2])
    yield from present[:SHOWN_LAYERS]
