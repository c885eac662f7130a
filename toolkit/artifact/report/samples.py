"""What a model writes after the same prompts, before its training and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolkit.artifact.report.page import ReportSection, render

_EXPLANATION = {
    True: "Questions from held-out conversations, what the model answered before it was trained and after, and what "
    "the data answers. There is more than one good answer; look whether tone and length have become those of the data.",
    False: "The beginnings of held-out texts, how the model went on before it was trained and after, and how they "
    "really go on. It is not expected to guess the words; look whether style and subject are now those of the data.",
}
_CHOSEN = " The likeliest token was taken each time, so that the same prompt always gives the same text."


@dataclass(frozen=True)
class Sample:
    """A prompt from a row of the data with three ways to go on."""

    row: int
    prompt: str
    before: str
    after: str
    truth: str
    ended: bool
    """Whether the trained model ended its text by itself."""


def samples_section(samples: Sequence[Sample], *, chats: bool) -> ReportSection:
    """The prompts, each with the texts below one another.

    Args:
        samples: a few.
        chats: whether prompts are questions.
    """
    html = render("samples.html", samples=samples, nothing="No held-out row is short enough to write after.")
    return ReportSection("What it writes", _EXPLANATION[chats] + _CHOSEN if samples else "", html)
