"""Whether probabilities can be believed, before and after temperature scaling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.artifact.report.chart import Axis, Bar, Chart, Series, percent
from toolkit.artifact.report.page import ReportSection, render
from toolkit.metrics.calibration import Bin
from toolkit.metrics.glossary import show, show_interval


def calibration_section(
    before: Sequence[Bin],
    after: Sequence[Bin],
    temperature: float,
    metrics: Mapping[str, Any],
    *,
    multi_label: bool = False,
) -> ReportSection:
    """Reliability diagrams before and after scaling, and how often each confidence occurs.

    Args:
        before: ``reliability`` bins of the raw logits.
        after: the same with ``temperature``.
        temperature: fitted on the validation split.
        metrics: the split's measures, of which ``ece`` and ``ece_calibrated`` are quoted.
        multi_label: each label's probability counts, not only the winner's.
    """
    what = "each label's probability" if multi_label else "the probability of the predicted label"
    explanation = (
        f"A model is calibrated when {what} is how often it comes true: bars would end on the dashed line. "
        "Bars below it mean too much confidence, above it too little. Dividing the logits by one "
        "temperature, found on the validation rows (Guo et al. 2017), mends the average without changing "
        "any decision. Predictions and the demo use it."
    )
    charts = [
        _diagram("As trained", before, f"Calibration error {_quote(metrics, 'ece')}."),
        _diagram(
            f"With temperature {temperature:.3g}",
            after,
            f"Calibration error {_quote(metrics, 'ece_calibrated')}. {_verdict(temperature)}",
        ),
        _histogram(after, multi_label),
    ]
    html = render("figures.html", charts=[chart.svg() for chart in charts], notes=[], columns="three")
    return ReportSection("Calibration", explanation, html)


def _verdict(temperature: float) -> str:
    if abs(temperature - 1) < 0.02:
        return "A temperature of about 1 changes next to nothing."
    return (
        "Above 1, the model was too sure." if temperature > 1 else "Below 1, the model was not sure enough."
    )


def _quote(metrics: Mapping[str, Any], name: str) -> str:
    if name not in metrics:
        return "n/a"
    interval = show_interval(name, metrics[name])
    return show(name, metrics[name]["value"]) + (f" ({interval})" if interval else "")


def _diagram(title: str, bins: Sequence[Bin], caption: str) -> Chart:
    bars = [
        Bar(
            one["low"],
            one["high"],
            one["accuracy"],
            f"{one['count']:,} predictions, {percent(one['accuracy'])} true",
        )
        for one in bins
        if one["accuracy"] is not None
    ]
    diagonal = Series("calibrated", [(0, 0), (1, 1)], "dashed", 2)
    x, y = Axis("stated probability", 0, 1, percent), Axis("came true", 0, 1, percent)
    return Chart(title, x, y, series=[diagonal], bars=bars, caption=caption)


def _histogram(bins: Sequence[Bin], multi_label: bool) -> Chart:
    total = sum(one["count"] for one in bins) or 1
    bars = [Bar(one["low"], one["high"], one["count"] / total, f"{one['count']:,}") for one in bins]
    what = "label probabilities" if multi_label else "predictions"
    x = Axis("stated probability, after scaling", 0, 1, percent)
    y = Axis(f"share of {what}", 0, None, percent)
    caption = "Bars above that hold few predictions are uncertain."
    return Chart("Probabilities stated", x, y, bars=bars, caption=caption)
