"""How good a detector is, and what its report shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.report import (
    ReportSection,
    boxes_section,
    curves_section,
    data_section,
    headline_section,
    precision_section,
    reproduce_section,
)
from toolkit.artifact.report.boxes import Boxed
from toolkit.metrics.detection import Detections, Objects, overlaps, per_class, score
from toolkit.metrics.measure import headline_split
from toolkit.tasks.detection_model import describe as describe_objects
from toolkit.tasks.detection_training import BEST_METRIC, looked_at
from toolkit.tasks.evaluation import EXAMPLES, row_counts, sample_positions, scored_positions
from toolkit.tasks.finishing import Outcome, Records, Trained, in_a_sentence, rows_to_measure
from toolkit.tasks.object_detection import Options, roles_of

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.detection_model import BoxPredictor

TRAIN_PICTURES = 500
"""Training pictures that are scored: a detector takes its time with each."""
WORST = 8
"""Pictures shown with their true and predicted boxes."""
FITS = 0.5
"""Intersection over union from which a box is called found."""


@dataclass(frozen=True)
class Looked:
    """What the model found in the rows of a split that were looked at, and what is there."""

    split: str
    positions: np.ndarray
    found: list[Detections]
    true: list[Objects]
    available: int
    """Rows of the split, of which those looked at are a sample."""


def measure(trained: Trained[BoxPredictor]) -> Outcome:
    """Score every split, and say what the report shows."""
    predictor, rows, recipe = trained.predictor, trained.rows, trained.run.recipe
    looked = {split: _look(predictor, rows, split) for split, part in rows.splits.items() if len(part)}
    shown = headline_split(looked)
    metrics = {split: _metrics(one, recipe.train.seed) for split, one in looked.items()}
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=in_a_sentence(recipe, metrics, shown, BEST_METRIC, "pictures"),
        sections=lambda records: _sections(trained, looked[shown], records),
        examples=_examples(trained, looked[shown]),
        manifest={"label_names": list(predictor.space.names)},
    )


def _look(predictor: BoxPredictor, rows: Rows, split: str) -> Looked:
    available = len(rows.splits[split])
    positions = scored_positions(split, available, TRAIN_PICTURES)
    return Looked(split, positions, *looked_at(predictor, rows, split, positions), available)


def _metrics(looked: Looked, seed: int) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many pictures it is of."""
    measures = score(looked.found, looked.true, seed=seed)
    return {**measures, **row_counts(len(looked.true), looked.available)}


def evaluate(artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    predictor: BoxPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    roles = roles_of(Options(**artifact.recipe.options))
    rows = rows_to_measure(artifact, data, roles, predictor.space, predictor.frame)
    return _metrics(_look(predictor, rows, "test"), artifact.recipe.train.seed)


def _sections(trained: Trained[BoxPredictor], looked: Looked, records: Records) -> list[ReportSection]:
    """How good, how it learnt, class by class, where it errs, on what data, how to repeat it."""
    manifest, predictor = records.manifest, trained.predictor
    names = predictor.space.names
    return [
        headline_section(records.metrics),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or BEST_METRIC,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        precision_section(per_class(looked.found, looked.true, names)),
        boxes_section(_worst(trained, looked), names, predictor.threshold),
        data_section(manifest["data"], trained.rows.findings),
        reproduce_section(records.recipe, manifest),
    ]


def _worst(trained: Trained[BoxPredictor], looked: Looked) -> list[Boxed]:
    """The pictures with the most objects missed and boxes too many, worst first."""
    predictor, rows, split = trained.predictor, trained.rows, looked.split
    inputs = rows.inputs(split, trained.role, looked.positions)
    numbers = rows.splits[split].select(looked.positions)["row"]
    sure = [predictor.shown(one) for one in looked.found]
    right = [matched(one, true) for one, true in zip(sure, looked.true, strict=True)]
    wrong = [
        len(one.labels) + len(true.labels) - 2 * hits
        for one, true, hits in zip(sure, looked.true, right, strict=True)
    ]
    return [
        Boxed(
            title=f"row {numbers[at]:,}: {right[at]} of {len(looked.true[at].labels)} objects found, "
            f"{len(sure[at].labels) - right[at]} boxes too many",
            pixels=inputs[at],
            true=np.asarray(looked.true[at].boxes),
            true_labels=looked.true[at].labels.tolist(),
            found=np.asarray(sure[at].boxes),
            found_labels=sure[at].labels.tolist(),
            scores=sure[at].scores.tolist(),
        )
        for at in (int(place) for place in np.argsort([-count for count in wrong], kind="stable")[:WORST])
    ]


def matched(found: Detections, true: Objects) -> int:
    """How many true objects a box of their class fits by half, each box serving once, the surest first."""
    fits = overlaps(found.boxes, true.boxes) >= FITS
    fits &= np.asarray(found.labels)[:, None] == np.asarray(true.labels)
    free = np.ones(len(true.labels), bool)
    for row in fits:
        at = np.flatnonzero(row & free)
        free[at[:1]] = False
    return int((~free).sum())


def _examples(trained: Trained[BoxPredictor], looked: Looked) -> list[dict[str, Any]]:
    """A few pictures with what is to be seen in them, for the demo."""
    inputs = trained.rows.inputs(looked.split, trained.role, looked.positions)
    names = trained.predictor.space.names
    return [
        {
            trained.role: inputs[int(at)],
            "label": describe_objects(names[int(label)] for label in looked.true[at].labels),
        }
        for at in sample_positions(len(looked.true), EXAMPLES)
    ]
