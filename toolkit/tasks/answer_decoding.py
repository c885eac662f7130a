"""From logits of the tokens of windows to the best answer in a context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from toolkit.data.answers import Answer
from toolkit.data.windows import Window

CANDIDATES = 20
"""Spans among which the probability of an answer is shared, as in transformers' ``run_qa.py``."""
NO_ANSWER = "no answer"
"""The label of a question that the context does not answer."""


@dataclass(frozen=True)
class Choosing:
    """Which spans may be answers.

    Args:
        max_answer_length: tokens of an answer at most.
        allow_no_answer: whether it may be said that there is none.
        no_answer_threshold: by how much no answer must be likelier than the best one, in logits.
    """

    max_answer_length: int = 30
    allow_no_answer: bool = False
    no_answer_threshold: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """As JSON data."""
        return asdict(self)


@dataclass(frozen=True)
class Choice:
    """What the windows of one question say.

    ``answer`` is the best span whether or not there is said to be none, and None where no token of the context can be
    read; ``doubt`` is by how much no answer is likelier, in logits; scores are probabilities.
    """

    answer: Answer | None
    score: float
    doubt: float
    no_answer_score: float

    def unanswered(self, choosing: Choosing) -> bool:
        """Whether there is said to be no answer."""
        return self.answer is None or (choosing.allow_no_answer and self.doubt > choosing.no_answer_threshold)

    def text(self, choosing: Choosing) -> str:
        """What is answered; empty for no answer."""
        return "" if self.answer is None or self.unanswered(choosing) else self.answer.text

    def prediction(self, choosing: Choosing) -> dict[str, Any]:
        """As JSON data: the answer, its first character and the one behind its last, and its probability."""
        none = self.unanswered(choosing)
        answer = Answer("", 0) if none or self.answer is None else self.answer
        prediction = {
            "label": answer.text or NO_ANSWER,
            "answer": answer.text,
            "start": answer.start,
            "end": answer.end,
            "score": self.no_answer_score if none else self.score,
        }
        return prediction | ({"no_answer_score": self.no_answer_score} if choosing.allow_no_answer else {})


def choose(
    context: str, windows: Sequence[Window], logits: Sequence[np.ndarray], choosing: Choosing
) -> Choice:
    """The likeliest span of a context.

    A span's likelihood is the sum of the logits of its first and its last token; of a span that several windows hold
    the highest counts, of no answer the lowest (Devlin et al. 2019, arXiv:1810.04805, section 4.3). Probabilities are
    a softmax over the ``CANDIDATES`` likeliest spans and, where it may be said, no answer.

    Args:
        context: the text.
        windows: of this question.
        logits: (2, tokens) of starts and ends for each window.
        choosing: which spans may be answers.
    """
    found: dict[Answer, float] = {}
    null = np.inf
    for window, (starts, ends) in zip(windows, logits, strict=True):
        null = min(null, float(starts[window.null] + ends[window.null]))
        for begin, end, sum_ in _spans(window, starts, ends, choosing.max_answer_length):
            answer = _trimmed(context, begin, end)
            if answer.text:
                found[answer] = max(sum_, found.get(answer, -np.inf))
    if not found:
        return Choice(None, 0.0, np.inf, 1.0)
    best = sorted(found, key=lambda answer: (-found[answer], answer.start, answer.end))[:CANDIDATES]
    sums = np.array([found[answer] for answer in best] + ([null] if choosing.allow_no_answer else []))
    shares = np.exp(sums - sums.max())
    shares /= shares.sum()
    none = float(shares[-1]) if choosing.allow_no_answer else 0.0
    return Choice(best[0], float(shares[0]), null - found[best[0]], none)


def _spans(
    window: Window, starts: np.ndarray, ends: np.ndarray, longest: int
) -> list[tuple[int, int, float]]:
    """The likeliest spans within the context of a window: first character, the one behind the last, and sum."""
    count = len(window.begins)
    if not count:
        return []
    inside = slice(window.first, window.first + count)
    longest = min(longest, count)
    padded = np.concatenate([np.asarray(ends[inside], np.float64), np.full(longest - 1, -np.inf)])
    sums = np.asarray(starts[inside], np.float64)[:, None]
    sums = sums + np.lib.stride_tricks.sliding_window_view(padded, longest)
    flat = sums.ravel()  # span (token, tokens more) at token * longest + tokens more
    kept = min(CANDIDATES, len(flat))
    top = np.argpartition(-flat, kept - 1)[:kept]
    return [
        (window.begins[at // longest], window.ends[at // longest + at % longest], float(flat[at]))
        for at in top.tolist()
        if np.isfinite(flat[at])
    ]


def _trimmed(context: str, begin: int, end: int) -> Answer:
    """A span without the spaces that some tokens begin with."""
    text = context[begin:end]
    return Answer(text.strip(), begin + len(text) - len(text.lstrip()))


def choose_all(
    contexts: Sequence[str], windows: Sequence[Window], logits: Sequence[np.ndarray], choosing: Choosing
) -> list[Choice]:
    """The choice for each context; ``source`` of a window says which one it is of."""
    own: Mapping[int, list[int]] = {at: [] for at in range(len(contexts))}
    for number, window in enumerate(windows):
        own[window.source].append(number)
    return [
        choose(contexts[at], [windows[n] for n in numbers], [logits[n] for n in numbers], choosing)
        for at, numbers in own.items()
    ]
