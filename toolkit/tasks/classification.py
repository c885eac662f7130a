"""What every task with one row of logits per input does after training: score, calibrate and describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.metrics.measure import headline_split
from toolkit.tasks.classification_report import report_sections
from toolkit.tasks.evaluation import Scored, examples_of, metrics_of, scored_positions, temperature_of
from toolkit.tasks.finishing import Outcome, Saved, Trained, in_a_sentence, rows_to_measure
from toolkit.tasks.signature import Asked, joined, roles_in

if TYPE_CHECKING:
    import numpy as np

    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.data.pictures import Frame
    from toolkit.data.roles import Role
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.problem import Problem
    from toolkit.tasks.protocol import Attribution


class LogitsPredictor(Saved, Protocol):
    """A predictor whose predictions are decoded from one row of logits per input."""

    problem: Problem
    temperature: float

    @property
    def frame(self) -> Frame | None:
        """What pictures are brought to; None where inputs are no pictures."""
        ...

    def logits(self, inputs: Sequence[Any], /, batch_size: int = 32) -> np.ndarray:
        """Raw logits (inputs, labels)."""
        ...

    def explain(self, value: Any, /) -> Attribution:
        """Attribute the prediction for one input to its pieces."""
        ...


def measure(trained: Trained[LogitsPredictor]) -> Outcome:
    """Score every split, calibrate on validation, and say what the report shows."""
    predictor, rows, asked = trained.predictor, trained.rows, trained.asked
    problem, recipe = predictor.problem, trained.run.recipe
    scored = {
        split: _score(predictor, rows, split, asked) for split, part in rows.splits.items() if len(part)
    }
    predictor.temperature = temperature_of(problem, scored.get("validation"))
    shown = headline_split(scored)
    metrics: dict[str, Any] = {
        split: metrics_of(problem, part, predictor.temperature, recipe.train.seed)
        for split, part in scored.items()
    }
    metrics["temperature"] = predictor.temperature
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=in_a_sentence(recipe, metrics, shown, problem.best_metric.removeprefix("-")),
        sections=lambda records: report_sections(trained, scored[shown], shown, records),
        examples=examples_of(problem, scored[shown], asked.name),
        manifest={"problem_type": problem.type, "label_names": list(problem.space.names)},
    )


def evaluate(artifact: Artifact, data: DataSection | None, roles: Sequence[Role]) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, labels unseen in training, or no test split.
    """
    predictor: LogitsPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    problem = predictor.problem
    rows = rows_to_measure(artifact, data, roles, problem.space, predictor.frame, problem_type=problem.type)
    scored = _score(predictor, rows, "test", artifact.signature.input)
    return metrics_of(problem, scored, predictor.temperature, artifact.recipe.train.seed)


def _score(predictor: LogitsPredictor, rows: Rows, split: str, asked: Asked) -> Scored:
    """Logits of the rows of a split that are scored."""
    part = rows.splits[split]
    positions = scored_positions(split, len(part))
    roles = roles_in(asked)
    inputs = joined(roles, [rows.inputs(split, role, positions) for role in roles])
    return Scored(part.select(positions), inputs, predictor.logits(inputs), len(part))
