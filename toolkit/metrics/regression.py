"""Scores of predicted numbers, as functions of bootstrap weights."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.measure import Floats, Statistic, mean_of

Pair = Callable[[Floats, Floats, Floats], Floats]


def regression_statistics(
    predictions: NDArray[np.generic], labels: NDArray[np.generic]
) -> dict[str, Statistic]:
    """Mean squared and absolute error, R², Pearson's and Spearman's correlation, averaged over outputs.

    Args:
        predictions: (rows,) or (rows, outputs).
        labels: the same shape.
    """
    truth = np.asarray(labels, dtype=np.float64).reshape(len(labels), -1)
    guess = np.asarray(predictions, dtype=np.float64).reshape(len(labels), -1)
    return {
        "mse": mean_of(((truth - guess) ** 2).mean(1)),
        "mae": mean_of(np.abs(truth - guess).mean(1)),
        "r2": _over_outputs(_r2, truth, guess),
        "pearson": _over_outputs(_pearson, truth, guess),
        "spearman": _over_outputs(_spearman, truth, guess),
    }


def _over_outputs(pair: Pair, truth: Floats, guess: Floats) -> Statistic:
    def statistic(weights: Floats) -> Floats:
        return np.mean([pair(weights, t, g) for t, g in zip(truth.T, guess.T, strict=True)], axis=0)

    return statistic


def _r2(weights: Floats, truth: Floats, guess: Floats) -> Floats:
    spread = _covariance(weights, truth, truth)
    error = (weights @ (truth - guess) ** 2) / weights.sum(1)
    return 1 - _ratio(error, spread)


def _pearson(weights: Floats, truth: Floats, guess: Floats) -> Floats:
    # Shift and scale of the data do not change the correlation, and keep the sums of squares exact.
    truth, guess = _standard(truth), _standard(guess)
    spread = _covariance(weights, truth, truth) * _covariance(weights, guess, guess)
    return _ratio(_covariance(weights, truth, guess), np.sqrt(np.maximum(spread, 0)))


def _spearman(weights: Floats, truth: Floats, guess: Floats) -> Floats:
    ranked, other = _ranks(weights, truth), _ranks(weights, guess)
    total = weights.sum(1)
    centre = ((total + 1) / 2)[:, None]
    ranked, other = ranked - centre, other - centre
    spread = (weights * ranked**2).sum(1) * (weights * other**2).sum(1)
    return _ratio((weights * ranked * other).sum(1), np.sqrt(spread))


def _ranks(weights: Floats, values: Floats) -> Floats:
    """The rank each row has within its resample, ties sharing their mean rank; (resamples, rows)."""
    distinct, index = np.unique(values, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(len(distinct)))
    count = np.add.reduceat(weights[:, order], starts, axis=1)
    return (np.cumsum(count, axis=1) - count + (count + 1) / 2)[:, index]


def _covariance(weights: Floats, left: Floats, right: Floats) -> Floats:
    left, right = left - left.mean(), right - right.mean()
    total = weights.sum(1)
    return (weights @ (left * right)) / total - (weights @ left) * (weights @ right) / total**2


def _standard(values: Floats) -> Floats:
    spread = values.std()
    return (values - values.mean()) / spread if spread > 0 else np.zeros_like(values)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(len(below), np.nan), where=below > 1e-300)
