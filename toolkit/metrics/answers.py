"""How well answers agree with the true ones, as SQuAD defines it (Rajpurkar et al. 2016, arXiv:1606.05250)."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

import numpy as np

from toolkit.metrics.measure import (
    RESAMPLES,
    Floats,
    Measure,
    Statistic,
    bootstrap,
    exact_if_unanimous,
    mean_of,
)

NAMES = ("f1", "exact_match")
"""What is measured of every question, the headline first."""
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalise(text: str) -> str:
    """An answer without case, punctuation, articles and superfluous spaces."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, truths: Sequence[str]) -> float:
    """1 where the normalised answer is one of the true ones; an empty answer says that there is none."""
    return float(any(normalise(answer) == normalise(truth) for truth in truths or [""]))


def f1(answer: str, truths: Sequence[str]) -> float:
    """F1 of the words shared with the true answer that is most like it; 0 or 1 where either has no words."""
    return max(_overlap(normalise(answer).split(), normalise(truth).split()) for truth in truths or [""])


def _overlap(given: list[str], true: list[str]) -> float:
    if not given or not true:
        return float(given == true)
    shared = sum((Counter(given) & Counter(true)).values())
    return 2 * shared / (len(given) + len(true))  # the harmonic mean of shared / given and shared / true


def score(
    answers: Sequence[str],
    truths: Sequence[Sequence[str]],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Measure]:
    """F1 and exact match with intervals over questions.

    Where some questions have no answer also ``answerable_f1``, of the others alone, and ``no_answer_accuracy``, the
    share of them that were left unanswered (Rajpurkar et al. 2018, arXiv:1806.03822).

    Args:
        answers: given ones; empty for none.
        truths: the accepted answers of each question; none where it has no answer.
        resamples: of the bootstrap; 0 gives values alone.
        seed: of its draws.
    """
    pairs = list(zip(answers, truths, strict=True))
    shares = {
        "f1": np.array([f1(*pair) for pair in pairs]),
        "exact_match": np.array([exact_match(*pair) for pair in pairs]),
    }
    empty = np.array([not true for true in truths], bool)
    statistics = {name: mean_of(values) for name, values in shares.items()}
    if empty.any():
        statistics["answerable_f1"] = _mean_where(shares["f1"], ~empty)
        statistics["no_answer_accuracy"] = _mean_where(shares["exact_match"], empty)
    measures = bootstrap(statistics, len(pairs), resamples=resamples, seed=seed)
    counts = {"answerable_f1": int((~empty).sum()), "no_answer_accuracy": int(empty.sum())}
    return {
        name: exact_if_unanimous(measure, counts.get(name, len(pairs))) for name, measure in measures.items()
    }


def _mean_where(values: Floats, chosen: np.ndarray) -> Statistic:
    held = chosen.astype(np.float64)

    def statistic(weights: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (weights @ (values * held)) / (weights @ held)

    return statistic


def best_threshold(doubts: Floats, answers: Sequence[str], truths: Sequence[Sequence[str]]) -> float:
    """The doubt from which saying that there is no answer gives the best F1 (as SQuAD 2.0's own evaluation finds it).

    Args:
        doubts: (questions,) by how much no answer is likelier than the best one; finite.
        answers: the best ones.
        truths: the accepted answers of each question.
    """
    order = np.argsort(doubts, kind="stable")
    gains = [f1(answers[at], truths[at]) - float(not truths[at]) for at in map(int, order)]
    kept = int(np.argmax(np.concatenate([[0.0], np.cumsum(gains)])))
    ordered = np.concatenate([[doubts[order[0]] - 2], doubts[order], [doubts[order[-1]] + 2]])
    return float((ordered[kept] + ordered[kept + 1]) / 2)
