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
    """

    recipe: str
    learning: Sequence[str]
    small: Callable[[Path], Path]
    steps: Sequence[str]
    bad: Sequence[Bad]
