"""What every task with one row of logits per input does after training: score, calibrate and describe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.data.load import load_labelled, load_rows
from toolkit.errors import DataError
from toolkit.metrics.measure import headline_split
from toolkit.tasks.classification_report import report_sections, summary
from toolkit.tasks.evaluation import (
    TRAIN_ROWS,
    Scored,
    examples_of,
    metrics_of,
    sample_positions,
    temperature_of,
)
from toolkit.tasks.finishing import Outcome, Saved, Trained, require_same_rows

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
    predictor, rows, role = trained.predictor, trained.rows, trained.role
    problem, recipe = predictor.problem, trained.run.recipe
    scored = {
        split: _score(predictor, rows, split, role, TRAIN_ROWS if split == "train" else None)
        for split, part in rows.splits.items()
        if len(part)
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
        summary=summary(problem, recipe, metrics, shown),
        sections=lambda records: report_sections(trained, scored[shown], shown, records),
        examples=examples_of(problem, scored[shown], role),
        manifest={"problem_type": problem.type, "label_names": list(problem.space.names)},
    )


def evaluate(artifact: Artifact, data: DataSection | None, roles: Sequence[Role]) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, labels unseen in training, or no test split.
    """
    predictor: LogitsPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    space, frame = predictor.problem.space, predictor.frame
    if data is None:
        rows = load_rows(artifact.recipe.data, roles, problem_type=predictor.problem.type, frame=frame)
        require_same_rows(rows, artifact)
    else:
        rows = load_labelled(data, roles, space, artifact.manifest["data"]["columns"], frame)
    test = rows.splits.get("test")
    if test is None or not len(test):
        raise DataError("this run held out no test rows (data.test is 0); name some with --data")
    scored = _score(predictor, rows, "test", artifact.signature.input.name)
    return metrics_of(predictor.problem, scored, predictor.temperature, artifact.recipe.train.seed)


def _score(predictor: LogitsPredictor, rows: Rows, split: str, role: str, limit: int | None = None) -> Scored:
    """Logits of a split's rows, or of ``limit`` of them."""
    part, inputs = rows.splits[split], rows.inputs(split, role)
    available = len(part)
    if limit is not None and available > limit:
        drawn = sample_positions(available, limit)
        part, inputs = part.select(drawn), rows.inputs(split, role, drawn)
    return Scored(part, inputs, predictor.logits(inputs), available)
