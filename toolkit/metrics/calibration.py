"""Are probabilities to be believed: expected calibration error, reliability bins and temperature scaling."""

from __future__ import annotations

from typing import TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.sparse import coo_array
from scipy.special import expit, log_expit, log_softmax, softmax

from toolkit.metrics.measure import Floats, Statistic
from toolkit.recipe.schema import ProblemType

BINS = 15  # as in Guo et al. 2017
_TEMPERATURES = (0.05, 20.0)


class Bin(TypedDict):
    """One bar of a reliability diagram; ``confidence`` and ``accuracy`` are null in an empty bin."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


def probabilities(problem_type: ProblemType, logits: NDArray[np.generic], temperature: float = 1.0) -> Floats:
    """Softmax (single-label) or sigmoid (multi-label) of ``logits`` (rows, labels) / ``temperature``."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    return expit(scaled) if problem_type == "multi_label_classification" else softmax(scaled, axis=1)


def predicted(problem_type: ProblemType, logits: NDArray[np.generic]) -> NDArray[np.generic]:
    """Class ids (rows,), multi-hot at probability 0.5 (rows, labels), or a regressor's values themselves."""
    scores = np.asarray(logits, dtype=np.float64)
    if problem_type == "single_label_classification":
        return scores.argmax(1)
    return (scores >= 0).astype(np.int64) if problem_type == "multi_label_classification" else scores


def losses(problem_type: ProblemType, logits: NDArray[np.generic], labels: NDArray[np.generic]) -> Floats:
    """Cross-entropy of each row, in nats; for multi-label the mean of the labels' binary cross-entropies."""
    scores = np.asarray(logits, dtype=np.float64)
    if problem_type == "multi_label_classification":
        truth = np.asarray(labels, dtype=np.float64)
        return -(truth * log_expit(scores) + (1 - truth) * log_expit(-scores)).mean(1)
    return -log_softmax(scores, axis=1)[np.arange(len(scores)), np.asarray(labels, dtype=np.int64)]


def fit_temperature(
    logits: NDArray[np.generic], labels: NDArray[np.generic], problem_type: ProblemType
) -> float:
    """The temperature that minimises the validation loss (Guo et al. 2017, arXiv:1706.04599).

    It is searched within 0.05 to 20. The loss is convex in 1 / temperature, so one bounded search finds the
    optimum. It is 1 where there is none: for regression, without rows, and when every decision is right,
    since the loss then falls forever.
    """
    if problem_type == "regression" or not len(labels):
        return 1.0
    if np.array_equal(predicted(problem_type, logits), labels):
        return 1.0
    scores = np.asarray(logits, dtype=np.float64)

    def loss(inverse: float) -> float:
        return float(losses(problem_type, scores * inverse, labels).mean())

    low, high = _TEMPERATURES
    found = minimize_scalar(loss, bounds=(1 / high, 1 / low), method="bounded", options={"xatol": 1e-6})
    return float(1 / found.x) if found.fun < loss(1.0) else 1.0


def calibration_error(
    problem_type: ProblemType,
    logits: NDArray[np.generic],
    labels: NDArray[np.generic],
    temperature: float = 1.0,
) -> Statistic:
    """Expected calibration error (ECE) as a function of bootstrap weights.

    The distance of mean confidence and accuracy in bins of equal width, averaged by their counts.
    Single-label looks at the predicted label's probability; multi-label at every label's chance of being
    present.
    """
    confidence, correct, row = _outcomes(problem_type, logits, labels, temperature)
    shape = (len(labels), BINS)
    gaps = coo_array((correct - confidence, (row, _bins(confidence))), shape=shape).tocsr()
    per_row = max(1, len(row) // max(1, len(labels)))
    return lambda weights: np.abs(weights @ gaps).sum(1) / (weights.sum(1) * per_row)


def reliability(
    problem_type: ProblemType,
    logits: NDArray[np.generic],
    labels: NDArray[np.generic],
    temperature: float = 1.0,
) -> list[Bin]:
    """The bars of a reliability diagram: ``BINS`` bins of confidence with what came true in each."""
    if problem_type == "regression":
        return []
    confidence, correct, _ = _outcomes(problem_type, logits, labels, temperature)
    index = _bins(confidence)
    return [_bin(i, confidence[index == i], correct[index == i]) for i in range(BINS)]


def _bin(index: int, confidence: Floats, correct: Floats) -> Bin:
    filled = len(confidence) > 0
    return {
        "low": index / BINS,
        "high": (index + 1) / BINS,
        "count": len(confidence),
        "confidence": float(confidence.mean()) if filled else None,
        "accuracy": float(correct.mean()) if filled else None,
    }


def _bins(confidence: Floats) -> NDArray[np.int64]:
    """Which of the bins (0, 1/15], (1/15, 2/15], … holds each confidence."""
    return np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)


def _outcomes(
    problem_type: ProblemType, logits: NDArray[np.generic], labels: NDArray[np.generic], temperature: float
) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Of each decision its confidence, whether it came true (0 or 1), and the row it belongs to."""
    chances = probabilities(problem_type, logits, temperature)
    rows = np.arange(len(chances))
    if problem_type == "multi_label_classification":
        truth = np.asarray(labels, dtype=np.float64)
        return chances.ravel(), truth.ravel(), np.repeat(rows, chances.shape[1])
    chosen = chances.argmax(1)
    return chances[rows, chosen], (chosen == np.asarray(labels)).astype(np.float64), rows
