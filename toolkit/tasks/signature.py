"""What goes into a model and what comes out, in the toolkit's own words; ``demo/`` turns them into components."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A piece of text, as input or output."""

    name: str = "text"
    lines: int = 4


@dataclass(frozen=True)
class Labels:
    """One or several named classes with probabilities, or one number (regression)."""

    name: str = "label"


Kind = Text | Labels


@dataclass(frozen=True)
class Signature:
    """The input and the output of a task, each one kind."""

    input: Text
    output: Kind
