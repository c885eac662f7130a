"""A moment of an episode as HTML: the picture, and what speaks for each action."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gymnasium
import numpy as np
import PIL.Image

if TYPE_CHECKING:
    from toolkit.engine.rollout.agent import Agent
    from toolkit.engine.rollout.play import Frame

SMALLEST = 240
"""Pixels of a picture's width; smaller ones are enlarged."""
QUALITY = 80
"""Of the JPEG pictures."""
MOST_BARS = 24

EMPTY = "<div class='stage empty'><p>Press <b>Watch</b> to see an episode.</p></div>"
OPENING = "<div class='stage empty'><p>The environment is being opened …</p></div>"


def failed(message: str) -> str:
    """What is seen after an error, whose text is HTML already."""
    return f"<div class='stage empty'><p>{message}</p></div>"


def picture(frame: Frame, *, stopped: bool = False) -> str:
    """The picture and where the episode is."""
    ending = " · the episode is over" if frame.action is None else " · stopped" if stopped else ""
    return (
        f"<figure class='stage'><img src='{_as_uri(frame.picture)}' alt='The environment at step {frame.step}' "
        f"decoding='sync'><figcaption>step {frame.step:,} · return {frame.total:.2f}{ending}</figcaption></figure>"
    )


def _as_uri(pixels: np.ndarray | None) -> str:
    assert pixels is not None  # steps that are not drawn are left out
    image = PIL.Image.fromarray(pixels)
    if image.width < SMALLEST:
        times = -(-SMALLEST // image.width)
        image = image.resize((image.width * times, image.height * times), PIL.Image.Resampling.NEAREST)
    target = io.BytesIO()
    image.save(target, "JPEG", quality=QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(target.getvalue()).decode()}"


@dataclass(frozen=True)
class _Bar:
    """``start`` and ``end`` are shares of the line."""

    name: str
    start: float = 0.0
    end: float = 0.0
    value: str = "-"
    chosen: bool = False


@dataclass(frozen=True)
class Scores:
    """How an agent's choices are shown: a bar for each action, or for each number of one.

    ``heading`` says what the bars are, ``names`` what each stands for; numbers go from ``low`` to ``high``.
    """

    heading: str
    names: Sequence[str]
    low: np.ndarray | None = None
    high: np.ndarray | None = None
    is_share: bool = False

    def show(self, frame: Frame | None = None) -> str:
        """The bars of a moment; without a length where there is none, so that nothing moves when an episode begins."""
        if frame is None or frame.action is None:
            return self._drawn(_Bar(name) for name in self.names)
        return self._drawn(self._choices(frame) if self.low is None else self._numbers(frame.action))

    def _drawn(self, bars: Iterable[_Bar]) -> str:
        kept = list(bars)
        more = f"<p>and {len(kept) - MOST_BARS} more</p>" if len(kept) > MOST_BARS else ""
        rows = "".join(map(_row, kept[:MOST_BARS]))
        return f"<div class='scores'><p>{html.escape(self.heading)}</p>{rows}{more}</div>"

    def _choices(self, frame: Frame) -> list[_Bar]:
        """What speaks for each of a few actions; only which one is taken, where nothing else is known."""
        taken = int(frame.action)
        values = [frame.scores.get(str(number)) for number in range(len(self.names))]
        known = [value for value in values if value is not None]
        if not known:
            return [_Bar(name, 0, float(i == taken), "", i == taken) for i, name in enumerate(self.names)]
        low, high = (0.0, 1.0) if self.is_share else _margin(min(known), max(known))
        return [
            _Bar(name, 0, (value - low) / (high - low), f"{value:.2f}", number == taken)
            for number, (name, value) in enumerate(zip(self.names, values, strict=True))
            if value is not None
        ]

    def _numbers(self, action: Any) -> list[_Bar]:
        """From zero, or the nearest to it that is possible, to each number."""
        assert self.low is not None  # of the action space, as `high`
        assert self.high is not None
        values = np.asarray(action, dtype=float).ravel()
        zero = np.clip(0.0, self.low, self.high)
        width = np.where(self.high > self.low, self.high - self.low, 1.0)
        starts, ends = (zero - self.low) / width, np.clip((values - self.low) / width, 0, 1)
        return [
            _Bar(name, min(start, end), max(start, end), f"{value:.2f}", True)
            for name, start, end, value in zip(self.names, starts, ends, values, strict=True)
        ]


def scores_of(agent: Agent, names: Sequence[str]) -> Scores:
    """How the choices of an agent are shown."""
    space = agent.action_space
    if isinstance(space, gymnasium.spaces.Discrete):
        heading = "Action" if agent.algorithm == "recurrent-ppo" else f"{agent.scores_are} of each action"
        return Scores(
            heading.capitalize(),
            names or [f"action {number}" for number in range(int(space.n))],
            is_share=agent.scores_are == "probability",
        )
    low, high = _bounds(space)
    return Scores("Action", names or [f"number {place}" for place in range(1, len(low) + 1)], low, high)


def _bounds(space: gymnasium.Space[Any]) -> tuple[np.ndarray, np.ndarray]:
    """The least and the greatest of each number of an action."""
    if isinstance(space, gymnasium.spaces.Box):
        low, high = space.low.ravel().astype(float), space.high.ravel().astype(float)
        return np.where(np.isfinite(low), low, -1.0), np.where(np.isfinite(high), high, 1.0)
    most = (
        space.nvec.ravel() - 1
        if isinstance(space, gymnasium.spaces.MultiDiscrete)
        else np.ones(space.shape or ())
    )
    return np.zeros(len(most)), most.astype(float)


def _margin(low: float, high: float) -> tuple[float, float]:
    """Where bars begin and end, so that the least of them is seen too."""
    return low - 0.1 * ((high - low) or 1.0), high


def _row(bar: _Bar) -> str:
    left, width = 100 * bar.start, 100 * (bar.end - bar.start)
    return (
        f"<div class='bar{' chosen' if bar.chosen else ''}'><span>{html.escape(bar.name)}</span>"
        f"<b><i style='margin-left:{left:.1f}%;width:{width:.1f}%'></i></b><span>{bar.value}</span></div>"
    )
