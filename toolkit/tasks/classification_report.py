"""The report of a model with one row of logits per input: which sections, from which numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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
from toolkit.errors import Finding
from toolkit.metrics.calibration import reliability
from toolkit.metrics.classification import confusion, per_class
from toolkit.metrics.glossary import describe, show, show_interval
from toolkit.tasks.evaluation import Scored, is_wrong, worst_errors
from toolkit.tasks.problem import Problem


def report_sections(
    problem: Problem,
    scored: Scored,
    *,
    split: str,
    role: str,
    history: Sequence[Mapping[str, Any]],
    records: Mapping[str, Any],
) -> list[ReportSection]:
    """The sections in reading order: how good, how it learnt, where it errs, on what data, how to repeat it.

    Args:
        problem: what the logits mean.
        scored: the rows the report looks at: the test split, where there is one.
        split: the name of that split.
        role: the input's role, a column of the rows.
        history: lines of ``history.jsonl``.
        records: ``recipe`` (YAML text), ``metrics``, ``manifest``, ``findings``, ``best_metric`` and ``max_length``.
    """
    metrics, manifest = records["metrics"], records["manifest"]
    findings: Sequence[Finding] = records["findings"]
    temperature = metrics["temperature"]
    errors = worst_errors(problem, scored, temperature, role)
    wrong = int(is_wrong(problem, scored).sum())
    balance = manifest["data"].get("class_balance")
    sections = [
        headline_section(metrics, balance),
        curves_section(
            history,
            metric=records["best_metric"],
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        *_by_problem(problem, scored, temperature, metrics[split]),
        errors_section(errors, wrong=wrong, rows=len(scored.rows), field=role),
        data_section(manifest["data"], findings, problem.space.problem_type),
    ]
    if manifest["truncation"]:
        sections.append(ledger_section(manifest["truncation"], records["max_length"]))
    return [*sections, reproduce_section(records["recipe"], manifest)]


def _by_problem(
    problem: Problem, scored: Scored, temperature: float, metrics: Mapping[str, Any]
) -> list[ReportSection]:
    """What only one kind of problem has."""
    kind, names = problem.space.problem_type, problem.space.names
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


def summary(problem: Problem, model: str, source: str, metrics: Mapping[str, Any], split: str) -> str:
    """A sentence for the top of report: what was trained on what, and how it came out."""
    name = problem.best_metric.removeprefix("-")
    measure = metrics[split][name]
    interval = show_interval(name, measure)
    where = (
        "on the rows it was trained on"
        if split == "train"
        else f"on {metrics[split]['rows']:,} held-out rows"
    )
    return (
        f"{model}, fine-tuned on {source}. {describe(name).title} {where}: {show(name, measure['value'])}"
        + (f" (95% interval {interval})." if interval else ".")
    )
