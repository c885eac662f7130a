"""The one metric that picks the best checkpoint and stops a training early."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from toolkit.errors import Finding, RecipeError, did_you_mean, raise_errors
from toolkit.metrics.glossary import describe
from toolkit.recipe.schema import TrainSection


@dataclass(frozen=True)
class Goal:
    """A validation metric and its direction."""

    name: str
    minimise: bool

    @classmethod
    def of(cls, train: TrainSection, best_metric: str, metrics: Collection[str] | None) -> Goal | None:
        """What the recipe asks for, else the task's choice; None without an evaluation.

        A metric of which lower is better is minimised even without its ``-``: nobody wants the worst one.

        Args:
            train: gives ``metric_for_best_model`` and ``early_stopping_patience``.
            best_metric: the task's choice.
            metrics: the names to choose from (empty: not known yet), or None when there is no evaluation.

        Raises:
            RecipeError: an unknown metric, or one that no evaluation will give.
        """
        asked = train.metric_for_best_model
        if metrics is None:
            if asked or train.early_stopping_patience:
                key = "metric_for_best_model" if asked else "early_stopping_patience"
                fix = "set data.validation or data.splits.validation, or leave it out"
                raise RecipeError(
                    Finding("error", f"train.{key}", "needs validation rows, and there are none", fix)
                )
            return None
        name = (asked or best_metric).removeprefix("-")
        goal = cls(name, (asked or best_metric).startswith("-") or describe(name).better == "lower")
        if metrics:
            goal.check(metrics)
        return goal

    def check(self, metrics: Collection[str]) -> None:
        """Make sure that the metric is among those an evaluation gives.

        Raises:
            RecipeError: it is not.
        """
        raise_errors(self.faults(metrics), RecipeError)

    def faults(self, metrics: Collection[str]) -> list[Finding]:
        """What is wrong when an evaluation gives these metrics."""
        if self.name in metrics:
            return []
        message = f"unknown validation metric '{self.name}'"
        return [Finding("error", "train.metric_for_best_model", message, did_you_mean(self.name, metrics))]

    def value(self, scores: Mapping[str, float]) -> float:
        """The metric's value in an evaluation.

        Raises:
            RecipeError: it is not there.
        """
        self.check(scores.keys())
        return scores[self.name]
