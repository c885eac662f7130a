"""Charts as inline SVG: crisp at any size, in the page's own colours, light or dark, with no script."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from markupsafe import Markup

from toolkit.artifact.report.page import render

Point = tuple[float, float]
WIDTH, HEIGHT = 400, 240
LEFT, RIGHT, TOP, BOTTOM = 60, 16, 10, 40


def short(value: float) -> str:
    """A number as short as it can be read: ``12k``, ``0.35``, ``1e-4``."""
    if value == 0:
        return "0"
    if abs(value) >= 10_000:
        return f"{value / 1000:g}k" if abs(value) < 1e6 else f"{value / 1e6:g}M"
    if abs(value) < 1e-3:
        return f"{value:.1e}".replace(".0e", "e").replace("e-0", "e-")
    return f"{round(value, 6):g}"


def percent(value: float) -> str:
    """A share as a percentage without needless digits."""
    return f"{round(100 * value, 2):g}%"


@dataclass(frozen=True)
class Series:
    """Points drawn one way; ``color`` picks one of the page's palette. A ``band`` fills what they go around."""

    name: str
    points: Sequence[Point]
    style: Literal["line", "faint", "dashed", "dots", "cloud", "band"] = "line"
    color: int = 1


@dataclass(frozen=True)
class Bar:
    """A bar over ``left``..``right`` of the x axis, what to say of it, and the name of those it belongs to."""

    style: ClassVar[str] = "bar"
    left: float
    right: float
    height: float
    tip: str = ""
    name: str = ""
    color: int = 1


@dataclass(frozen=True)
class Axis:
    """A range and how its numbers read; without a range it spans the data."""

    label: str
    low: float | None = None
    high: float | None = None
    show: Callable[[float], str] = field(default=short)


@dataclass(frozen=True)
class Chart:
    """One figure. ``mark`` is an x value to point out, with its ``mark_label``."""

    title: str
    x: Axis
    y: Axis
    series: Sequence[Series] = ()
    bars: Sequence[Bar] = ()
    caption: str = ""
    mark: float | None = None
    mark_label: str = ""

    def svg(self) -> Markup:
        """The figure as HTML."""
        across = _Scale.of(self.x, self._values(0), LEFT, WIDTH - RIGHT)
        upward = _Scale.of(self.y, self._values(1), HEIGHT - BOTTOM, TOP)
        return render(
            "chart.html",
            chart=self,
            width=WIDTH,
            height=HEIGHT,
            frame={"left": LEFT, "right": WIDTH - RIGHT, "top": TOP, "bottom": HEIGHT - BOTTOM},
            across=across,
            upward=upward,
            drawn=[(_visible(one), _path(_visible(one), across, upward)) for one in self.series],
            legend=self._legend(),
        )

    def _legend(self) -> list[Bar | Series]:
        """One of each name."""
        named: dict[str, Bar | Series] = {one.name: one for one in (*self.bars, *self.series) if one.name}
        return list(named.values())

    def _values(self, axis: int) -> list[float]:
        values = [point[axis] for one in self.series for point in one.points]
        for bar in self.bars:
            values += (bar.left, bar.right) if axis == 0 else (0.0, bar.height)
        return [value for value in values if math.isfinite(value)]


@dataclass(frozen=True)
class _Scale:
    """From numbers to positions."""

    low: float
    high: float
    start: float
    end: float
    show: Callable[[float], str]

    @classmethod
    def of(cls, axis: Axis, values: Sequence[float], start: float, end: float) -> _Scale:
        low, high = min(values, default=0.0), max(values, default=1.0)
        margin = (high - low) * 0.06
        low = low - margin if axis.low is None else axis.low
        high = high + margin if axis.high is None else axis.high
        if high <= low:
            low, high = low - (abs(low) or 1) / 2, high + (abs(high) or 1) / 2
        return cls(low, high, start, end, axis.show)

    def __call__(self, value: float) -> float:
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Positions and texts of about five round numbers."""
        return [(self(value), self.show(value)) for value in ticks(self.low, self.high)]


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round numbers within ``low``..``high``."""
    raw = (high - low) / count
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [index * step for index in range(first, math.floor(high / step + 1e-9) + 1)]


def thin(points: Sequence[Point], most: int = 300) -> list[Point]:
    """At most ``most`` points, each the mean of its neighbours, so that a long run stays a small file."""
    size = math.ceil(len(points) / most) if points else 1
    groups = [points[start : start + size] for start in range(0, len(points), size)]
    return [(_mean(p[0] for p in group), _mean(p[1] for p in group)) for group in groups]


def smooth(points: Sequence[Point], span: int) -> list[Point]:
    """A running mean over about ``span`` points, exponentially weighted and without a start-up bias."""
    keep, total, weight, out = 1 - 1 / max(1, span), 0.0, 0.0, list[Point]()
    for x, y in points:
        total, weight = keep * total + y, keep * weight + 1
        out.append((x, total / weight))
    return out


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return sum(kept) / len(kept)


def _visible(series: Series) -> Series:
    """A line of one point as the dot it is."""
    return replace(series, style="dots") if series.style == "line" and len(series.points) == 1 else series


def _path(series: Series, across: _Scale, upward: _Scale) -> str:
    points = [(across(x), upward(y)) for x, y in series.points if math.isfinite(x) and math.isfinite(y)]
    if series.style in {"dots", "cloud"}:
        return "".join(f"M{x:g} {y:g}h0" for x, y in points)  # a dot is a line of no length with round ends
    closed = "Z" if series.style == "band" else ""
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in points) + closed if points else ""
