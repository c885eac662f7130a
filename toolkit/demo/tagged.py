"""A tagged text as spans with colours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from toolkit.artifact.overlay import PALETTE
from toolkit.demo.explain import NOT_READ, NOT_READ_COLOR, Span
from toolkit.tasks.protocol import Prediction

Marked = tuple[int, int, str]
"""Where a span begins and ends, in characters, and what it is."""


def spans_of(prediction: Prediction) -> tuple[list[Span], dict[str, str]]:
    """The whole text as spans, each with its tag or the type of its entity or None, and a colour for each of these.

    Words that the model did not read are told so.
    """
    marked = sorted([*_found(prediction), *_unread(prediction)])
    kinds = sorted({kind for _, _, kind in marked if kind != NOT_READ})
    colors = {kind: PALETTE[number % len(PALETTE)] for number, kind in enumerate(kinds)}
    return list(_cut(prediction["text"], marked)), colors | NOT_READ_COLOR


def _found(prediction: Prediction) -> Iterable[Marked]:
    if "entities" in prediction:
        return ((one["start"], one["end"], one["label"]) for one in prediction["entities"])
    words = zip(prediction["spans"], prediction["tags"], strict=True)
    return ((start, end, tag) for (start, end), tag in words if tag is not None)


def _unread(prediction: Prediction) -> Iterator[Marked]:
    for (start, end), tag in zip(prediction["spans"], prediction["tags"], strict=True):
        if tag is None:
            yield start, end, NOT_READ


def _cut(text: str, marked: Iterable[Marked]) -> Iterator[Span]:
    at = 0
    for start, end, kind in marked:
        if start > at:
            yield text[at:start], None
        yield text[start:end], kind
        at = end
    if at < len(text):
        yield text[at:], None
