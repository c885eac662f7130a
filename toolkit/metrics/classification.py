"""Scores of classifiers and regressors, each with a 95% interval."""

from __future__ import annotations

from typing import Any, TypedDict

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from toolkit.errors import TrainingError
from toolkit.metrics.calibration import calibration_error, losses, predicted
from toolkit.metrics.measure import (
    RESAMPLES,
    Floats,
    Measure,
    Statistic,
    bootstrap,
    exact_if_unanimous,
    mean_of,
    undefined,
)
from toolkit.metrics.regression import regression_statistics
from toolkit.recipe.schema import ProblemType

Array = NDArray[np.generic]


METRICS: dict[ProblemType, tuple[str, ...]] = {
    "single_label_classification": (
        "accuracy",
        "top5_accuracy",
        "macro_f1",
        "mcc",
        "loss",
        "ece",
        "ece_calibrated",
    ),
    "multi_label_classification": (
        "micro_f1",
        "macro_f1",
        "subset_accuracy",
        "loss",
        "ece",
        "ece_calibrated",
    ),
    "regression": ("mse", "mae", "r2", "pearson", "spearman"),
}
SHARES_OF_ROWS = {"accuracy", "subset_accuracy", "top5_accuracy"}
TOP = 5
"""``top5_accuracy`` is given where there are more labels than this."""


class ClassRow(TypedDict):
    """One class's scores; null where there is nothing to divide by. ``support`` counts its true rows."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: int


def score(
    problem_type: ProblemType,
    logits: Array,
    labels: Array,
    *,
    temperature: float = 1.0,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Measure]:
    """Every metric of the problem type with its 95% bootstrap interval.

    Args:
        problem_type: decides which metrics, see ``METRICS``.
        logits: (rows, labels); for regression the predictions, (rows,) or (rows, outputs).
        labels: class ids (rows,), multi-hot (rows, labels), or true values shaped like the predictions.
        temperature: divides the logits for ``ece_calibrated``.
        seed: of the bootstrap.
        resamples: 0 gives values without intervals, as an evaluation during training needs.

    Raises:
        TrainingError: the model's outputs are not all finite.
    """
    if not len(labels):
        return {name: undefined("no rows") for name in metric_names(problem_type, np.shape(logits)[-1])}
    _require_finite(logits)
    statistics = _statistics(problem_type, logits, labels, temperature)
    scores = bootstrap(
        statistics, len(labels), resamples=resamples, seed=seed, recentre=("ece", "ece_calibrated")
    )
    for name in SHARES_OF_ROWS & scores.keys():
        scores[name] = exact_if_unanimous(scores[name], len(labels))
    return _explain(problem_type, scores, labels, predicted(problem_type, logits))


def metric_names(problem_type: ProblemType, labels: int) -> tuple[str, ...]:
    """The metrics of a problem with so many labels."""
    names = METRICS[problem_type]
    return tuple(name for name in names if not (name == "top5_accuracy" and labels <= TOP))


def confusion(logits: Array, labels: Array) -> NDArray[np.int64]:
    """Counts (true, predicted) of a single-label classifier."""
    classes = np.arange(np.asarray(logits).shape[1])
    guesses = predicted("single_label_classification", logits)
    return np.asarray(confusion_matrix(labels, guesses, labels=classes), dtype=np.int64)


def per_class(
    problem_type: ProblemType, logits: Array, labels: Array, names: tuple[str, ...]
) -> list[ClassRow]:
    """Precision, recall, F1 and support of each class, in the order of ``names``; none for regression."""
    if problem_type == "regression" or not len(labels):
        return []
    unknown: Any = np.nan  # scikit-learn documents NaN for it, but infers a string
    table = precision_recall_fscore_support(
        np.asarray(labels).astype(np.int64),
        predicted(problem_type, logits),
        labels=np.arange(len(names)),
        zero_division=unknown,
    )
    columns = np.asarray(table, dtype=np.float64).T
    return [_class_row(name, column) for name, column in zip(names, columns, strict=True)]


def _class_row(name: str, column: Floats) -> ClassRow:
    precision, recall, f1 = (float(x) if np.isfinite(x) else None for x in column[:3])
    return {"label": name, "precision": precision, "recall": recall, "f1": f1, "support": int(column[3])}


def _statistics(
    problem_type: ProblemType, logits: Array, labels: Array, temperature: float
) -> dict[str, Statistic]:
    if problem_type == "regression":
        return regression_statistics(predicted(problem_type, logits), labels)
    decide = _single_label if problem_type == "single_label_classification" else _multi_label
    return {
        **decide(np.asarray(labels), np.asarray(logits)),
        "loss": mean_of(losses(problem_type, logits, labels)),
        "ece": calibration_error(problem_type, logits, labels),
        "ece_calibrated": calibration_error(problem_type, logits, labels, temperature),
    }


def _single_label(labels: Array, logits: Array) -> dict[str, Statistic]:
    guesses, classes = predicted("single_label_classification", logits), logits.shape[1]
    right = np.asarray(labels == guesses, dtype=np.float64)
    truth, guess = _one_hot(labels, classes), _one_hot(guesses, classes)
    hit = truth.multiply(right[:, None]).tocsr()

    def macro_f1(weights: Floats) -> Floats:
        return mean_f1(weights @ hit, weights @ truth, weights @ guess)

    def mcc(weights: Floats) -> Floats:
        return _matthews(weights.sum(1), weights @ right, weights @ truth, weights @ guess)

    top = {"top5_accuracy": mean_of(_among_best(labels, logits))} if classes > TOP else {}
    return {"accuracy": mean_of(right), **top, "macro_f1": macro_f1, "mcc": mcc}


def _among_best(labels: Array, logits: Array) -> NDArray[np.bool_]:
    """Whether the true label is among the five likeliest, of each row."""
    best = np.argpartition(-np.asarray(logits, dtype=np.float64), TOP - 1, axis=1)[:, :TOP]
    return (best == np.asarray(labels)[:, None]).any(axis=1)


def _multi_label(labels: Array, logits: Array) -> dict[str, Statistic]:
    truth = np.asarray(labels, dtype=np.float64).reshape(-1, logits.shape[1])
    guess = np.asarray(predicted("multi_label_classification", logits), dtype=np.float64)
    hit = truth * guess

    def macro_f1(weights: Floats) -> Floats:
        return mean_f1(weights @ hit, weights @ truth, weights @ guess)

    def micro_f1(weights: Floats) -> Floats:
        return mean_f1(*(weights @ counts.sum(1, keepdims=True) for counts in (hit, truth, guess)))

    whole = mean_of((truth == guess).all(1))
    return {"micro_f1": micro_f1, "macro_f1": macro_f1, "subset_accuracy": whole}


def _one_hot(labels: Array, classes: int) -> csr_array:
    rows = np.arange(len(labels))
    return coo_array((np.ones(len(rows)), (rows, labels)), shape=(len(rows), classes)).tocsr()


def mean_f1(hit: Floats, truth: Floats, guess: Floats) -> Floats:
    """Mean F1 over the classes that occur, as scikit-learn does; inputs (resamples, classes)."""
    total = truth + guess
    present = total > 0
    f1 = np.divide(2 * hit, total, out=np.zeros_like(total), where=present)
    count = present.sum(1)
    return np.divide(f1.sum(1), count, out=np.zeros(len(f1)), where=count > 0)


def _matthews(rows: Floats, right: Floats, truth: Floats, guess: Floats) -> Floats:
    """Matthews correlation of several classes (Gorodkin 2004); 0 where one side is constant."""
    covariance = right * rows - (truth * guess).sum(1)
    spread = (rows**2 - (truth**2).sum(1)) * (rows**2 - (guess**2).sum(1))
    return np.divide(covariance, np.sqrt(spread), out=np.zeros(len(rows)), where=spread > 0)


def _explain(
    problem_type: ProblemType, scores: dict[str, Measure], labels: Array, guesses: Array
) -> dict[str, Measure]:
    """Say why a number that looks odd is what it is."""
    note = ""
    if problem_type == "single_label_classification":
        note = "the rows hold one class only" if _constant(labels) else ""
        note = note or ("the model predicts one class only" if _constant(guesses) else "")
        noted = ("mcc",) if note else ()
    else:
        note = f"undefined: {'the true values' if _constant(labels) else 'the predictions'} do not vary"
        noted = tuple(name for name, measure in scores.items() if measure["value"] is None)
    for name in noted:
        scores[name]["note"] = note
    return scores


def _constant(values: Array) -> bool:
    return len(np.unique(np.asarray(values), axis=0)) < 2


def _require_finite(logits: Array) -> None:
    finite = np.isfinite(np.asarray(logits, dtype=np.float64)).reshape(len(logits), -1).all(axis=1)
    bad = np.flatnonzero(~finite)
    if len(bad):
        first = ", ".join(str(i) for i in bad[:5])
        raise TrainingError(
            f"the model gives infinite or NaN outputs for {len(bad)} of {len(logits)} rows "
            f"(positions {first}); lower train.learning_rate or set train.mixed_precision=no"
        )
