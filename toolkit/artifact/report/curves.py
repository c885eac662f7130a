"""How the training went, step by step."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.artifact.report.chart import Axis, Chart, Point, Series, percent, smooth, thin
from toolkit.artifact.report.page import ReportSection, render
from toolkit.metrics.glossary import describe, show

Lines = Sequence[Mapping[str, Any]]

_EXPLANATION = (
    "The loss should fall and level out. A validation loss that turns up while the training loss still "
    "falls means that the model starts to learn its rows by heart; the weights kept are those of the best "
    "evaluation."
)


def curves_section(
    history: Lines,
    *,
    metric: str = "accuracy",
    best_step: int | None = None,
    peak_flops: float | None = None,
    explanation: str = _EXPLANATION,
) -> ReportSection:
    """Loss, validation metric, learning rate, gradient norm and speed over the steps.

    Args:
        history: lines of ``history.jsonl``.
        metric: the validation metric that picked the best checkpoint, with or without a leading ``-``.
        best_step: the step whose weights were kept.
        peak_flops: the machine's measured matrix-multiply peak, floating-point operations a second.
        explanation: how to read the curves.
    """
    steps = [line for line in history if "validation" not in line]
    evaluations = [line for line in history if "validation" in line]
    name = metric.removeprefix("-")
    made = [
        _loss(steps, evaluations),
        _validation(evaluations, name, best_step),
        _rates(steps),
        _norms(steps),
        _speed(steps),
        _share(steps, peak_flops),
    ]
    charts = [chart.svg() for chart in made if chart is not None]
    if not charts:
        note = "The run logged no steps; lower train.logging_steps to see curves."
        return ReportSection("Training", note, render("figures.html", charts=[], notes=[], columns=""))
    html = render("figures.html", charts=charts, notes=[], columns="")
    return ReportSection("Training", explanation, html)


def _points(lines: Lines, key: str) -> list[Point]:
    found = [(float(line["step"]), line.get(key)) for line in lines]
    return [(step, float(value)) for step, value in found if value is not None and math.isfinite(value)]


def _keys(lines: Lines, prefix: str) -> list[str]:
    """Keys that start with ``prefix``: one, or one for each objective."""
    return list(dict.fromkeys(key for line in lines for key in line if key.startswith(prefix)))


def _steps(label: str = "step") -> Axis:
    return Axis(label, low=0)


def _loss(steps: Lines, evaluations: Lines) -> Chart | None:
    series: list[Series] = []
    for color, key in enumerate(_keys(steps, "loss"), 1):
        points = thin(_points(steps, key))
        label = f"training{key.removeprefix('loss').replace('_', ' ')}"
        series.append(Series("", points, "faint", color))
        series.append(Series(label, smooth(points, max(1, len(points) // 25)), "line", color))
    held_out = _points([{"step": e["step"], **e["validation"]} for e in evaluations], "loss")
    if held_out:
        series += [Series("validation", held_out, "dots", 2), *_joined(held_out)]
    caption = (
        "The thick line is a running mean of the thin one." if any(s.style == "faint" for s in series) else ""
    )
    return Chart("Loss", _steps(), Axis("loss"), series, caption=caption) if series else None


def _joined(points: list[Point]) -> list[Series]:
    return [Series("", points, "faint", 2)] if len(points) > 1 else []


def _validation(evaluations: Lines, name: str, best_step: int | None) -> Chart | None:
    points = _points([{"step": e["step"], **e["validation"]} for e in evaluations], name)
    if not points:
        return None
    metric = describe(name)
    last = max(float(line["step"]) for line in evaluations)
    best = dict(points).get(float(best_step)) if best_step is not None else None
    return Chart(
        f"{metric.title} on validation",
        Axis("step", low=0, high=last * 1.04),
        _share_axis(metric.title.lower(), points) if metric.unit == "share" else Axis(metric.title.lower()),
        [Series("", points, "dots"), *([Series("", points, "line")] if len(points) > 1 else [])],
        mark=best_step if best is not None else None,
        mark_label=f"kept: {show(name, best)}" if best is not None else "",
        caption=metric.meaning,
    )


def _share_axis(label: str, points: Sequence[Point]) -> Axis:
    """A little around the values, and never beyond what a share can be."""
    values = [value for _, value in points]
    return Axis(label, max(0.0, min(values) - 0.02), min(1.0, max(values) + 0.02), percent)


def _rates(steps: Lines) -> Chart | None:
    series = _each_objective(steps, "learning_rate")
    caption = "How large a step the optimiser takes: warm-up, then decay."
    axis = Axis("learning rate", low=0)
    return Chart("Learning rate", _steps(), axis, series, caption=caption) if series else None


def _norms(steps: Lines) -> Chart | None:
    series = _each_objective(steps, "gradient_norm")
    caption = "Length of the gradient before clipping. Near zero nothing is learnt; growing, training breaks."
    axis = Axis("gradient norm", low=0)
    return Chart("Gradient norm", _steps(), axis, series, caption=caption) if series else None


def _each_objective(steps: Lines, key: str) -> list[Series]:
    names = _keys(steps, key)
    found = [
        (name.removeprefix(f"{key}_") if len(names) > 1 else "", thin(_points(steps, name))) for name in names
    ]
    return [Series(name, points, "line", color) for color, (name, points) in enumerate(found, 1) if points]


def _speed(steps: Lines) -> Chart | None:
    points = thin(_points(steps, "samples_per_second"))
    axis = Axis("samples / s", low=0)
    return Chart("Speed", _steps(), axis, [Series("", points)]) if points else None


def _share(steps: Lines, peak_flops: float | None) -> Chart | None:
    points = thin(_points(steps, "peak_share"))
    if not points:
        return None
    machine = f" ({peak_flops / 1e9:,.0f} GFLOP/s)" if peak_flops else ""
    caption = (
        "Arithmetic the training needed, as a share of the fastest matrix multiplication measured on this "
        f"machine{machine}. Padding and waiting do not count as work."
    )
    top = max(1.0, *(y for _, y in points))
    return Chart(
        "Use of the machine",
        _steps(),
        Axis("share of peak", 0, top, percent),
        [Series("", points)],
        caption=caption,
    )
