"""Tables, the same everywhere in the report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from markupsafe import Markup

from toolkit.artifact.report.page import render


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    numbers: Iterable[int] | None = None,
    caption: str = "",
) -> Markup:
    """A table whose first column names the row; ``numbers`` (by default all other columns) align right."""
    aligned = set(range(1, len(headers)) if numbers is None else numbers)
    return render("table.html", headers=headers, rows=list(rows), numbers=aligned, caption=caption)
