"""Sentences with the tags of their words, or with the entities that these mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolkit.artifact.overlay import class_colors
from toolkit.artifact.report.page import ReportSection, render

MOST_PIECES = 80
"""Pieces of a sentence that are shown."""


@dataclass(frozen=True)
class Piece:
    """Some words of a sentence, with their tag or the type of the entity they are; ``wrong`` ones are underlined."""

    text: str
    tag: str = ""
    wrong: bool = False


@dataclass(frozen=True)
class TaggedSentence:
    """A sentence as it is and as it was predicted."""

    title: str
    true: Sequence[Piece]
    predicted: Sequence[Piece]


def tagged_section(sentences: Sequence[TaggedSentence], kinds: Sequence[str], noun: str) -> ReportSection:
    """Sentences with their true tags above the predicted ones, worst first.

    Args:
        sentences: what to show; none where nothing is wrong.
        kinds: the tags, or types of entities, each of which has its colour.
        noun: what is coloured, in the plural.
    """
    explanation = (
        f"The sentences with the most wrong {noun}, worst first: the true {noun} above the predicted ones. What is "
        "wrong is underlined. Look for mistakes in the data, and for rules that its annotators did not share."
    )
    colors = ["rgb({}, {}, {})".format(*color) for color in class_colors(len(kinds))]
    by_kind = dict(zip(kinds, colors, strict=True))
    shown = [
        {
            "title": one.title,
            "lines": [("true", _pieces(one.true, by_kind)), ("predicted", _pieces(one.predicted, by_kind))],
        }
        for one in sentences
    ]
    html = render("tagged.html", shown=shown, nothing="No prediction on these sentences is wrong.")
    return ReportSection("Worst sentences", explanation if sentences else "", html)


def _pieces(pieces: Sequence[Piece], colors: dict[str, str]) -> list[dict[str, Any]]:
    made = [
        {"text": one.text, "tag": one.tag, "wrong": one.wrong, "color": colors.get(one.tag, "transparent")}
        for one in pieces[:MOST_PIECES]
    ]
    return (
        [*made, {"text": "…", "tag": "", "wrong": False, "color": ""}] if len(pieces) > MOST_PIECES else made
    )
