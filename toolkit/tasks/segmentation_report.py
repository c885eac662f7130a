"""How good a segmentation model is, and what its report shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.report import (
    ReportSection,
    curves_section,
    data_section,
    headline_section,
    masks_section,
    overlap_section,
    reproduce_section,
)
from toolkit.metrics.measure import headline_split
from toolkit.metrics.segmentation import per_class, score
from toolkit.tasks.evaluation import EXAMPLES, row_counts, sample_positions, scored_positions
from toolkit.tasks.finishing import Outcome, Records, Trained, in_a_sentence, rows_to_measure
from toolkit.tasks.segmentation_training import BEST_METRIC, counts_of, true_masks

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.data.roles import Role
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.segmentation_model import MaskPredictor

WORST = 8
"""Pictures shown with their true and predicted masks."""


@dataclass(frozen=True)
class Counted:
    """The rows of a split that were looked at, and what became of their pixels."""

    split: str
    positions: np.ndarray
    pixels: np.ndarray
    """Int64 (rows, true class, predicted class)."""
    available: int
    """Rows of the split, of which those looked at are a sample."""


def measure(trained: Trained[MaskPredictor]) -> Outcome:
    """Score every split, and say what the report shows."""
    predictor, rows, recipe = trained.predictor, trained.rows, trained.run.recipe
    counted = {split: _count(predictor, rows, split) for split, part in rows.splits.items() if len(part)}
    shown = headline_split(counted)
    metrics = {split: _metrics(predictor, part, recipe.train.seed) for split, part in counted.items()}
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=in_a_sentence(recipe, metrics, shown, BEST_METRIC, "pictures"),
        sections=lambda records: _sections(trained, counted[shown], records),
        examples=_examples(trained, counted[shown]),
        manifest={"label_names": list(predictor.space.names), "skip": list(predictor.skip)},
    )


def _count(predictor: MaskPredictor, rows: Rows, split: str) -> Counted:
    available = len(rows.splits[split])
    positions = scored_positions(split, available)
    return Counted(split, positions, counts_of(predictor, rows, split, positions), available)


def _metrics(predictor: MaskPredictor, counted: Counted, seed: int) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many pictures it is of."""
    measures = score(counted.pixels, skip=predictor.skipped, seed=seed)
    return {**measures, **row_counts(len(counted.pixels), counted.available)}


def evaluate(artifact: Artifact, data: DataSection | None, roles: Sequence[Role]) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    predictor: MaskPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    space, frame = predictor.space, predictor.frame
    rows = rows_to_measure(artifact, data, roles, space, frame, classes=space.names)
    return _metrics(predictor, _count(predictor, rows, "test"), artifact.recipe.train.seed)


def _sections(trained: Trained[MaskPredictor], counted: Counted, records: Records) -> list[ReportSection]:
    """How good, how it learnt, class by class, where it errs, on what data, how to repeat it."""
    manifest, names = records.manifest, trained.predictor.space.names
    return [
        headline_section(records.metrics),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or BEST_METRIC,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        overlap_section(per_class(counted.pixels, names)),
        _worst(trained, counted),
        data_section(manifest["data"], trained.rows.findings),
        reproduce_section(records.recipe, manifest),
    ]


def _iou(predictor: MaskPredictor, counts: np.ndarray) -> float:
    value = score(counts[None], skip=predictor.skipped, resamples=0)[BEST_METRIC]["value"]
    return 0.0 if value is None else value


def _worst(trained: Trained[MaskPredictor], counted: Counted) -> ReportSection:
    """The pictures whose classes are found worst, worst first."""
    predictor, rows, split = trained.predictor, trained.rows, counted.split
    fits = np.array([_iou(predictor, one) for one in counted.pixels])
    worst = np.argsort(fits, kind="stable")[:WORST]
    positions = counted.positions[worst]
    pictures = rows.inputs(split, trained.role, positions)
    numbers = rows.splits[split].select(positions)["row"]
    return masks_section(
        list(pictures),
        true_masks(rows, split, positions),
        predictor.masks(pictures),
        names=predictor.space.names,
        titles=[f"row {row:,}, mean IoU {fit:.0%}" for row, fit in zip(numbers, fits[worst], strict=True)],
    )


def _examples(trained: Trained[MaskPredictor], counted: Counted) -> list[dict[str, Any]]:
    """A few pictures with the shares of their true classes, for the demo."""
    rows, split = trained.rows, counted.split
    positions = counted.positions[sample_positions(len(counted.positions), EXAMPLES)]
    pictures, masks = rows.inputs(split, trained.role, positions), true_masks(rows, split, positions)
    return [
        {trained.role: picture, "label": trained.predictor.describe(mask)}
        for picture, mask in zip(pictures, masks, strict=True)
    ]
