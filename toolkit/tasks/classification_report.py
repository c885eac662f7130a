"""The report of a model with one row of logits per input: which sections, from which numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.report import (
    ReportSection,
    calibration_section,
    confusion_section,
    curves_section,
    data_section,
    errors_section,
    headline_section,
    ledger_section,
    per_class_section,
    regression_section,
    reproduce_section,
)
from toolkit.metrics.calibration import reliability
from toolkit.metrics.classification import confusion, per_class
from toolkit.tasks.evaluation import Scored, is_wrong, worst_errors
from toolkit.tasks.problem import Problem

if TYPE_CHECKING:
    from toolkit.tasks.classification import LogitsPredictor
    from toolkit.tasks.finishing import Records, Trained


def report_sections(
    trained: Trained[LogitsPredictor], scored: Scored, split: str, records: Records
) -> list[ReportSection]:
    """The sections in reading order: how good, how it learnt, where it errs, on what data, how to repeat it.

    Args:
        trained: the training.
        scored: the rows the report looks at: the test split, where there is one.
        split: the name of that split.
        records: the files of the run that are quoted.
    """
    metrics, manifest, problem = records.metrics, records.manifest, trained.predictor.problem
    sections = [
        headline_section(metrics, manifest["data"].get("class_balance")),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or problem.best_metric,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        *_by_problem(problem, scored, metrics["temperature"], metrics[split]),
        _errors(trained, scored, metrics["temperature"]),
        data_section(manifest["data"], trained.rows.findings, problem.type),
    ]
    if manifest["truncation"]:
        sections.append(ledger_section(manifest["truncation"]))
    return [*sections, reproduce_section(records.recipe, manifest)]


def _errors(trained: Trained[LogitsPredictor], scored: Scored, temperature: float) -> ReportSection:
    """The worst errors; pictures with what spoke for the wrong label laid over them."""
    predictor = trained.predictor
    errors = worst_errors(predictor.problem, scored, temperature)
    if predictor.frame is not None:
        for error in errors:
            error["heatmap"] = predictor.explain(error["input"]).heatmap
    wrong = int(is_wrong(predictor.problem, scored).sum())
    return errors_section(errors, wrong=wrong, rows=len(scored.rows))


def _by_problem(
    problem: Problem, scored: Scored, temperature: float, metrics: Mapping[str, Any]
) -> list[ReportSection]:
    """What only one kind of problem has."""
    kind, names = problem.type, problem.space.names
    if kind == "regression":
        labels = scored.labels.reshape(scored.logits.shape)
        return [regression_section(scored.logits, labels, names)]
    labels = np.asarray(scored.labels)
    single = kind == "single_label_classification"
    return [
        *([confusion_section(confusion(scored.logits, labels), names)] if single else []),
        per_class_section(per_class(kind, scored.logits, labels, names)),
        calibration_section(
            reliability(kind, scored.logits, labels),
            reliability(kind, scored.logits, labels, temperature),
            temperature,
            metrics,
            multi_label=not single,
        ),
    ]
