"""What searches found first, and where what they should have found stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.artifact.report.page import ReportSection
from toolkit.artifact.report.table import table

_EXPLANATION = (
    "The held-out searches that went worst: what was found first, what the data would have had, and in which place "
    "that stands now, and stood before training, when all candidates are sorted by similarity. What was found first is "
    "often right too: the data knows one answer or a few."
)
_CUT = 160


@dataclass(frozen=True)
class Found:
    """A search: the sentence searched for, the one found first, and a right one with its place now and before."""

    query: str
    first: str
    wanted: str
    place: int
    before: int | None


def found_section(found: Sequence[Found]) -> ReportSection:
    """The searches as a table, in the order given."""
    rows = [
        (
            _short(one.query),
            _short(one.first),
            _short(one.wanted),
            f"{one.place:,}",
            "" if one.before is None else f"{one.before:,}",
        )
        for one in found
    ]
    headers = ("searched for", "found first", "in the data", "its place", "before training")
    html = table(headers, rows, numbers=(3, 4))
    return ReportSection("What is found", _EXPLANATION if found else "There was nothing to search for.", html)


def _short(text: str) -> str:
    return text if len(text) <= _CUT else f"{text[:_CUT]} …"
