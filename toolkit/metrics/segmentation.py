"""Scores of masks, pixel by pixel, each with a 95% interval over pictures.

Every score is a function of how often each true class was predicted as which. Counted once for each picture,
these add up, so that a resample of the pictures is a weighted sum of counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.measure import RESAMPLES, Floats, Measure, Statistic, bootstrap

METRICS = ("mean_iou", "mean_dice", "pixel_accuracy")
IGNORE = 255
"""The number of true pixels that count for nothing, as in PASCAL VOC and Cityscapes."""
Counts = NDArray[np.int64]
Mask = NDArray[np.generic]


class ClassRow(TypedDict):
    """One class's overlaps over all pictures; null where it occurs neither in truth nor in predictions.

    ``support`` counts its true pixels.
    """

    label: str
    iou: float | None
    dice: float | None
    support: int


def confusion_counts(
    predicted: Iterable[Mask], true: Iterable[Mask], classes: int, *, ignore: int = IGNORE
) -> Counts:
    """How many pixels of each true class got which class, by picture: (pictures, true, predicted).

    Args:
        predicted: class numbers of each picture's pixels, in any shape.
        true: the same shapes, in the same order; pixels of the number ``ignore`` are left out.
        classes: how many there are.
        ignore: a number that is no class.

    Raises:
        ValueError: a pair of different shapes, or a number that is no class.
    """
    counts = [_counts(*pair, classes, ignore) for pair in zip(predicted, true, strict=True)]
    return np.array(counts, dtype=np.int64).reshape(-1, classes, classes)


def score(
    counts: Counts, *, skip: Collection[int] = (), seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Measure]:
    """Intersection over union and Dice, averaged over classes, and the share of pixels that are right.

    Pixels of all pictures are pooled before a class's overlap is taken, so that large objects weigh more than
    small ones and a picture without the class does no harm. A class that occurs neither in truth nor in
    predictions has no overlap and is left out of the means, also of each resample.

    Args:
        counts: (pictures, true, predicted), see :func:`confusion_counts`.
        skip: classes left out of both means, such as the background, which is often most of a picture and
            easy. Its pixels still count against the other classes, and in ``pixel_accuracy``.
        seed: of the bootstrap, which draws pictures.
        resamples: 0 gives values without intervals, as an evaluation during training needs.
    """
    hit, true, guess = _parts(counts)
    kept = np.array([name for name in range(counts.shape[1]) if name not in skip], dtype=np.int64)

    def mean_of(overlap: Callable[[Floats, Floats, Floats], Floats]) -> Statistic:
        parts = [part[:, kept] for part in (hit, true, guess)]
        return lambda weights: _mean_present(overlap(*(weights @ part for part in parts)))

    def pixel_accuracy(weights: Floats) -> Floats:
        return _ratio(weights @ hit.sum(1), weights @ true.sum(1))

    statistics = {"mean_iou": mean_of(_iou), "mean_dice": mean_of(_dice), "pixel_accuracy": pixel_accuracy}
    return bootstrap(statistics, len(counts), seed=seed, resamples=resamples)


def per_class(counts: Counts, names: Sequence[str]) -> list[ClassRow]:
    """Intersection over union, Dice and true pixels of each class over all pictures, in the order of ``names``."""
    hit, true, guess = (part.sum(0) for part in _parts(counts))
    columns = zip(names, _iou(hit, true, guess), _dice(hit, true, guess), true, strict=True)
    return [
        {"label": name, "iou": _known(iou), "dice": _known(dice), "support": int(support)}
        for name, iou, dice, support in columns
    ]


def _counts(predicted: Mask, true: Mask, classes: int, ignore: int) -> Counts:
    if np.shape(predicted) != np.shape(true):
        raise ValueError(f"a mask of shape {np.shape(predicted)} for a true one of shape {np.shape(true)}")
    seen = np.asarray(true) != ignore
    rows, columns = (np.asarray(mask)[seen].astype(np.int64) for mask in (true, predicted))
    wrong = np.setdiff1d(np.union1d(rows, columns), np.arange(classes))
    if len(wrong):
        raise ValueError(
            f"class {wrong[0]} in a mask; classes are 0 to {classes - 1}, and {ignore} is ignored"
        )
    return np.bincount(rows * classes + columns, minlength=classes**2).reshape(classes, classes)


def _parts(counts: Counts) -> tuple[Floats, Floats, Floats]:
    """Pixels that are right, true and predicted of each class, each (pictures, classes)."""
    numbers = counts.astype(np.float64)
    return np.diagonal(numbers, axis1=1, axis2=2), numbers.sum(2), numbers.sum(1)


def _iou(hit: Floats, true: Floats, guess: Floats) -> Floats:
    return _ratio(hit, true + guess - hit)


def _dice(hit: Floats, true: Floats, guess: Floats) -> Floats:
    return _ratio(2 * hit, true + guess)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)


def _mean_present(overlap: Floats) -> Floats:
    """The mean of (resamples, classes) over the classes that are not NaN."""
    present = np.isfinite(overlap)
    return _ratio(np.where(present, overlap, 0.0).sum(1), present.sum(1).astype(np.float64))


def _known(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
