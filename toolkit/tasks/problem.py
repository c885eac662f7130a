"""The three problems a model with one row of logits per input can solve; shared by every classification task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

if TYPE_CHECKING:
    import torch

    from toolkit.data.labels import LabelSpace
    from toolkit.recipe.schema import ProblemType
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
    def type(self) -> ProblemType:
        """What the labels of whole rows are; spaces of pixels and of boxes belong to other tasks."""
        return cast("ProblemType", self.space.problem_type)

    @property
    def config(self) -> dict[str, Any]:
        """The labels as transformers' configuration holds them, with what they are."""
        return {**label_config(self.space), "problem_type": self.type}

    @property
    def best_metric(self) -> str:
        """The metric that picks the best checkpoint, unless the recipe names another."""
        return BEST_METRIC[self.type]

    @property
    def metric_names(self) -> tuple[str, ...]:
        """The validation metrics that a recipe may name."""
        from toolkit.metrics.classification import metric_names

        return metric_names(self.type, len(self.space.names))

    def loss(self, logits: torch.Tensor, labels: torch.Tensor, label_smoothing: float = 0.0) -> torch.Tensor:
        """Sum over rows of each row's loss; multi-label and regression average over the labels of a row.

        Args:
            logits: (rows, labels), any float type.
            labels: (rows,) of class numbers, or (rows, labels) of zeros and ones or of targets.
            label_smoothing: share of a class number's target spread over all classes.
        """
        from torch.nn import functional

        logits = logits.float()
        if self.type == "single_label_classification":
            return functional.cross_entropy(logits, labels, reduction="sum", label_smoothing=label_smoothing)
        targets = labels.float().reshape(logits.shape)
        if self.type == "multi_label_classification":
            losses = functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
        else:
            losses = functional.mse_loss(logits, targets, reduction="none")
        return losses.mean(dim=-1).sum()

    def decode(self, logits: np.ndarray, temperature: float) -> list[Prediction]:
        """Turn logits (rows, labels) into JSON predictions, one per row."""
        from toolkit.metrics.calibration import probabilities

        if self.type == "regression":
            return [self._decode_numbers(row) for row in logits]
        scores = probabilities(self.type, logits, temperature)
        if self.type == "multi_label_classification":
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
        if self.type == "single_label_classification":
            return self.space.names[int(np.asarray(label))]
        values = np.atleast_1d(np.asarray(label, dtype=float))
        if self.type == "regression":
            return ", ".join(f"{value:.4g}" for value in values)
        return (
            ", ".join(name for name, value in zip(self.space.names, values, strict=True) if value) or "none"
        )


def label_config(space: LabelSpace) -> dict[str, Any]:
    """Labels as transformers' configuration holds them."""
    return {
        "num_labels": len(space.names),
        "id2label": dict(enumerate(space.names)),
        "label2id": {name: number for number, name in enumerate(space.names)},
    }
