"""A table of names and values with what there is to say about them."""

from __future__ import annotations

from collections.abc import Sequence

from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.table import table


def settings_section(title: str, rows: Sequence[tuple[str, str]], notes: Sequence[str] = ()) -> ReportSection:
    """What something was set to.

    Args:
        title: of the section.
        rows: name and value of each setting.
        notes: sentences below the table.
    """
    shown = table(("setting", "value"), rows, numbers=())
    explanation = "Settings that are not listed have the algorithm's usual values."
    return ReportSection(title, explanation, render("figures.html", charts=[shown], notes=notes, columns=""))
