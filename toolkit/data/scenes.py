"""Scenes with known boxes, composed from labelled pictures of single objects: detection without annotators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OVERLAP = 0.1
"""The share of the smaller of two boxes that the other may cover."""
VISIBLE = 38
"""The least opacity, of 255, at which a pixel counts as the object's: well above the background's noise."""
_TRIES = 50
_FINE = 256  # weights are whole 256ths: sums of whole numbers are the same on every machine
_DARK, _BRIGHT = (0, 110), (190, 255)

Pixels = NDArray[np.uint8]
Boxes = NDArray[np.float32]


@dataclass(frozen=True)
class Layout:
    """How many ``objects`` a scene holds and how many times they are enlarged (``scale``): least and most."""

    objects: tuple[int, int] = (1, 6)
    scale: tuple[float, float] = (1.5, 4.0)


@dataclass(frozen=True)
class Scenes:
    """Grey ``pictures`` (count, size, size), and of each its ``boxes`` (k, 4) and ``labels`` (k,).

    A box is x_min, y_min, x_max, y_max in pixels, from the first pixel of the object to after its last.
    """

    pictures: Pixels
    boxes: tuple[Boxes, ...]
    labels: tuple[NDArray[np.int64], ...]


LAYOUT = Layout()


def compose_scenes(
    pictures: Pixels,
    labels: NDArray[np.generic],
    *,
    count: int,
    size: int,
    seed: int,
    layout: Layout = LAYOUT,
) -> Scenes:
    """Enlarged objects, drawn with replacement, on backgrounds of a soft gradient with noise.

    Boxes are exact: an object's pixels are those of opacity ``VISIBLE`` or more, its box is tight around them,
    and nothing of it lies outside. Two boxes share at most ``OVERLAP`` of the smaller one. An object that finds
    no such place in 50 tries is left out, but never the first.

    Scenes to be held out must be made from other ``pictures`` than those to train on: another seed alone
    places the same objects elsewhere. A scene depends on ``seed`` and its position, not on ``count``.

    Args:
        pictures: (n, height, width), bright on black.
        labels: (n,), class numbers.
        count: how many scenes.
        size: their height and width.
        seed: of everything drawn.
        layout: how many objects, how large.

    Raises:
        ValueError: objects that cannot be seen or cannot fit, with every reason.
    """
    _check(pictures, labels, size, layout)
    scenes = [_scene(np.random.default_rng((seed, at)), pictures, size, layout) for at in range(count)]
    drawn = np.asarray(labels, dtype=np.int64)
    return Scenes(
        np.array([canvas for canvas, _, _ in scenes], dtype=np.uint8).reshape(-1, size, size),
        tuple(boxes.astype(np.float32) for _, boxes, _ in scenes),
        tuple(drawn[rows] for _, _, rows in scenes),
    )


def _check(pictures: Pixels, labels: NDArray[np.generic], size: int, layout: Layout) -> None:
    (few, many), (least, most) = layout.objects, layout.scale
    checks = {
        f"{len(pictures)} pictures, {len(labels)} labels": len(pictures) == len(labels),
        "no pictures": len(pictures) > 0,
        # Between four pixels a lone bright one keeps a quarter of its opacity.
        "a picture without bright pixels": not len(pictures) or pictures.max((1, 2)).min() >= 4 * VISIBLE,
        f"{few} to {many} objects in a scene; at least 1": 1 <= few <= many,
        f"scale {least} to {most}; at least 1": 1 <= least <= most,
        f"objects enlarged {most} times do not fit {size} pixels": (max(pictures.shape[1:]) + 1) * most
        <= size,
    }
    wrong = [message for message, right in checks.items() if not right]
    if wrong:
        raise ValueError("; ".join(wrong))


def _scene(
    generator: np.random.Generator, pictures: Pixels, size: int, layout: Layout
) -> tuple[Pixels, NDArray[np.int64], NDArray[np.int64]]:
    """The pixels, the boxes and which pictures they show."""
    canvas = _background(generator, size)
    boxes = np.zeros((0, 4), dtype=np.int64)
    rows: list[int] = []
    few, many = layout.objects
    for row in generator.integers(len(pictures), size=generator.integers(few, many + 1)):
        ink = _tight(_enlarge(pictures[row], generator.uniform(*layout.scale)))
        box = _place(generator, size, ink.shape, boxes)
        if box is not None:
            _paint(canvas, ink, box, generator.uniform(*_BRIGHT))
            boxes = np.vstack([boxes, box])
            rows.append(int(row))
    return canvas.round().astype(np.uint8), boxes, np.array(rows, dtype=np.int64)


def _background(generator: np.random.Generator, size: int) -> NDArray[np.float64]:
    """Four grey levels, one a corner, that run into each other, and noise."""
    corners = generator.uniform(*_DARK, size=4)
    along = np.linspace(0.0, 1.0, size)
    top, bottom = (left + (right - left) * along for left, right in corners.reshape(2, 2))
    gradient = top + (bottom - top) * along[:, None]
    noise = generator.normal(scale=generator.uniform(2, 6), size=(size, size))
    return (gradient + noise).clip(0, 255)


def _enlarge(picture: Pixels, factor: float) -> NDArray[np.int64]:
    """Bilinear, 0 to 255, as if black went on beyond the edges."""
    down, across = (_weights(length, factor) for length in picture.shape)
    return down @ picture.astype(np.int64) @ across.T // _FINE**2


def _weights(length: int, factor: float) -> NDArray[np.int64]:
    """What each pixel counts for in each of the enlarged ones (larger, length), in 256ths."""
    centres = (np.arange(round((length + 1) * factor)) + 0.5) / factor - 1
    near = 1 - np.abs(centres[:, None] - np.arange(length))
    return np.rint(_FINE * np.maximum(near, 0)).astype(np.int64)


def _tight(ink: NDArray[np.int64]) -> NDArray[np.int64]:
    visible = ink >= VISIBLE
    down, across = np.flatnonzero(visible.any(1)), np.flatnonzero(visible.any(0))
    return ink[down[0] : down[-1] + 1, across[0] : across[-1] + 1]


def _place(
    generator: np.random.Generator, size: int, shape: Sequence[int], others: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """The first of some boxes for an object of ``shape`` that hardly overlaps ``others`` (k, 4)."""
    extent = np.array([shape[1], shape[0]])
    corners = generator.integers(0, size - extent + 1, size=(_TRIES, 2))
    boxes = np.hstack([corners, corners + extent])
    free = (covered(boxes, others) <= OVERLAP).all(1)
    return boxes[free.argmax()] if free.any() else None


def covered(left: NDArray[np.generic], right: NDArray[np.generic]) -> NDArray[np.float64]:
    """The shared area (k, n) of boxes (k, 4) and boxes (n, 4), as a share of the smaller of the two."""
    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    low = np.maximum(left[:, None, :2], right[None, :, :2])
    high = np.minimum(left[:, None, 2:], right[None, :, 2:])
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (left, right)]
    return np.maximum(high - low, 0).prod(2) / np.minimum(areas[0][:, None], areas[1])


def _paint(canvas: NDArray[np.float64], ink: NDArray[np.int64], box: NDArray[np.int64], grey: float) -> None:
    x_min, y_min, x_max, y_max = box
    under = canvas[y_min:y_max, x_min:x_max]
    under += (grey - under) * ink / 255
