"""How good a detector is, and what its report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from toolkit.artifact.origin import made_from
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
from toolkit.data.load import load_labelled, load_rows
from toolkit.errors import DataError
from toolkit.metrics.detection import Detections, Objects, overlaps, per_class, score
from toolkit.metrics.glossary import describe, show, show_interval
from toolkit.metrics.measure import headline_split
from toolkit.tasks.detection_model import describe as describe_objects
from toolkit.tasks.detection_training import BEST_METRIC, looked_at
from toolkit.tasks.evaluation import EXAMPLES, sample_positions
from toolkit.tasks.finishing import Outcome, Records, Trained, require_same_rows
from toolkit.tasks.object_detection import Options, roles_of

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.recipe.schema import DataSection, Recipe
    from toolkit.tasks.detection_model import BoxPredictor

TRAIN_PICTURES = 500
"""Training pictures that are scored: a detector takes its time with each."""
WORST = 8
"""Pictures shown with their true and predicted boxes."""
FITS = 0.5
"""Intersection over union from which a box is called found."""


class Looked(NamedTuple):
    """What the model found in some pictures, and what is there."""

    found: list[Detections]
    true: list[Objects]


def measure(trained: Trained[BoxPredictor]) -> Outcome:
    """Score every split, and say what the report shows."""
    predictor, rows, recipe = trained.predictor, trained.rows, trained.run.recipe
    looked = {
        split: Looked(*looked_at(predictor, rows, split, _sample(split, len(part))))
        for split, part in rows.splits.items()
        if len(part)
    }
    shown = headline_split(looked)
    metrics = {
        split: metrics_of(one, recipe.train.seed, len(rows.splits[split])) for split, one in looked.items()
    }
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=_summary(recipe, metrics, shown),
        sections=lambda records: _sections(trained, looked[shown], shown, records),
        examples=_examples(predictor, rows, shown, trained.role, looked[shown].true),
        manifest={"label_names": list(predictor.space.names)},
    )


def _sample(split: str, rows: int) -> np.ndarray:
    """Of the training pictures a sample is enough to see overfitting; of the others all."""
    return sample_positions(rows, TRAIN_PICTURES if split == "train" else rows)


def metrics_of(looked: Looked, seed: int, available: int) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many pictures it is of."""
    counts = {"rows": len(looked.true)}
    if available > len(looked.true):
        counts["rows_available"] = available
    return {**score(looked.found, looked.true, seed=seed), **counts}


def evaluate(artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    predictor: BoxPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    roles = roles_of(Options(**artifact.recipe.options))
    if data is None:
        rows = load_rows(artifact.recipe.data, roles, frame=predictor.frame)
        require_same_rows(rows, artifact)
    else:
        columns = artifact.manifest["data"]["columns"]
        rows = load_labelled(data, roles, predictor.space, columns, predictor.frame)
    if "test" not in rows.splits or not len(rows.splits["test"]):
        raise DataError("this run held out no test rows (data.test is 0); name some with --data")
    looked = Looked(*looked_at(predictor, rows, "test"))
    return metrics_of(looked, artifact.recipe.train.seed, len(looked.true))


def _sections(
    trained: Trained[BoxPredictor], looked: Looked, split: str, records: Records
) -> list[ReportSection]:
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
        boxes_section(_worst(trained, looked, split), names, predictor.threshold),
        data_section(manifest["data"], trained.rows.findings),
        reproduce_section(records.recipe, manifest),
    ]


def _worst(trained: Trained[BoxPredictor], looked: Looked, split: str) -> list[Boxed]:
    """The pictures with the most objects missed and boxes too many, worst first."""
    predictor, rows = trained.predictor, trained.rows
    drawn = _sample(split, len(rows.splits[split]))
    part = rows.splits[split].select(drawn)
    inputs, numbers = rows.inputs(split, trained.role, drawn), part["row"]
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


def _examples(
    predictor: BoxPredictor, rows: Rows, split: str, role: str, true: Sequence[Objects]
) -> list[dict[str, Any]]:
    """A few pictures with what is to be seen in them, for the demo."""
    looked = _sample(split, len(rows.splits[split]))
    inputs = rows.inputs(split, role, looked)
    names = predictor.space.names
    return [
        {role: inputs[int(at)], "label": describe_objects(names[int(label)] for label in true[at].labels)}
        for at in sample_positions(len(true), EXAMPLES)
    ]


def _summary(recipe: Recipe, metrics: Mapping[str, Any], split: str) -> str:
    """A sentence for the top of the report: what was trained on what, and how it came out."""
    measured = metrics[split][BEST_METRIC]
    interval = show_interval(BEST_METRIC, measured)
    where = (
        "the pictures it was trained on"
        if split == "train"
        else f"{metrics[split]['rows']:,} held-out pictures"
    )
    end = f" (95% interval {interval})." if interval else "."
    return f"{made_from(recipe)}. {describe(BEST_METRIC).title} on {where}: {show(BEST_METRIC, measured['value'])}{end}"
