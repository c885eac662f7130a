"""Problems of many rows, kept short: the first few by name, the rest by number."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from toolkit.errors import Finding, Level

SHOWN = 10


@dataclass
class Problems:
    """Rows that cannot be used; memory stays bounded however many there are."""

    count: int = 0
    shown: list[Finding] = field(default_factory=list[Finding])

    def add(self, where: str, message: str, fix: str = "") -> None:
        """Count one unusable row, and remember it while there are few."""
        self.count += 1
        if len(self.shown) < SHOWN:
            self.shown.append(Finding("error", where, message, fix))

    def add_rows(self, positions: Sequence[int], describe: Callable[[int], tuple[str, str, str]]) -> None:
        """Count unusable rows; ``describe`` gives where, message and fix of one, and is asked for a few only."""
        for position in positions[: SHOWN - len(self.shown)]:
            self.shown.append(Finding("error", *describe(position)))
        self.count += len(positions)

    def extend(self, other: Problems) -> None:
        """Add the problems of another part of the same input."""
        self.count += other.count
        self.shown = [*self.shown, *other.shown][:SHOWN]

    def findings(self, on_error: Literal["stop", "skip"], what: str) -> list[Finding]:
        """Errors when rows must not be left out, warnings when they may; the rest as one line with their number."""
        level: Level = "error" if on_error == "stop" else "warning"
        found = [Finding(level, p.where, p.message, p.fix if level == "error" else "") for p in self.shown]
        if self.count > len(self.shown):
            found.append(Finding(level, what, f"and {_rows(self.count - len(self.shown))} more"))
        if self.count and level == "error":
            found.append(
                Finding(
                    level,
                    what,
                    f"{_rows(self.count)} cannot be used",
                    "mend them, or leave them out with data.on_error=skip",
                )
            )
        elif self.count:
            found.append(
                Finding("warning", what, f"{_rows(self.count)} left out because of data.on_error=skip")
            )
        return found

    def to_dict(self) -> dict[str, Any]:
        """The problems as JSON data."""
        return {"count": self.count, "shown": [finding.to_dict() for finding in self.shown]}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Problems:
        """Read what :meth:`to_dict` wrote."""
        return cls(data["count"], [Finding(**finding) for finding in data["shown"]])


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def listed(values: Iterable[object], limit: int = SHOWN) -> str:
    """``a, b, c and 4 more``: the first values and the number of the rest."""
    names = [str(value) for value in values]
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
