"""How the episodes of the kept policy went, beside those of random actions."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from markupsafe import Markup
from numpy.typing import ArrayLike, NDArray

from toolkit.artifact.report.chart import Axis, Bar, Chart, Series, percent, short, ticks
from toolkit.artifact.report.page import ReportSection, render
from toolkit.metrics.glossary import show

_MOST = 1500
_BINS = 24
_SHARE = Axis("share of episodes", 0, None, percent)

Floats = NDArray[np.float64]


def episodes_section(
    returns: ArrayLike, lengths: ArrayLike, random_returns: ArrayLike = (), *, seeds: int = 1
) -> ReportSection:
    """How returns and lengths are spread over the episodes.

    Returns over lengths are drawn where one does not follow from the other, else how often each length occurs.

    Args:
        returns: sum of rewards of each episode of the trained policy, (episodes,).
        lengths: steps of each of them, (episodes,).
        random_returns: sum of rewards of each episode of random actions, (random episodes,).
        seeds: how many training seeds the episodes come from.
    """
    played, steps, chance = (np.asarray(v, dtype=np.float64) for v in (returns, lengths, random_returns))
    known = np.isfinite(played)
    odd = np.count_nonzero(~known)
    notes = [f"Left out: {odd:,} whose return is not a finite number."] if odd else []
    played, steps, chance = played[known], steps[known], chance[np.isfinite(chance)]
    if not len(played):
        return ReportSection("Episodes", " ".join(["No episode can be shown.", *notes]), Markup(""))
    charts = [_spread(played, chance)]
    if steps.min() == steps.max():
        notes.append(f"Every episode lasted {steps[0]:,.0f} steps.")
    elif _follows(steps, played):
        charts.append(_lengths(steps))
    else:
        charts.append(_cloud(steps, played))
    html = render("figures.html", charts=[chart.svg() for chart in charts], notes=notes, columns="")
    return ReportSection("Episodes", _explanation(played, chance, seeds), html)


def _explanation(played: Floats, chance: Floats, seeds: int) -> str:
    policies = "policy of one seed" if seeds == 1 else f"policies of {seeds:,} seeds"
    text = f"{len(played):,} episodes were played by the trained {policies}"
    if not len(chance):
        return f"{text}."
    mean = float(chance.mean())
    above = int(np.count_nonzero(played > mean))
    share = f"All {above:,}" if above == len(played) else f"{above:,} of the {len(played):,}"
    return (
        f"{text}, and {len(chance):,} with actions picked at random. {share} went better than the random ones did on "
        f"average ({show('random_return', mean)})."
    )


def _spread(played: Floats, chance: Floats) -> Chart:
    edges = _edges(np.concatenate([played, chance]))
    bars = [*_bars(chance, edges, "random actions", 2), *_bars(played, edges, "trained policy", 1)]
    of_policy = (float(one) for one in (np.median(played), played.min(), played.max()))
    middle, worst, best = (show("mean_return", one) for one in of_policy)
    caption = f"Trained policy: median {middle}, from {worst} to {best}."
    return Chart("Returns", Axis("return"), _SHARE, bars=bars, caption=caption)


def _lengths(steps: Floats) -> Chart:
    bars = _bars(steps, _edges(steps), "", 1)
    caption = f"Median {_middle(steps)} steps. The return follows from the length alone."
    return Chart("Lengths", Axis("steps of an episode"), _SHARE, bars=bars, caption=caption)


def _cloud(steps: Floats, played: Floats) -> Chart:
    kept = np.random.default_rng(0).permutation(len(steps))[:_MOST]
    points = list(zip(steps[kept].tolist(), played[kept].tolist(), strict=True))
    caption = f"A dot is an episode. The median one lasts {_middle(steps)} steps."
    if len(steps) > _MOST:
        caption += f" {_MOST:,} of {len(steps):,} are drawn."
    x, y = Axis("steps of an episode"), Axis("return")
    return Chart("Returns and lengths", x, y, [Series("", points, "cloud")], caption=caption)


def _middle(steps: Floats) -> str:
    return f"{float(np.median(steps)):,g}"


def _follows(steps: Floats, played: Floats) -> bool:
    """Whether the return is the length on another scale, as where each step earns one point."""
    if played.min() == played.max():
        return False
    return abs(float(np.corrcoef(steps, played)[0, 1])) > 0.999


def _edges(values: Floats) -> Floats:
    """Borders of about as many bars as can be told apart, at round numbers, each of the same count of whole numbers."""
    low, high = float(values.min()), float(values.max())
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    round_numbers = ticks(low, high, _BINS)
    step = round_numbers[1] - round_numbers[0]
    if np.array_equal(values, np.round(values)):
        step = math.ceil(step - 1e-9)
    first, last = math.floor(low / step), math.floor(high / step) + 1
    return np.asarray([index * step for index in range(first, last + 1)], dtype=np.float64)


def _bars(values: Floats, edges: Floats, name: str, color: int) -> Sequence[Bar]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)  # a border may be off by a rounding
    return [
        Bar(left, right, count / len(values), _tip(count, left, right, name), name, color)
        for left, right, count in zip(edges[:-1].tolist(), edges[1:].tolist(), counts.tolist(), strict=True)
        if count
    ]


def _tip(count: int, left: float, right: float, name: str) -> str:
    whose = f"{name}: " if name else ""
    return f"{whose}{count:,} episode{'s' * (count != 1)} from {short(left)} to {short(right)}"
