"""Questions with their true and their given answers marked in the text they were read from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from toolkit.artifact.report.page import ReportSection, render

AROUND = 160
"""Characters shown before and behind a marked answer."""
Piece = tuple[str, str]
"""A part of a text, and how it is marked: ``true``, ``given``, ``both``, or not at all."""


@dataclass(frozen=True)
class Answered:
    """A question from a row of the data; answers are characters of the context: the first and the one behind the last.

    ``true`` is None where the context does not answer it, ``given`` where the model says so.
    """

    row: int
    question: str
    context: str
    true: tuple[int, int] | None
    given: tuple[int, int] | None
    score: float
    f1: float


def answers_section(
    worst: Sequence[Answered], examples: Sequence[Answered], *, wrong: int, questions: int
) -> ReportSection:
    """The surest wrong answers, and some answers as they come.

    Args:
        worst: wrong answers, surest first.
        examples: drawn at random.
        wrong: how many answers have nothing in common with a true one.
        questions: how many were asked.
    """
    explanation = (
        f"{wrong:,} of {questions:,} answers share no word with a true one. First those of them that the model was "
        "surest of: look for questions with two answers, true answers that are marked wrongly, names near by. "
        "Then some questions drawn at random."
    )
    html = render(
        "answers.html",
        groups=[("Surest errors", _entries(worst)), ("Drawn at random", _entries(examples))],
        nothing="None.",
    )
    return ReportSection("Answers", explanation, html)


def _entries(answered: Sequence[Answered]) -> list[dict[str, object]]:
    return [
        {
            "row": one.row,
            "question": one.question,
            "score": one.score,
            "f1": one.f1,
            "pieces": list(excerpt(one.context, one.true, one.given)),
            "unanswerable": one.true is None,
            "unanswered": one.given is None,
        }
        for one in answered
    ]


def excerpt(
    context: str, true: tuple[int, int] | None, given: tuple[int, int] | None, around: int = AROUND
) -> Iterator[Piece]:
    """The parts of a context that hold the answers, with ``…`` for what is left out."""
    spans = [span for span in (true, given) if span]
    shown = _shown(len(context), spans, around)
    edges = {0, len(context), *(edge for span in (*spans, *shown) for edge in span)}
    skipped = False
    for begin, end in pairwise(sorted(edges)):
        if not any(low <= begin < high for low, high in shown):
            skipped = True
            continue
        mark = _mark(_holds(true, begin), _holds(given, begin))
        yield ("… " if skipped else "") + context[begin:end], mark
        skipped = False
    if skipped:
        yield " …", ""


def _shown(length: int, spans: Sequence[tuple[int, int]], around: int) -> list[tuple[int, int]]:
    """What is shown: around each answer, or the beginning where there is none."""
    wanted = [(max(0, begin - around), min(length, end + around)) for begin, end in spans]
    return wanted or [(0, min(length, 2 * around))]


def _holds(span: tuple[int, int] | None, at: int) -> bool:
    return span is not None and span[0] <= at < span[1]


def _mark(true: bool, given: bool) -> str:
    return "both" if true and given else "true" if true else "given" if given else ""
