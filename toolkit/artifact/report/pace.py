"""How fast the training went, and where its time went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from toolkit.artifact.report.chart import Axis, Chart, Point, Series, smooth, thin
from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.table import table
from toolkit.metrics.glossary import show

_EXPLANATION = (
    "The largest part is the one worth making faster. Where the environment takes most of the time, more copies of it "
    "in parallel help; where learning does, a smaller network, fewer passes over the same steps, or a GPU."
)


def pace_section(steps_per_second_history: Sequence[Point], parts: Mapping[str, float]) -> ReportSection:
    """Environment steps a second over the training, and the seconds that each part of it took.

    Args:
        steps_per_second_history: (environment step, environment steps a second) at each logged moment.
        parts: seconds by what they went to, such as ``environment``, ``learning``, ``other``.
    """
    total = sum(parts.values())
    rows = [
        (name, f"{seconds:,.1f} s", f"{100 * seconds / total:.1f}%" if total > 0 else "n/a")
        for name, seconds in (*parts.items(), ("total", total))
    ]
    shown = [_chart(steps_per_second_history).svg()] if steps_per_second_history else []
    if parts:
        shown.append(table(("part", "time", "share"), rows, caption="Where the time went"))
    explanation = _EXPLANATION if parts else "The time that each part of the training took was not measured."
    html = render("figures.html", charts=shown, notes=[], columns="")
    return ReportSection("Pace", explanation, html)


def _chart(history: Sequence[Point]) -> Chart:
    points = thin(history)
    middle = show("steps_per_second", median(speed for _, speed in history))
    several = len(points) > 1
    caption = f"{'The thick line is a running mean of the thin one. ' if several else ''}Median {middle}."
    behind = [Series("", points, "faint")] if several else []
    x, y = Axis("environment steps", low=0), Axis("steps / s", low=0)
    series = [*behind, Series("", smooth(points, max(1, len(points) // 25)))]
    return Chart("Environment steps a second", x, y, series, caption=caption)
