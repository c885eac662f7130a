"""The predictions that were most wrong, with what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.artifact.report.page import ReportSection, render

SHOWN_CHARACTERS = 600


def errors_section(
    errors: Sequence[Mapping[str, Any]], *, wrong: int, rows: int, field: str = "text"
) -> ReportSection:
    """The worst errors, worst first.

    Args:
        errors: each with ``row`` in the source, the input under ``field``, ``truth``, ``prediction``,
            ``score`` (null for regression) and ``loss``.
        wrong: how many predictions are wrong in all; 0 for regression, where none is right or wrong.
        rows: how many were made.
        field: the role of the input.
    """
    regression = all(error.get("score") is None for error in errors) and bool(errors)
    explanation = (
        "The rows where the prediction is farthest from the true value, farthest first."
        if regression
        else f"{wrong:,} of {rows:,} predictions are wrong. These are the ones to which the model gave its "
        "true label the least probability, worst first. Look for wrong labels in the data, irony, missing "
        "context, cut texts."
    )
    entries = [_entry(error, field) for error in errors]
    html = render("errors.html", errors=entries, nothing="No prediction on these rows is wrong.")
    return ReportSection("Worst errors", explanation if errors else "", html)


def _entry(error: Mapping[str, Any], field: str) -> dict[str, Any]:
    text = str(error[field])
    cut = len(text)
    if cut > SHOWN_CHARACTERS * 1.25:
        cut = text.rfind(" ", SHOWN_CHARACTERS // 2, SHOWN_CHARACTERS) + 1 or SHOWN_CHARACTERS
    facts = [
        ("row", f"{error['row']:,}", ""),
        ("true", error["truth"], ""),
        ("predicted", error["prediction"], "wrong"),
    ]
    if error.get("score") is not None:
        facts.append(("with probability", f"{100 * error['score']:.1f}%", ""))
    facts.append(("squared error" if error.get("score") is None else "loss", f"{error['loss']:.2f}", ""))
    return {"facts": facts, "text": text[:cut], "more": text[cut:]}
