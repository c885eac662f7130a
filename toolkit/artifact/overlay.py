"""What spoke for a prediction, laid over the picture it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

Color = tuple[int, int, int]
FOR, AGAINST = (13, 148, 136), (234, 115, 23)
"""Teal and orange stay apart for colour-blind readers."""
PALETTE = ("#e69f00", "#56b4e9", "#009e73", "#cc79a7", "#0072b2", "#d55e00", "#f0e442", "#8c6bb1")
"""Colours that colour-blind people tell apart (Okabe and Ito 2008), and one more."""
SIDE = 320
"""Pixels to which the longer side of a small picture is enlarged, so that it can be read."""
STRENGTH = 0.85
"""How much of the colour the strongest weight shows; the picture stays visible below it."""


def enlarged(picture: Image.Image, side: int = SIDE) -> Image.Image:
    """The picture in RGB, a small one by a whole factor and without blur."""
    factor = max(1, side // max(picture.size))
    grown = picture.convert("RGB")
    return grown.resize((grown.width * factor, grown.height * factor), Image.Resampling.NEAREST)


def overlay(picture: Image.Image, heatmap: Sequence[Sequence[float]]) -> Image.Image:
    """The picture, greyed and enlarged where it is small, with weights as colours: teal for, orange against.

    Args:
        picture: any size and mode.
        heatmap: rows of weights in -1..1, laid over the whole picture.
    """
    shown = enlarged(picture)
    weights = np.asarray(heatmap, np.float32).clip(-1, 1)
    smooth = max(picture.size) > max(weights.shape)  # a weight a pixel is shown as it is
    resample = Image.Resampling.BILINEAR if smooth else Image.Resampling.NEAREST
    spread = np.asarray(Image.fromarray(weights).resize(shown.size, resample))[:, :, None]
    grey = np.asarray(shown.convert("L"), np.float32)[:, :, None]
    color = np.where(spread >= 0, np.array(FOR, np.float32), np.array(AGAINST, np.float32))
    share = np.abs(spread) * STRENGTH
    mixed = grey * (1 - share) + color * share
    return Image.fromarray(mixed.round().astype(np.uint8))


def class_colors(count: int) -> list[tuple[int, int, int]]:
    """A colour for each class number; they come round again after :data:`PALETTE`."""
    found = [PALETTE[number % len(PALETTE)].lstrip("#") for number in range(count)]
    return [(int(color[:2], 16), int(color[2:4], 16), int(color[4:], 16)) for color in found]


def mask_overlay(picture: Image.Image, mask: np.ndarray, share: float = 0.55) -> Image.Image:
    """The picture with the colour of each pixel's class over it; class 0 and numbers that do not count stay bare.

    Args:
        picture: any mode.
        mask: class numbers, uint8 (height, width), of the picture's size.
        share: of the colour in what is seen.
    """
    colors = np.asarray(class_colors(256), np.float32)[mask]
    values = np.asarray(picture.convert("RGB"), np.float32)
    bare = ((mask == 0) | (mask == 255))[:, :, None]
    mixed = np.where(bare, values, values * (1 - share) + colors * share)
    return enlarged(Image.fromarray(mixed.round().astype(np.uint8)))


def box_overlay(
    picture: Image.Image, boxes: Sequence[Sequence[float]], captions: Sequence[str], colors: Sequence[Color]
) -> Image.Image:
    """The picture, enlarged where it is small, with boxes and what is written at each.

    Args:
        picture: any mode.
        boxes: corners (x_min, y_min, x_max, y_max) in pixels of the picture.
        captions: of each box, above it where there is room.
        colors: of each box.
    """
    shown = enlarged(picture)
    scale = shown.width / picture.width
    edge = max(2, max(shown.size) // 200)
    font = ImageFont.load_default(size=max(11, max(shown.size) // 28))
    draw = ImageDraw.Draw(shown)
    for box, color in zip(boxes, colors, strict=True):
        left, top, right, bottom = (side * scale for side in box)
        draw.rectangle((left, top, max(right - 1, left), max(bottom - 1, top)), outline=color, width=edge)
    for box, caption, color in zip(boxes, captions, colors, strict=True):
        _write(draw, (box[0] * scale, box[1] * scale), caption, color, font)
    return shown


def _write(draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, color: Color, font: Any) -> None:
    """A caption on a ground of the box's colour, above the box or, at the picture's edge, in it."""
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    width, height = right - left + 4, bottom - top + 4
    x = max(0, min(place[0], draw.im.size[0] - width))
    y = place[1] - height if place[1] >= height else place[1]
    draw.rectangle((x, y, x + width, y + height), fill=color)
    draw.text((x + 2 - left, y + 2 - top), text, fill=_readable(color), font=font)


def _readable(color: Color) -> str:
    """Black or white, whichever stands out from a colour."""
    red, green, blue = color
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"
