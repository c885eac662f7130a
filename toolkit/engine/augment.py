"""Random changes of training pictures, drawn for every picture of a batch apart from the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from toolkit.recipe.schema import Section

if TYPE_CHECKING:
    # Recipes are checked without torch, and a task's options hold an Augment.
    import torch
    from torch import Tensor

DRAWS: tuple[str, ...] = (
    "flip",
    "flip_vertical",
    "shift_right",
    "shift_down",
    "rotate",
    "scale",
    "brightness",
    "contrast",
    "saturation",
    "erase",
    "erase_area",
    "erase_shape",
    "erase_right",
    "erase_down",
)
"""What the random numbers of a picture decide; all are drawn always, so that one setting leaves the others' alone."""

VISIBLE = 0.5
"""Share of a box that must still be in the picture for the box to stay."""
ERASED_AREA = (0.02, 0.33)
"""Smallest and largest share of a picture that is erased."""
ERASED_SHAPE = (0.3, 3.3)
"""Smallest and largest height of the erased rectangle by its width."""
GREY = (0.299, 0.587, 0.114)
"""What red, green and blue add to a pixel's lightness (ITU-R BT.601)."""


class Augment(Section):
    """How training pictures are varied; everything is off by default."""

    flip: bool = False
    """Mirror half of the pictures left to right."""
    flip_vertical: bool = False
    """Mirror half of the pictures top to bottom."""
    shift: float = Field(default=0.0, ge=0, le=0.5)
    """Move by up to this share of the width and of the height, in whole pixels; what comes in is black."""
    rotate: float = Field(default=0.0, ge=0, le=180)
    """Turn by up to so many degrees either way; what comes in is black."""
    scale: float = Field(default=0.0, ge=0, lt=1)
    """Zoom by a factor between 1 - scale and 1 + scale."""
    brightness: float = Field(default=0.0, ge=0, le=1)
    """Multiply all values by a factor between 1 - brightness and 1 + brightness."""
    contrast: float = Field(default=0.0, ge=0, le=1)
    """Multiply each pixel's distance from the picture's mean grey by a factor in 1 ± contrast."""
    saturation: float = Field(default=0.0, ge=0, le=1)
    """Multiply each pixel's distance from its own grey by a factor in 1 ± saturation; colour pictures only."""
    erase: float = Field(default=0.0, ge=0, le=1)
    """Share of the pictures that lose one rectangle to their mean colour (random erasing, Zhong et al. 2020)."""


@dataclass(frozen=True)
class Augmented:
    """A batch after its changes."""

    pixels: Tensor
    """uint8 (n, channels, height, width)."""
    masks: Tensor | None
    """uint8 (n, height, width)."""
    boxes: list[Tensor] | None
    """For each picture (k, 4): x_min, y_min, x_max, y_max in pixels, without those that left the picture."""
    keep: list[Tensor] | None
    """For each picture, which of the given boxes ``boxes`` still holds: bool (number given,)."""


def draw(count: int, generator: torch.Generator) -> Tensor:
    """The random numbers of ``count`` pictures, (count, len(DRAWS)) in 0..1.

    A row depends on the generator's state and on its own place alone, not on how many follow.
    """
    import torch

    return torch.rand(count, len(DRAWS), generator=generator, device=generator.device)


class EpochDraws:
    """The random numbers of every row in an epoch: they do not depend on how a batch is cut into pieces.

    Args:
        rows: how many there are.
        seed: of the training.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self.rows = rows
        self.seed = seed
        self._kept: tuple[int, Tensor] | None = None

    def __call__(self, epoch: int) -> Tensor:
        """As :func:`draw` gives them, (rows, DRAWS); those of the last epoch asked for are kept."""
        import torch

        if self._kept is None or self._kept[0] != epoch:
            seed = int(np.random.SeedSequence((self.seed, epoch, len(DRAWS))).generate_state(1)[0])
            self._kept = epoch, draw(self.rows, torch.Generator().manual_seed(seed))
        return self._kept[1]


def augment(
    settings: Augment,
    pixels: Tensor,
    randomness: torch.Generator | Tensor,
    *,
    masks: Tensor | None = None,
    boxes: Sequence[Tensor] | None = None,
    mask_fill: int = 0,
) -> Augmented:
    """Vary every picture of a batch by random numbers of its own; masks and boxes move along.

    Args:
        settings: what may change, and how much.
        pixels: uint8 (n, channels, height, width).
        randomness: a generator, from which each picture's numbers are drawn by its place in the batch; or rows of
            :func:`draw`, one a picture, for numbers that follow a picture whatever batch it comes in.
        masks: uint8 (n, height, width); no value is made that was not there, but ``mask_fill``.
        boxes: for each picture (k, 4): x_min, y_min, x_max, y_max in pixels. A turned box becomes the one around it.
        mask_fill: class number of what a shifted, turned or shrunk mask leaves open.
    """
    import torch

    drawn = draw(len(pixels), randomness) if isinstance(randomness, torch.Generator) else randomness
    numbers = dict(zip(DRAWS, drawn.to(pixels.device).unbind(1), strict=True))
    motion = _motion(settings, numbers, pixels.shape[-1], pixels.shape[-2])
    if masks is not None:
        masks = _move(masks.unsqueeze(1), motion, "nearest", mask_fill).squeeze(1)
    moved = None if boxes is None else _move_boxes(boxes, motion)
    pixels = _colour(settings, _move(pixels, motion, "bilinear", 0), numbers)
    return Augmented(_erase(settings, pixels, numbers), masks, *(moved or (None, None)))


@dataclass(frozen=True)
class _Motion:
    """Where the points of each picture go: mirrored, turned and zoomed about its middle, then shifted."""

    size: tuple[int, int]
    """Width and height."""
    mirrored: tuple[Tensor | None, Tensor | None]
    """Left to right and top to bottom, bool (n,) each; None when never."""
    turned: Tensor | None
    """Rotation times zoom, (n, 2, 2); None when never."""
    shifted: Tensor
    """Whole pixels right and down, (n, 2)."""
    reach: tuple[int, int]
    """The farthest that ``shifted`` can go."""

    @property
    def still(self) -> bool:
        """Whether nothing moves, whatever the numbers."""
        return self.turned is None and self.mirrored == (None, None) and not any(self.reach)

    def linear(self) -> Tensor:
        """All but the shift, (n, 2, 2)."""
        import torch

        signs = [torch.ones(len(self.shifted)) if m is None else 1 - 2 * m.float() for m in self.mirrored]
        mirror = torch.diag_embed(torch.stack([sign.to(self.shifted.device) for sign in signs], 1))
        return mirror if self.turned is None else self.turned @ mirror


def _motion(settings: Augment, numbers: Mapping[str, Tensor], width: int, height: int) -> _Motion:
    import torch

    reach = round(settings.shift * width), round(settings.shift * height)
    shifts = [
        # A number just below 1 can round up to it when it is multiplied.
        (numbers[name] * (2 * far + 1)).floor().clamp(max=2 * far) - far
        for name, far in zip(("shift_right", "shift_down"), reach, strict=True)
    ]
    mirrored = (
        numbers["flip"] < 0.5 if settings.flip else None,
        numbers["flip_vertical"] < 0.5 if settings.flip_vertical else None,
    )
    return _Motion((width, height), mirrored, _turned(settings, numbers), torch.stack(shifts, 1), reach)


def _turned(settings: Augment, numbers: Mapping[str, Tensor]) -> Tensor | None:
    import torch

    if not (settings.rotate or settings.scale):
        return None
    angle = math.radians(settings.rotate) * (2 * numbers["rotate"] - 1)
    zoom = _factor(numbers["scale"], settings.scale)
    x, y = zoom * angle.cos(), zoom * angle.sin()
    return torch.stack([x, -y, y, x], 1).view(-1, 2, 2)


def _move(pictures: Tensor, motion: _Motion, mode: Literal["bilinear", "nearest"], fill: int) -> Tensor:
    """Pictures uint8 (n, channels, height, width) where their points go; whole pixels are copied, not computed."""
    if motion.turned is not None:
        return _sample(pictures, motion, mode, fill)
    for dimension, mirrored in zip((-1, -2), motion.mirrored, strict=True):
        if mirrored is not None:
            pictures = pictures.clone()
            pictures[mirrored] = pictures[mirrored].flip(dimension)
    return _shift(pictures, motion, fill) if any(motion.reach) else pictures


def _shift(pictures: Tensor, motion: _Motion, fill: int) -> Tensor:
    """One window of each padded picture."""
    import torch

    (right, down), (width, height) = motion.reach, motion.size
    padded = torch.constant_pad_nd(pictures, [right, right, down, down], fill)
    windows = padded.unfold(2, height, 1).unfold(3, width, 1)
    place = torch.tensor([right, down], device=pictures.device) - motion.shifted.long()
    return windows[torch.arange(len(pictures), device=pictures.device), :, place[:, 1], place[:, 0]]


def _sample(pictures: Tensor, motion: _Motion, mode: Literal["bilinear", "nearest"], fill: int) -> Tensor:
    from torch.nn import functional

    # Outside counts as 0, so what is to fill it is taken off before and put back after.
    values = pictures.float().sub_(fill)
    moved = functional.grid_sample(values, _origins(motion), mode, "zeros", align_corners=False)
    return _to_bytes(moved.add_(fill))


def _origins(motion: _Motion) -> Tensor:
    """Where each pixel comes from, (n, height, width, 2), in half widths and half heights from the middle.

    ``affine_grid`` gives the same through products of many small matrices, which takes longer.
    """
    import torch

    size = torch.tensor(motion.size, device=motion.shifted.device)
    back = torch.linalg.inv(motion.linear()) * 2 / size.view(2, 1)
    across, down = (
        torch.arange(side, device=size.device) - (side - 1) / 2 - motion.shifted[:, axis, None]
        for axis, side in enumerate(motion.size)
    )
    origins = [
        (back[:, axis, :1] * across).unsqueeze(1) + (back[:, axis, 1:] * down).unsqueeze(2) for axis in (0, 1)
    ]
    return torch.stack(origins, 3)


def _move_boxes(boxes: Sequence[Tensor], motion: _Motion) -> tuple[list[Tensor], list[Tensor]]:
    """The boxes around the moved ones, cut to the picture, and which of them are still there."""
    import torch

    if motion.still:
        return list(boxes), [torch.ones(len(box), dtype=torch.bool) for box in boxes]
    counts = [len(box) for box in boxes]
    given = torch.cat([box.reshape(-1, 4) for box in boxes]).float()
    owner = torch.repeat_interleave(torch.tensor(counts)).to(given.device)
    size = torch.tensor(motion.size, device=given.device, dtype=torch.float32)
    corners = given[:, [0, 1, 2, 1, 2, 3, 0, 3]].view(-1, 4, 2) - size / 2
    moved = corners @ motion.linear().mT[owner] + motion.shifted[owner].unsqueeze(1) + size / 2
    whole = torch.cat([moved.amin(1), moved.amax(1)], 1)
    inside = whole.clamp(min=0).minimum(size.repeat(2))
    keep = (_area(inside) > 0) & (_area(inside) >= VISIBLE * _area(whole))
    kept = [part[flags] for part, flags in zip(inside.split(counts), keep.split(counts), strict=True)]
    return kept, list(keep.split(counts))


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)


def _colour(settings: Augment, pixels: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
    if not (settings.brightness or settings.contrast or settings.saturation):
        return pixels
    values = pixels.float()
    if settings.brightness:
        values = values * _by_picture(_factor(numbers["brightness"], settings.brightness))
    if settings.contrast:
        middle = _grey(values).mean((2, 3), keepdim=True)
        values = middle + (values - middle) * _by_picture(_factor(numbers["contrast"], settings.contrast))
    if settings.saturation and values.shape[1] == 3:
        grey = _grey(values)
        values = grey + (values - grey) * _by_picture(_factor(numbers["saturation"], settings.saturation))
    return _to_bytes(values)


def _grey(values: Tensor) -> Tensor:
    """Lightness (n, 1, height, width) of colour pictures; the channels' mean of others."""
    if values.shape[1] != 3:
        return values.mean(1, keepdim=True)
    return (values * values.new_tensor(GREY).view(1, 3, 1, 1)).sum(1, keepdim=True)


def _erase(settings: Augment, pixels: Tensor, numbers: Mapping[str, Tensor]) -> Tensor:
    import torch

    if not settings.erase:
        return pixels
    height, width = pixels.shape[-2:]
    area = _between(numbers["erase_area"], *ERASED_AREA) * height * width
    shape = _between(numbers["erase_shape"], *map(math.log, ERASED_SHAPE)).exp()
    inside = _span(height, (area * shape).sqrt(), numbers["erase_down"]).unsqueeze(2)
    inside = inside & _span(width, (area / shape).sqrt(), numbers["erase_right"]).unsqueeze(1)
    inside &= (numbers["erase"] < settings.erase).view(-1, 1, 1)
    mean = _to_bytes(pixels.float().mean((2, 3), keepdim=True))
    return torch.where(inside.unsqueeze(1), mean, pixels)


def _span(side: int, length: Tensor, place: Tensor) -> Tensor:
    """Which pixels of a side lie in an interval that is ``length`` long and fits in, bool (n, side)."""
    import torch

    length = length.round().clamp(1, side)
    start = (place * (side - length + 1)).floor().minimum(side - length)
    pixels = torch.arange(side, device=place.device) - start.unsqueeze(1)
    return (pixels >= 0) & (pixels < length.unsqueeze(1))


def _between(numbers: Tensor, low: float, high: float) -> Tensor:
    return low + (high - low) * numbers


def _factor(numbers: Tensor, spread: float) -> Tensor:
    return _between(numbers, 1 - spread, 1 + spread)


def _by_picture(factors: Tensor) -> Tensor:
    return factors.view(-1, 1, 1, 1)


def _to_bytes(values: Tensor) -> Tensor:
    return values.round().clamp_(0, 255).byte()
