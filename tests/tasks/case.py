"""What the conformance suite needs of each task: a small run on its sample, and bad inputs of its own kind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Bad:
    """One broken input and what its error must say: the place, the value, the way out."""

    name: str
    make: Callable[[Path], Path]
    said: Sequence[str]
    overrides: Sequence[str] = ()


@dataclass(frozen=True)
class Case:
    """One task in the conformance suite.

    ``small`` writes a model of the task's real architecture, without dropout, that trains in a second a step.
    ``signal`` is what the history tells of learning: a loss that falls, or a return that rises. ``pieces`` cuts each
    step into parts; ``processes`` says whether several can share one. ``place`` is where a bad input is given.
    ``learns_small`` has the small model learn where the recipe's own takes too long.
    """

    recipe: str
    learning: Sequence[str]
    small: Callable[[Path], Path]
    steps: Sequence[str]
    bad: Sequence[Bad]
    signal: str = "loss"
    pieces: Sequence[str] = ("train.gradient_accumulation_steps=3",)
    processes: bool = True
    place: str = "data"
    learns_small: bool = False

    def given(self, source: Path) -> tuple[tuple[str, ...], Path | None]:
        """Overrides, and what ``data`` is, that give an input."""
        return ((), source) if self.place == "data" else ((f"{self.place}={source}",), None)
