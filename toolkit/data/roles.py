"""What a task needs from a row, in the task's words; columns are mapped onto it."""

from __future__ import annotations

from dataclasses import dataclass

ROW = "row"
"""Column of the loaded rows that holds the 1-based row number in the source."""


@dataclass(frozen=True)
class Role:
    """One part of a row that a task uses.

    ``kinds`` is a subset of ``text`` and ``label``; ``guesses`` are column names that are taken for it, best first.
    """

    name: str
    kinds: tuple[str, ...]
    guesses: tuple[str, ...] = ()
    optional: bool = False

    @property
    def is_label(self) -> bool:
        """Whether this role is what the model learns to predict."""
        return "label" in self.kinds
