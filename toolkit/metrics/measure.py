"""A number with its 95% interval, by a bootstrap in which a resample is a row of weights.

Drawing ``n`` rows with replacement is the same as weighting each row by how often it was drawn. Every
statistic here is a function of such weights, so that all resamples are scored at once by matrix products,
and the value itself is the same function at weights of one. (Scikit-learn and torchmetrics score one
resample at a time; the tests compare each value with theirs.)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NotRequired, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]
"""From weights (resamples, rows) to one number a resample; NaN where it is undefined."""

RESAMPLES = 1000
SPLITS = ("test", "validation", "train")
"""The parts of ``metrics.json``, those whose figures say most of new rows first."""
# Beyond 100,000 rows fewer resamples are drawn: the interval is narrow and the time would grow.
_DRAWS = 10**8
_CHUNK = 2**21  # weights held at a time: 16 MB


class Measure(TypedDict):
    """A value and its 95% interval; all null, with the reason in ``note``, where the value is undefined."""

    value: float | None
    low: float | None
    high: float | None
    note: NotRequired[str]


def bootstrap(
    statistics: Mapping[str, Statistic],
    rows: int,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    recentre: Collection[str] = (),
) -> dict[str, Measure]:
    """Value and percentile-bootstrap 95% interval of each statistic, on the same resamples (Efron 1979).

    Args:
        statistics: name to function of weights (resamples, rows).
        rows: how many rows there are.
        resamples: how many; 0 gives values alone, and above 100,000 rows fewer are drawn (at least 200).
        seed: of the draws.
        recentre: statistics that resampling itself pushes up, such as a calibration error: their resampled
            values are shifted so that the median is the value, and kept at 0 or above.
    """
    if rows == 0:
        return {name: undefined("no rows") for name in statistics}
    values = {name: float(statistic(np.ones((1, rows)))[0]) for name, statistic in statistics.items()}
    if rows == 1:
        return {name: _alone(value) for name, value in values.items()}
    drawn: dict[str, list[Floats]] = {name: [] for name in statistics}
    for weights in _weights(rows, resamples, seed):
        for name, statistic in statistics.items():
            drawn[name].append(statistic(weights))
    return {
        name: _measure(values[name], np.concatenate(drawn[name] or [np.empty(0)]), name in recentre)
        for name in statistics
    }


def mean_of(values: NDArray[np.generic]) -> Statistic:
    """The weighted mean of ``values`` (rows,)."""
    column = np.asarray(values, dtype=np.float64)
    return lambda weights: (weights @ column) / weights.sum(1)


def median_of(values: NDArray[np.generic]) -> Statistic:
    """The weighted (lower) median of ``values`` (rows,)."""
    order = np.argsort(values, kind="stable")
    ascending = np.asarray(values, dtype=np.float64)[order]

    def median(weights: Floats) -> Floats:
        reached = np.cumsum(weights[:, order], axis=1) >= weights.sum(1, keepdims=True) / 2
        return ascending[np.argmax(reached, axis=1)]

    return median


def exact_if_unanimous(measure: Measure, rows: int) -> Measure:
    """A share's exact 95% interval (Clopper & Pearson 1934) where it is 0 or 1, and no resample can differ."""
    if measure["low"] is None or measure["value"] not in {0.0, 1.0}:
        return measure
    bound = 0.025 ** (1 / rows)
    low, high = (bound, 1.0) if measure["value"] == 1.0 else (0.0, 1 - bound)
    return {"value": measure["value"], "low": low, "high": high}


def measures_of(entry: Mapping[str, Any]) -> dict[str, Measure]:
    """The measures of one part of ``metrics.json``, without counts and the like."""
    return {name: cast(Measure, value) for name, value in entry.items() if isinstance(value, Mapping)}


def headline_split(splits: Collection[str]) -> str:
    """The split whose figures are quoted: test, or where none was held out, what comes nearest to it."""
    return next(split for split in SPLITS if split in splits)


def undefined(reason: str) -> Measure:
    """A measure without a value, and why."""
    return {"value": None, "low": None, "high": None, "note": reason}


def point(value: float) -> Measure:
    """A measure without an interval: a single observation."""
    return {"value": value, "low": None, "high": None}


def _alone(value: float) -> Measure:
    measure = _measure(value, np.empty(0), recentre=False)
    return {**measure, "note": measure.get("note", "a single observation has no interval")}


def _weights(rows: int, resamples: int, seed: int) -> Iterator[Floats]:
    generator = np.random.default_rng(seed)
    left = min(resamples, max(200, _DRAWS // rows))
    step = max(1, _CHUNK // rows)
    while left > 0:
        count = min(step, left)
        drawn = generator.integers(0, rows, size=(count, rows))
        drawn += np.arange(count)[:, None] * rows
        yield np.bincount(drawn.ravel(), minlength=count * rows).reshape(count, rows).astype(np.float64)
        left -= count


def _measure(value: float, drawn: Floats, recentre: bool) -> Measure:
    if not np.isfinite(value):
        return undefined("undefined on these rows")
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return point(value)
    low, middle, high = (float(q) for q in np.quantile(drawn, (0.025, 0.5, 0.975)))
    if recentre:
        low, high = max(0.0, low + value - middle), high + value - middle
    return {"value": value, "low": low, "high": high}
