"""How much reward the policy collects as it learns, over one or several seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from markupsafe import Markup

from toolkit.artifact.report.chart import Axis, Chart, Point, Series, thin
from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.table import table
from toolkit.metrics.glossary import show
from toolkit.metrics.returns import Curve, Evaluations, mean_returns, seed_curves, time_to_threshold

Level = tuple[str, float, int]
"""Name, return and colour of a dashed line."""

_RETURN = (
    "A return is the sum of all rewards of one episode. Now and then training pauses and the policy of that moment "
    "plays some episodes that it does not learn from; a point of the curve is their mean return."
)
_ONE = (
    " Only one seed was trained, so there is no interval: reinforcement learning varies much by seed, and another one "
    "may learn faster, slower or not at all. Train further seeds before comparing or believing in a recipe."
)
_SEVERAL = (
    " A thin line is one of {count} seeds. The thick line is their interquartile mean (IQM), the mean of the middle "
    "half, so that a single lucky or unlucky seed does not decide it{few}. The band is its 95% interval: how far it "
    "could move if {count} other seeds were trained (bootstrap over seeds, Agarwal et al. 2021){rough}."
)
_FEW = "; of fewer than four seeds it is the plain mean"
_ROUGH = ". With fewer than five seeds it is rough, and often too narrow"


def returns_section(
    runs: Mapping[int, Evaluations],
    *,
    threshold: float | None = None,
    random_return: float | None = None,
    best_step: int | None = None,
    kept: str = "",
) -> ReportSection:
    """The learning curve of every seed with their interquartile mean and its interval, and a table of the seeds.

    Args:
        runs: by seed, environment step and returns of the episodes (or their mean) of every evaluation.
        threshold: the return asked for.
        random_return: mean return of a policy that acts at random.
        best_step: the step whose policy was kept, marked where there is one seed.
        kept: why that one, when not for its return.
    """
    seeds = {seed: run for seed, run in runs.items() if mean_returns(run)}
    evaluated = list(seeds.values())
    if not evaluated:
        note = "The run was never evaluated, so there is no curve; evaluate more often than it has steps."
        return ReportSection("Learning curve", note, Markup(""))
    curve = seed_curves(evaluated)
    levels = [("random actions", random_return, 2), ("asked for", threshold, 3)]
    known = [(name, level, color) for name, level, color in levels if level is not None]
    notes = [] if curve.steps else ["No step was evaluated in all seeds, so there is no IQM."]
    if len(evaluated) == 1:
        charts = [_one(evaluated[0], curve, known, best_step).svg()]
        notes.append(_summary(evaluated[0], threshold))
    else:
        charts = [_chart(evaluated, [*_several(evaluated, curve)], known).svg(), _seeds(seeds, threshold)]
    notes += [kept] if kept else []
    html = render("figures.html", charts=charts, notes=notes, columns="")
    return ReportSection("Learning curve", _RETURN + _about(len(evaluated)), html)


def _about(count: int) -> str:
    if count == 1:
        return _ONE
    return _SEVERAL.format(count=count, few=_FEW if count < 4 else "", rough=_ROUGH if count < 5 else "")


def _one(run: Evaluations, curve: Curve, levels: Sequence[Level], best_step: int | None) -> Chart:
    chart = _chart([run], [Series("evaluation", _points(curve.steps, curve.iqm))], levels)
    best = mean_returns(run).get(best_step) if best_step is not None else None
    if best_step is None or best is None:
        return chart
    dot = Series("", [(best_step, best)], "dots", 3)
    label = f"kept: {show('mean_return', best)}"
    return replace(chart, series=[*chart.series, dot], mark=best_step, mark_label=label)


def _several(runs: Sequence[Evaluations], curve: Curve) -> Iterator[Series]:
    """What lies behind comes first."""
    if curve.low:
        low, high = _points(curve.steps, curve.low), _points(curve.steps, curve.high)
        yield Series("95% interval", [*low, *reversed(high)], "band")
    for run in runs:
        yield Series("one seed", thin(list(mean_returns(run).items())), "faint")
    if curve.steps:
        yield Series("IQM", _points(curve.steps, curve.iqm))


def _chart(runs: Sequence[Evaluations], lines: Sequence[Series], levels: Sequence[Level]) -> Chart:
    end = max(step for run in runs for step in mean_returns(run)) * 1.04
    dashed = [Series(name, [(0, level), (end, level)], "dashed", color) for name, level, color in levels]
    x, y = Axis("environment steps", low=0, high=end), Axis("mean return")
    return Chart("Return in evaluation", x, y, [*dashed, *lines])


def _points(steps: Sequence[int], values: Sequence[float]) -> list[Point]:
    return thin(list(zip(steps, values, strict=True)))


def _seeds(runs: Mapping[int, Evaluations], threshold: float | None) -> Markup:
    asked = [] if threshold is None else [f"reached {show('mean_return', threshold)} at"]
    rows: list[list[object]] = []
    for seed, run in runs.items():
        means = mean_returns(run)
        best, last = max(means, key=lambda step: means[step]), max(means)
        row: list[object] = [seed, *(_at(means[step], step) for step in (best, last))]
        if threshold is not None:
            step = time_to_threshold(run, threshold)
            row.append("never" if step is None else f"{step:,}")
        rows.append(row)
    return table(
        ["seed", "best return", "last return", *asked], rows, caption="Seed by seed, and at which step"
    )


def _at(value: float, step: int) -> Markup:
    return Markup('{}<span class="sub">at {}</span>').format(show("mean_return", value), f"{step:,}")


def _summary(run: Evaluations, threshold: float | None) -> str:
    means = mean_returns(run)
    best, last = max(means, key=lambda step: means[step]), max(means)
    text = (
        f"Best {show('mean_return', means[best])} at step {best:,}, last {show('mean_return', means[last])}."
    )
    if threshold is None:
        return text
    step = time_to_threshold(run, threshold)
    reached = "never reached" if step is None else f"first reached at step {step:,}"
    return f"{text} {show('mean_return', threshold)} was {reached}."
