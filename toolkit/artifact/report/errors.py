"""The predictions that were most wrong, with what was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from toolkit.artifact.examples import to_image
from toolkit.artifact.overlay import enlarged, overlay
from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.pictures import data_uri

SHOWN_CHARACTERS = 600
_LOOK_FOR = {
    False: "irony, missing context, cut texts",
    True: "pictures of several things, odd angles and light, classes that look alike",
}
_COLORS = " Over the grey copy, teal spoke for the predicted label and orange against it."


def errors_section(errors: Sequence[Mapping[str, Any]], *, wrong: int, rows: int) -> ReportSection:
    """The worst errors, worst first.

    Args:
        errors: each with ``row`` in the source, ``input`` (a text, several by role, or a picture as uint8
            (height, width, channels) with its ``heatmap``), ``truth``, ``prediction``, ``score`` (null for regression)
            and ``loss``.
        wrong: how many predictions are wrong in all; 0 for regression, where none is right or wrong.
        rows: how many were made.
    """
    regression = all(error.get("score") is None for error in errors) and bool(errors)
    pictures = any("heatmap" in error for error in errors)
    explanation = (
        "The rows where the prediction is farthest from the true value, farthest first."
        if regression
        else f"{wrong:,} of {rows:,} predictions are wrong. These are the ones to which the model gave its "
        f"true label the least probability, worst first. Look for wrong labels in the data, {_LOOK_FOR[pictures]}."
    )
    entries = [_entry(error) for error in errors]
    html = render("errors.html", errors=entries, nothing="No prediction on these rows is wrong.")
    return ReportSection("Worst errors", explanation + (_COLORS if pictures else "") if errors else "", html)


def _entry(error: Mapping[str, Any]) -> dict[str, Any]:
    facts = [
        ("row", f"{error['row']:,}", ""),
        ("true", error["truth"], ""),
        ("predicted", error["prediction"], "wrong"),
    ]
    if error.get("score") is not None:
        facts.append(("with probability", f"{100 * error['score']:.1f}%", ""))
    facts.append(("squared error" if error.get("score") is None else "loss", f"{error['loss']:.2f}", ""))
    return {"facts": facts, **(_pictures(error) if "heatmap" in error else _text(written(error["input"])))}


def written(value: Any) -> str:
    """An input as a text: several texts below each other."""
    return "\n".join(map(str, value.values())) if isinstance(value, Mapping) else str(value)


def _text(text: str) -> dict[str, Any]:
    cut = len(text)
    if cut > SHOWN_CHARACTERS * 1.25:
        cut = text.rfind(" ", SHOWN_CHARACTERS // 2, SHOWN_CHARACTERS) + 1 or SHOWN_CHARACTERS
    return {"text": text[:cut], "more": text[cut:], "pictures": []}


def _pictures(error: Mapping[str, Any]) -> dict[str, Any]:
    picture = to_image(error["input"])
    shown = [(data_uri(enlarged(picture)), "the picture")]
    if error["heatmap"] is not None:
        shown.append((data_uri(overlay(picture, error["heatmap"])), "what spoke for the predicted label"))
    return {"text": "", "more": "", "pictures": shown}
