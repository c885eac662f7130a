"""How good a segmentation model is, and what its report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.origin import made_from
from toolkit.artifact.report import (
    ReportSection,
    curves_section,
    data_section,
    headline_section,
    masks_section,
    overlap_section,
    reproduce_section,
)
from toolkit.data.load import load_labelled, load_rows
from toolkit.errors import DataError
from toolkit.metrics.glossary import describe, show, show_interval
from toolkit.metrics.measure import headline_split
from toolkit.metrics.segmentation import per_class, score
from toolkit.tasks.evaluation import EXAMPLES, TRAIN_ROWS, sample_positions
from toolkit.tasks.finishing import Outcome, Records, Trained, require_same_rows
from toolkit.tasks.segmentation_training import BEST_METRIC, counts_of, true_masks

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.data.roles import Role
    from toolkit.recipe.schema import DataSection, Recipe
    from toolkit.tasks.segmentation_model import MaskPredictor

WORST = 8
"""Pictures shown with their true and predicted masks."""


def measure(trained: Trained[MaskPredictor]) -> Outcome:
    """Score every split, and say what the report shows."""
    predictor, rows, recipe = trained.predictor, trained.rows, trained.run.recipe
    counts = {
        split: counts_of(predictor, rows, split, _looked_at(split, len(part)))
        for split, part in rows.splits.items()
        if len(part)
    }
    shown = headline_split(counts)
    metrics = {split: metrics_of(predictor, part, recipe.train.seed) for split, part in counts.items()}
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=_summary(recipe, metrics, shown),
        sections=lambda records: _sections(trained, counts[shown], shown, records),
        examples=_examples(predictor, rows, shown, trained.role),
        manifest={"label_names": list(predictor.space.names), "skip": list(predictor.skip)},
    )


def _looked_at(split: str, rows: int) -> np.ndarray:
    """Of the training pictures a sample is enough to see overfitting; of the others all."""
    return sample_positions(rows, TRAIN_ROWS if split == "train" else rows)


def metrics_of(predictor: MaskPredictor, counts: np.ndarray, seed: int) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many pictures it is of."""
    return {**score(counts, skip=predictor.skipped, seed=seed), "rows": len(counts)}


def evaluate(artifact: Artifact, data: DataSection | None, roles: Sequence[Role]) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    predictor: MaskPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    if data is None:
        names = predictor.space.names
        rows = load_rows(artifact.recipe.data, roles, frame=predictor.frame, classes=names)
        require_same_rows(rows, artifact)
    else:
        columns = artifact.manifest["data"]["columns"]
        rows = load_labelled(data, roles, predictor.space, columns, predictor.frame)
    if "test" not in rows.splits or not len(rows.splits["test"]):
        raise DataError("this run held out no test rows (data.test is 0); name some with --data")
    return metrics_of(predictor, counts_of(predictor, rows, "test"), artifact.recipe.train.seed)


def _sections(
    trained: Trained[MaskPredictor], counts: np.ndarray, split: str, records: Records
) -> list[ReportSection]:
    """How good, how it learnt, class by class, where it errs, on what data, how to repeat it."""
    manifest, predictor, names = records.manifest, trained.predictor, trained.predictor.space.names
    worst = _worst(predictor, counts)
    inputs = trained.rows.inputs(split, trained.role)
    chosen = [inputs[int(at)] for at in worst]
    numbers = trained.rows.splits[split]["row"]
    return [
        headline_section(records.metrics),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or BEST_METRIC,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        overlap_section(per_class(counts, names)),
        masks_section(
            chosen,
            true_masks(trained.rows, split)[worst],
            predictor.masks(chosen),
            names=names,
            titles=[f"row {numbers[int(at)]:,}, mean IoU {_iou(predictor, counts[at]):.0%}" for at in worst],
        ),
        data_section(manifest["data"], trained.rows.findings),
        reproduce_section(records.recipe, manifest),
    ]


def _iou(predictor: MaskPredictor, counts: np.ndarray) -> float:
    value = score(counts[None], skip=predictor.skipped, resamples=0)[BEST_METRIC]["value"]
    return 0.0 if value is None else value


def _worst(predictor: MaskPredictor, counts: np.ndarray) -> np.ndarray:
    """Positions of the pictures whose classes are found worst, worst first."""
    return np.argsort([_iou(predictor, one) for one in counts], kind="stable")[:WORST]


def _examples(predictor: MaskPredictor, rows: Rows, split: str, role: str) -> list[dict[str, Any]]:
    """A few pictures with the shares of their true classes, for the demo."""
    inputs, masks = rows.inputs(split, role), true_masks(rows, split)
    drawn = sample_positions(len(masks), EXAMPLES)
    return [{role: inputs[int(at)], "label": predictor.describe(masks[at])} for at in drawn]


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
