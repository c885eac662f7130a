"""The page that holds the sections: one file, no outside requests, no script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from toolkit.files import write_text


@dataclass(frozen=True)
class ReportSection:
    """A titled part of the report: what it shows, in plain words, and the HTML that shows it."""

    title: str
    explanation: str
    html: Markup

    @property
    def anchor(self) -> str:
        """The section's name in links."""
        return "-".join(self.title.lower().split())


def write_report(path: Path, *, title: str, summary: str, sections: Sequence[ReportSection]) -> Path:
    """Write the report as one self-contained file, atomically.

    Args:
        path: the ``.html`` file.
        title: heading of the page.
        summary: a paragraph that says what was done and how it came out.
        sections: in the order they are shown.
    """
    write_text(path, render("page.html", title=title, summary=summary, sections=sections))
    return path


def render(template: str, **values: Any) -> Markup:
    """Fill a template of this package; every value is escaped unless it is HTML made by another template."""
    return Markup(_environment().get_template(template).render(**values))


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["count"] = lambda value: f"{value:,}"
    environment.filters["percent"] = lambda value, digits=1: f"{100 * value:.{digits}f}%"
    return environment
