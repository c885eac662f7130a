"""The three problems a model with one row of logits per input can solve; shared by every classification task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from toolkit.data.labels import LabelSpace
    from toolkit.tasks.protocol import Prediction

BEST_METRIC = {
    "single_label_classification": "accuracy",
    "multi_label_classification": "micro_f1",
    "regression": "-mse",
}
"""The validation metric that picks the best checkpoint; ``-`` minimises."""

THRESHOLD = 0.5
"""A label of a multi-label problem is predicted when its probability is at least this."""


@dataclass(frozen=True)
class Problem:
    """What the logits of one problem type mean: their loss, their calibration and the prediction they stand for."""

    space: LabelSpace

    @property
    def best_metric(self) -> str:
        """The metric that picks the best checkpoint, unless the recipe names another."""
        return BEST_METRIC[self.space.problem_type]

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The validation metrics that a recipe may name."""
        from toolkit.metrics.classification import METRICS

        return METRICS[self.space.problem_type]

    def loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """Sum over rows of each row's loss; multi-label and regression average over the labels of a row.

        Args:
            logits: (rows, labels), any float type.
            labels: (rows,) of class numbers, or (rows, labels) of zeros and ones or of targets.
        """
        from torch.nn import functional

        logits = logits.float()
        if self.space.problem_type == "single_label_classification":
            return functional.cross_entropy(logits, labels, reduction="sum")
        targets = labels.float().reshape(logits.shape)
        if self.space.problem_type == "multi_label_classification":
            losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        else:
            losses = functional.mse_loss(logits, targets, reduction="none")
        return losses.mean(dim=-1).sum()

    def decode(self, logits: np.ndarray, temperature: float) -> list[Prediction]:
        """Turn logits (rows, labels) into JSON predictions, one per row."""
        from toolkit.metrics.calibration import probabilities

        if self.space.problem_type == "regression":
            return [self._decode_numbers(row) for row in logits]
        scores = probabilities(self.space.problem_type, logits, temperature)
        if self.space.problem_type == "multi_label_classification":
            return [self._decode_many(row) for row in scores]
        return [self._decode_one(row) for row in scores]

    def _scores(self, row: np.ndarray) -> dict[str, float]:
        return {name: float(value) for name, value in zip(self.space.names, row, strict=True)}

    def _decode_one(self, row: np.ndarray) -> Prediction:
        best = int(row.argmax())
        return {"label": self.space.names[best], "score": float(row[best]), "scores": self._scores(row)}

    def _decode_many(self, row: np.ndarray) -> Prediction:
        chosen = [name for name, value in zip(self.space.names, row, strict=True) if value >= THRESHOLD]
        return {
            "label": ", ".join(chosen) or "none",
            "labels": chosen,
            "score": float(row.max()),
            "scores": self._scores(row),
        }

    def _decode_numbers(self, row: np.ndarray) -> Prediction:
        values = self._scores(row)
        value = float(row[0]) if len(row) == 1 else values
        label = (
            f"{row[0]:.4g}" if len(row) == 1 else ", ".join(f"{name} {v:.4g}" for name, v in values.items())
        )
        return {"label": label, "value": value}

    def truth(self, label: object) -> str:
        """The name of an encoded label, for people."""
        if self.space.problem_type == "single_label_classification":
            return self.space.names[int(np.asarray(label))]
        values = np.atleast_1d(np.asarray(label, dtype=float))
        if self.space.problem_type == "regression":
            return ", ".join(f"{value:.4g}" for value in values)
        return (
            ", ".join(name for name, value in zip(self.space.names, values, strict=True) if value) or "none"
        )
