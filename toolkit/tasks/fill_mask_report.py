"""How well gaps are filled before and after training, and what the report shows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.artifact.report import (
    Filled,
    ReportSection,
    adaptation_section,
    curves_section,
    data_section,
    fillings_section,
    headline_section,
    ledger_section,
    reproduce_section,
)
from toolkit.data.blocks import block_rows
from toolkit.metrics.masked import score
from toolkit.metrics.measure import Measure, headline_split, measures_of
from toolkit.metrics.speed import measure as measure_speed
from toolkit.tasks import finishing
from toolkit.tasks.evaluation import EXAMPLES, row_counts, scored_positions
from toolkit.tasks.fill_mask import Options
from toolkit.tasks.fill_mask_examples import Gap, take_words_out
from toolkit.tasks.fill_mask_training import BEST_METRIC, masking_of, sums_of
from toolkit.tasks.finishing import Outcome, Records, Trained, in_a_sentence, rows_to_measure

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.data.roles import Role
    from toolkit.engine.run import Run
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.fill_mask_model import FillMaskPredictor
    from toolkit.tasks.fill_mask_training import Prepared
    from toolkit.tasks.protocol import Prediction

SHOWN_GAPS = 16
"""Passages whose gaps the report fills."""


@dataclass(frozen=True)
class Before:
    """What the model knew before its training."""

    split: str
    measures: Mapping[str, Measure]
    gaps: Sequence[Gap]
    fillings: Sequence[Prediction]


def look_before(prepared: Prepared, run: Run) -> Before | None:
    """Measure the model as it is on the split whose figures are quoted, in the first process."""
    if not run.is_main:
        return None
    run.say("measuring the model as it is")
    predictor, rows = prepared.predictor, prepared.rows
    split = headline_split([name for name, part in rows.splits.items() if len(part)])
    metrics = _metrics(predictor, prepared.options, rows, split, prepared.recipe.train.seed)
    gaps = take_words_out(rows.inputs(split, "text"), predictor.tokenizer, SHOWN_GAPS)
    fitting = [gap for gap in gaps if len(predictor.tokenizer(gap.text)["input_ids"]) <= predictor.max_length]
    fillings = predictor([gap.text for gap in fitting])
    return Before(split, measures_of(metrics), fitting, fillings)


def measure(trained: Trained[FillMaskPredictor], prepared: Prepared, before: Before | None) -> Outcome:
    """Score every split, and say what the report shows."""
    assert before is not None  # the first process looked, and it alone comes here
    predictor, rows, recipe = trained.predictor, trained.rows, trained.run.recipe
    texts = [gap.text for gap in before.gaps]
    metrics: dict[str, Any] = {
        split: _metrics(predictor, prepared.options, rows, split, recipe.train.seed)
        for split, part in rows.splits.items()
        if len(part)
    }
    metrics["before"] = {before.split: dict(before.measures)}
    metrics["performance"] = measure_speed(predictor, texts, seconds=finishing.SPEED_SECONDS)
    fillings = predictor(texts)
    return Outcome(
        metrics=metrics,
        shown=before.split,
        summary=in_a_sentence(recipe, metrics, before.split, BEST_METRIC.removeprefix("-"), "documents"),
        sections=lambda records: _sections(trained, prepared, (before, fillings), records),
        examples=[{"text": gap.text, "label": gap.truth} for gap in before.gaps[:EXAMPLES]],
        manifest={
            "unit": "documents",
            "hint": predictor.hint,
            "example": f"Some {predictor.mask_token} text.",
            "new_head": prepared.new_head,
        },
    )


def evaluate(artifact: Artifact, data: DataSection | None, roles: Sequence[Role]) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    predictor: FillMaskPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    rows = rows_to_measure(artifact, data, roles, None, None)
    options = Options(**artifact.recipe.options)
    return _metrics(predictor, options, rows, "test", artifact.recipe.train.seed)


def _metrics(
    predictor: FillMaskPredictor, options: Options, rows: Rows, split: str, seed: int
) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many documents it is of."""
    part = rows.splits[split]
    positions = scored_positions(split, len(part))
    chosen = part if len(positions) == len(part) else part.select(positions)
    blocks, _ = block_rows(chosen, predictor.tokenizer, "text", predictor.max_length)
    sums = sums_of(predictor, blocks, len(chosen), masking_of(options, predictor))
    return {**score(sums, seed=seed), **row_counts(len(chosen), len(part))}


def _sections(
    trained: Trained[FillMaskPredictor],
    prepared: Prepared,
    looked: tuple[Before, Sequence[Prediction]],
    records: Records,
) -> list[ReportSection]:
    """How good, how much better than before, how it learnt, what it fills in, on what data, how to repeat it."""
    manifest, metrics = records.manifest, records.metrics
    before, fillings = looked
    return [
        headline_section(metrics, noun="documents"),
        adaptation_section(
            before.measures, measures_of(metrics[before.split]), before.split, new_head=prepared.new_head
        ),
        fillings_section(_filled(before, fillings), trained.predictor.mask_token),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or BEST_METRIC,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        data_section(manifest["data"], trained.rows.findings),
        ledger_section(manifest["truncation"]),
        reproduce_section(records.recipe, manifest),
    ]


def _filled(before: Before, after: Sequence[Prediction]) -> list[Filled]:
    return [
        Filled(gap.text, gap.truth, list(was["scores"].items()), list(now["scores"].items()))
        for gap, was, now in zip(before.gaps, before.fillings, after, strict=True)
    ]
