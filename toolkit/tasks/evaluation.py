"""What a model's logits on labelled rows say: metrics, worst errors, examples; shared by every classification task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.metrics.calibration import fit_temperature, losses
from toolkit.metrics.classification import predicted, score

if TYPE_CHECKING:
    from datasets import Dataset

    from toolkit.tasks.problem import Problem

TRAIN_ROWS = 2000
"""Rows of the training split that are scored: enough to see overfitting, without a whole pass over the data."""
WORST = 20
EXAMPLES = 8


@dataclass(frozen=True)
class Scored:
    """Rows with the logits a model gave them."""

    rows: Dataset
    """The scored rows, with ``label`` and ``row``."""
    inputs: Sequence[Any]
    """What the model was given for each of them."""
    logits: np.ndarray
    """Float32 (rows, labels)."""
    available: int
    """Rows of the split, of which those scored are a sample."""

    @property
    def labels(self) -> np.ndarray:
        """Encoded labels, (rows,) or (rows, labels)."""
        return np.asarray(self.rows["label"])


def sample_positions(rows: int, limit: int, seed: int = 0) -> np.ndarray:
    """At most ``limit`` of so many positions, drawn without replacement, ascending."""
    if rows <= limit:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).choice(rows, limit, replace=False))


def scored_positions(split: str, rows: int, most: int = TRAIN_ROWS) -> np.ndarray:
    """Which rows of a split are scored: of the training split at most ``most``, of the others all."""
    return sample_positions(rows, most if split == "train" else rows)


def row_counts(scored: int, available: int) -> dict[str, int]:
    """How many rows metrics are of, and how many the split has where those are a sample."""
    return {"rows": scored, **({"rows_available": available} if available > scored else {})}


def temperature_of(problem: Problem, validation: Scored | None) -> float:
    """The temperature that calibrates the validation logits; 1 where there are none or probabilities mean nothing."""
    if validation is None:
        return 1.0
    return fit_temperature(validation.logits, validation.labels, problem.type)


def metrics_of(problem: Problem, scored: Scored, temperature: float, seed: int) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many rows it is of."""
    measures = score(problem.type, scored.logits, scored.labels, temperature=temperature, seed=seed)
    return {**measures, **row_counts(len(scored.rows), scored.available)}


def values_of(problem: Problem, logits: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """The metrics' values alone, for the evaluations during training; NaN where one is undefined on these rows."""
    measures = score(problem.type, logits, labels, resamples=0)
    return {name: math.nan if m["value"] is None else m["value"] for name, m in measures.items()}


def worst_errors(problem: Problem, scored: Scored, temperature: float) -> list[dict[str, Any]]:
    """The wrong predictions with the largest loss, worst first: row, input, truth, prediction, score and loss.

    For regression all predictions count, those farthest off first.
    """
    row_losses = _row_losses(problem, scored)
    regression = problem.type == "regression"
    wrong = np.arange(len(row_losses)) if regression else np.flatnonzero(is_wrong(problem, scored))
    chosen = wrong[np.argsort(-row_losses[wrong], kind="stable")][:WORST]
    predictions = problem.decode(scored.logits[chosen], temperature)
    return [
        {
            "row": int(scored.rows[int(index)]["row"]),
            "input": scored.inputs[int(index)],
            "truth": problem.truth(scored.labels[index]),
            "prediction": prediction["label"],
            "score": prediction.get("score"),
            "loss": float(row_losses[index]),
        }
        for index, prediction in zip(chosen, predictions, strict=True)
    ]


def examples_of(problem: Problem, scored: Scored, role: str, seed: int = 0) -> list[dict[str, Any]]:
    """A few rows with the names of their true labels, for the demo."""
    drawn = sample_positions(len(scored.rows), EXAMPLES, seed)
    labels = scored.labels
    return [{role: scored.inputs[int(at)], "label": problem.truth(labels[at])} for at in drawn]


def _row_losses(problem: Problem, scored: Scored) -> np.ndarray:
    if problem.type == "regression":
        distance = scored.logits - scored.labels.reshape(scored.logits.shape)
        return np.square(distance).mean(axis=1)
    return losses(problem.type, scored.logits, scored.labels)


def is_wrong(problem: Problem, scored: Scored) -> np.ndarray:
    """Of each row, whether the prediction differs from the truth; False for regression, which has no right or wrong."""
    if problem.type == "regression":
        return np.zeros(len(scored.logits), dtype=bool)
    same = predicted(problem.type, scored.logits) == scored.labels
    return ~(same if same.ndim == 1 else same.all(axis=1))
