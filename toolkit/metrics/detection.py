"""Average precision of detected boxes as COCO defines it, with 95% intervals over pictures.

Detections are matched with true objects once, as no picture has a say in another's matches. A resample of the
pictures then only weighs what was matched, so that a thousand resamples cost less than a second COCO
evaluation would. (The tests compare with torchmetrics and faster-coco-eval, also on pictures drawn twice.)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import TrainingError
from toolkit.metrics.measure import RESAMPLES, Floats, Measure, Statistic, bootstrap, undefined

METRICS = ("mean_average_precision", "average_precision_50", "average_precision_75")
MOST = 100
"""Detections of one class that count in one picture, those of the best scores; COCO's ``maxDets``."""
_OVERLAPS = np.linspace(0.5, 0.95, 10)  # made as COCO makes them: a rounded 0.6 would decide ties otherwise
_RECALLS = np.linspace(0.0, 1.0, 101)
_USED = {
    "mean_average_precision": slice(None),
    "average_precision_50": slice(1),
    "average_precision_75": slice(5, 6),
}
_CELLS = 2**22  # numbers held at a time: 32 MB


@dataclass(frozen=True)
class Objects:
    """The true objects of one picture: ``boxes`` (k, 4) as x_min, y_min, x_max, y_max; ``labels`` (k,)."""

    boxes: NDArray[np.generic]
    labels: NDArray[np.generic]


@dataclass(frozen=True)
class Detections:
    """What a model found in one picture: ``boxes`` (k, 4) like those of :class:`Objects`, ``scores``, ``labels``."""

    boxes: NDArray[np.generic]
    scores: NDArray[np.generic]
    labels: NDArray[np.generic]


class ClassRow(TypedDict):
    """One class's average precision; null without true objects, which ``support`` counts."""

    label: str
    average_precision: float | None
    average_precision_50: float | None
    support: int


@dataclass(frozen=True)
class _Class:
    """A class's detections over all pictures, best score first.

    ``picture`` (detections,) and ``hits`` (overlaps, detections) say where each is and what it matched;
    ``true`` (pictures,) counts the true objects.
    """

    picture: NDArray[np.int64]
    hits: NDArray[np.bool_]
    true: Floats


def score(
    found: Sequence[Detections], true: Sequence[Objects], *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Measure]:
    """Average precision over IoU 0.50 to 0.95, at 0.50 and at 0.75, each averaged over classes.

    Objects of all sizes count, and ``MOST`` detections a class and picture. Classes without a true object are
    left out, also of each resample, as in COCO (Lin et al. 2014, arXiv:1405.0312).

    Args:
        found: the detections of each picture.
        true: the objects of each picture, in the same order.
        seed: of the bootstrap, which draws pictures.
        resamples: 0 gives values without intervals, as an evaluation during training needs.

    Raises:
        TrainingError: the model's boxes or scores are not all finite.
    """
    statistics = detection_statistics(found, true)
    if not statistics:
        reason = "no picture holds an object" if true else "no rows"
        return {name: undefined(reason) for name in METRICS}
    return bootstrap(statistics, len(true), seed=seed, resamples=resamples)


def detection_statistics(found: Sequence[Detections], true: Sequence[Objects]) -> dict[str, Statistic]:
    """Each of ``METRICS`` as a function of weights (resamples, pictures); none where there is no true object."""
    classes = list(_match(found, true).values())
    return {name: _mean_over(classes, used) for name, used in _USED.items()} if classes else {}


def per_class(found: Sequence[Detections], true: Sequence[Objects], names: Sequence[str]) -> list[ClassRow]:
    """Average precision (over IoU 0.50 to 0.95, and at 0.50) of each class, in the order of ``names``."""
    classes = _match(found, true)
    return [_class_row(name, classes.get(label)) for label, name in enumerate(names)]


def overlaps(left: NDArray[np.generic], right: NDArray[np.generic]) -> Floats:
    """Intersection over union (k, n) of boxes (k, 4) with boxes (n, 4); 0 where neither has an area."""
    left, right = np.asarray(left, dtype=np.float64), np.asarray(right, dtype=np.float64)
    low = np.maximum(left[:, None, :2], right[None, :, :2])
    high = np.minimum(left[:, None, 2:], right[None, :, 2:])
    shared = np.maximum(high - low, 0).prod(2)
    union = _areas(left)[:, None] + _areas(right) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def _areas(boxes: Floats) -> Floats:
    return np.maximum(boxes[:, 2:] - boxes[:, :2], 0).prod(1)


def _class_row(name: str, one: _Class | None) -> ClassRow:
    if one is None:
        return {"label": name, "average_precision": None, "average_precision_50": None, "support": 0}
    whole, half = (
        float(_precision(np.ones((1, len(one.true))), one, used)[0]) for used in (slice(None), slice(1))
    )
    support = int(one.true.sum())
    return {"label": name, "average_precision": whole, "average_precision_50": half, "support": support}


def _match(found: Sequence[Detections], true: Sequence[Objects]) -> dict[int, _Class]:
    """Every class that has a true object, by its number."""
    _require_finite(found)
    if not true:
        return {}
    kept = [_best(detections) for detections in found]
    hits = np.hstack([_hits(*pair) for pair in zip(kept, true, strict=True)])
    scores = np.concatenate([np.asarray(detections.scores, dtype=np.float64) for detections in kept])
    order = np.argsort(-scores, kind="stable")
    picture = np.repeat(np.arange(len(kept)), [len(detections.scores) for detections in kept])[order]
    label = np.concatenate([detections.labels for detections in kept])[order]
    counts = _counts(true)
    return {name: _class(picture, hits[:, order], label == name, counts[name]) for name in counts}


def _counts(true: Sequence[Objects]) -> dict[int, Floats]:
    """How many objects of each class every picture holds."""
    label = np.concatenate([objects.labels for objects in true]).astype(np.int64)
    picture = np.repeat(np.arange(len(true)), [len(objects.labels) for objects in true])
    return {
        int(name): np.bincount(picture[label == name], minlength=len(true)).astype(np.float64)
        for name in np.unique(label)
    }


def _class(
    picture: NDArray[np.int64], hits: NDArray[np.bool_], mine: NDArray[np.bool_], true: Floats
) -> _Class:
    at = np.flatnonzero(mine)
    # Whatever comes after the last hit lowers no precision that counts.
    at = at[: np.flatnonzero(hits[:, at].any(0)).max(initial=-1) + 1]
    return _Class(picture[at], hits[:, at], true)


def _best(found: Detections) -> Detections:
    """The first ``MOST`` of each class, best score first."""
    scores = np.asarray(found.scores, dtype=np.float64)
    order = np.argsort(-scores, kind="stable")
    labels = found.labels[order]
    grouped = np.argsort(labels, kind="stable")
    rank = np.empty(len(order), dtype=np.int64)
    rank[grouped] = np.arange(len(order)) - np.searchsorted(labels[grouped], labels[grouped])
    kept = order[rank < MOST]
    return Detections(found.boxes[kept], scores[kept], found.labels[kept])


def _hits(found: Detections, true: Objects) -> NDArray[np.bool_]:
    """Whether each detection matches an object (overlaps, k): in turn, the best one of its class still free."""
    same = np.asarray(found.labels)[:, None] == np.asarray(true.labels)
    overlap = np.where(same, overlaps(found.boxes, true.boxes), -1.0)
    hits = np.zeros((len(_OVERLAPS), len(overlap)), dtype=bool)
    free = np.ones((len(_OVERLAPS), len(true.labels)), dtype=bool)
    rows = np.arange(len(_OVERLAPS))
    for at in np.flatnonzero((overlap >= _OVERLAPS[0]).any(1)):
        left = np.where(free, overlap[at], -1.0)
        best = left.shape[1] - 1 - left[:, ::-1].argmax(1)  # of equals the last, as COCO takes it
        hit = left[rows, best] >= _OVERLAPS
        hits[:, at] = hit
        free[rows[hit], best[hit]] = False
    return hits


def _mean_over(classes: Sequence[_Class], used: slice) -> Statistic:
    def statistic(weights: Floats) -> Floats:
        each = np.stack([_in_pieces(weights, one, used) for one in classes])
        present = np.isfinite(each)
        count = present.sum(0)
        total = np.where(present, each, 0.0).sum(0)
        return np.divide(total, count, out=np.full(len(weights), np.nan), where=count > 0)

    return statistic


def _in_pieces(weights: Floats, one: _Class, used: slice) -> Floats:
    pieces = 1 + len(weights) * len(one.picture) // _CELLS
    return np.concatenate([_precision(part, one, used) for part in np.array_split(weights, pieces)])


def _precision(weights: Floats, one: _Class, used: slice) -> Floats:
    """A class's average precision (resamples,), averaged over the overlaps ``used``; NaN without true objects."""
    true = weights @ one.true
    so_far = np.cumsum(weights[:, one.picture], axis=1)
    areas: list[Floats] = []
    for hits in one.hits[used]:
        at = np.flatnonzero(hits)
        right = np.cumsum(weights[:, one.picture[at]], axis=1)
        areas.append(_area(right, so_far[:, at], np.maximum(true, 1)))
    return np.where(true > 0, np.mean(areas, axis=0), np.nan)


def _area(right: Floats, so_far: Floats, true: Floats) -> Floats:
    """The area under precision over recall (resamples,), read at 101 recalls.

    The inputs (resamples, hits) count, up to each hit, what was right and what was detected. Between hits
    precision only falls, so that its envelope is reached at hits alone, and each hit answers for the recalls
    that it is the first to reach.
    """
    precision = np.divide(right, so_far, out=np.zeros_like(right), where=so_far > 0)
    envelope = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    reached = np.searchsorted(_RECALLS, right / true[:, None], side="right")
    return (np.diff(reached, axis=1, prepend=0) * envelope).sum(1) / len(_RECALLS)


def _require_finite(found: Sequence[Detections]) -> None:
    bad = [
        at
        for at, one in enumerate(found)
        if not (np.isfinite(one.boxes).all() and np.isfinite(one.scores).all())
    ]
    if bad:
        first = ", ".join(str(at) for at in bad[:5])
        raise TrainingError(
            f"the model gives infinite or NaN boxes or scores for {len(bad)} of {len(found)} pictures "
            f"(positions {first}); lower train.learning_rate or set train.mixed_precision=no"
        )
