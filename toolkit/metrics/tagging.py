"""Scores of tagged words and of the entities they mark, each with a 95% interval over sentences.

Every score is a function of counts that add up over sentences, so that a resample is a weighted sum of them. Entities
are taken from the tags by seqeval in its strict mode (Nakayama 2018), which is the measure of CoNLL for tags that keep
the order of their scheme, and leaves out those that do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array

from toolkit.errors import MissingExtraError, TrainingError
from toolkit.metrics.classification import ClassRow, mean_f1
from toolkit.metrics.measure import RESAMPLES, Floats, Measure, Statistic, bootstrap

UNREAD = -1
"""The predicted tag of a word that the model did not read."""
OUTSIDE = "O"
PLAIN = ("tag_accuracy", "tag_macro_f1", "loss")
SPANS = ("span_f1", "span_precision", "span_recall", "tag_accuracy", "loss")


def metric_names(scheme: str) -> tuple[str, ...]:
    """The metrics of tags of a scheme, as seqeval calls it, or of ``plain`` ones."""
    return PLAIN if scheme == "plain" else SPANS


@dataclass(frozen=True)
class Words:
    """All words of some sentences, one after the other.

    ``true`` and ``predicted`` are tag numbers (words,), ``losses`` are in nats (words,), ``lengths`` the words of each
    sentence (sentences,).
    """

    true: NDArray[np.int64]
    predicted: NDArray[np.int64]
    losses: Floats
    lengths: NDArray[np.int64]

    @classmethod
    def of(cls, logits: NDArray[np.generic], true: NDArray[np.int64], lengths: NDArray[np.int64]) -> Words:
        """Words from their logits (words, tags); a row of NaN belongs to a word that was not read.

        Raises:
            TrainingError: the model's outputs are not all finite.
        """
        scores = np.asarray(logits, dtype=np.float64)
        unread = np.asarray(np.isnan(scores).all(axis=1))
        if not np.isfinite(scores[~unread]).all():
            raise TrainingError(
                "the model gives infinite or NaN outputs; lower train.learning_rate or set train.mixed_precision=no"
            )
        # Nothing is known of a word that was not read: every tag is as likely as another.
        scores = np.where(unread[:, None], 0.0, scores)
        shifted = scores - scores.max(axis=1, keepdims=True)
        losses = np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(true)), true]
        return cls(true, np.where(unread, UNREAD, scores.argmax(axis=1)), losses, lengths)

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each word got its tag."""
        return self.true == self.predicted

    @property
    def sentences(self) -> NDArray[np.int64]:
        """The sentence of each word."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def by_sentence(self, values: NDArray[np.generic]) -> Floats:
        """Sums of a value of each word, (sentences,)."""
        sums = np.bincount(self.sentences, np.asarray(values, np.float64), minlength=len(self.lengths))
        return np.asarray(sums, np.float64)

    def named(self, numbers: NDArray[np.int64], names: Sequence[str]) -> list[list[str]]:
        """The tags of each sentence by name; O where a word was not read."""
        words = [names[int(number)] if number >= 0 else OUTSIDE for number in numbers]
        ends = [0, *(int(end) for end in np.cumsum(self.lengths))]
        return [words[start:end] for start, end in pairwise(ends)]


def score(
    words: Words, names: Sequence[str], scheme: str, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Measure]:
    """Every metric of tagged sentences.

    Args:
        words: of all sentences.
        names: the tags by number.
        scheme: seqeval's name of what the tags mark, or ``plain``.
        seed: of the bootstrap, which draws sentences.
        resamples: 0 gives values without intervals, as an evaluation during training needs.

    Raises:
        MissingExtraError: entities are to be measured, and seqeval is not installed.
    """
    statistics = _of_words(words, len(names))
    if scheme != "plain":
        statistics |= _of_spans(span_counts(words, names, scheme).sum(axis=2))
    return bootstrap(
        {name: statistics[name] for name in metric_names(scheme)},
        len(words.lengths),
        seed=seed,
        resamples=resamples,
    )


def _of_words(words: Words, tags: int) -> dict[str, Statistic]:
    right, losses = words.by_sentence(words.right), words.by_sentence(words.losses)
    lengths = words.lengths.astype(np.float64)
    hit, true, guess = _tag_counts(words, tags)
    return {
        "tag_accuracy": lambda weights: (weights @ right) / (weights @ lengths),
        "tag_macro_f1": lambda weights: mean_f1(weights @ hit, weights @ true, weights @ guess),
        "loss": lambda weights: (weights @ losses) / (weights @ lengths),
    }


def _tag_counts(words: Words, tags: int) -> tuple[csr_array, csr_array, csr_array]:
    """Words that are right, true and predicted of each tag, each (sentences, tags)."""
    read = words.predicted >= 0

    def count(numbers: NDArray[np.int64], which: NDArray[np.bool_]) -> csr_array:
        ones = np.ones(int(which.sum()))
        cells = words.sentences[which], numbers[which]
        return coo_array((ones, cells), shape=(len(words.lengths), tags)).tocsr()

    everywhere = np.ones(len(words.true), bool)
    return count(words.true, words.right), count(words.true, everywhere), count(words.predicted, read)


def _of_spans(counts: Floats) -> dict[str, Statistic]:
    """From how many entities of each sentence are right, true and predicted, (3, sentences)."""

    def share(above: Floats, below: Floats) -> Floats:
        return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)

    right, true, guess = counts
    return {
        "span_f1": lambda weights: share(2 * (weights @ right), weights @ true + weights @ guess),
        "span_precision": lambda weights: share(weights @ right, weights @ guess),
        "span_recall": lambda weights: share(weights @ right, weights @ true),
    }


def span_kinds(names: Sequence[str]) -> list[str]:
    """The types of entities that tags mark, by the alphabet."""
    return sorted({name[1:].strip("-") or "_" for name in names if name != OUTSIDE})  # as seqeval names them


def span_counts(words: Words, names: Sequence[str], scheme: str) -> Floats:
    """Entities that are right, true and predicted, by sentence and type: (3, sentences, types)."""
    numbers = {kind: number for number, kind in enumerate(span_kinds(names))}
    true, guess = (_entities(words.named(tags, names), scheme) for tags in (words.true, words.predicted))
    counts = np.zeros((3, len(words.lengths), len(numbers)))
    for at, (there, found) in enumerate(zip(true, guess, strict=True)):
        for place, entities in enumerate((there & found, there, found)):
            for kind, _, _ in entities:
                counts[place, at, numbers[kind]] += 1
    return counts


def _entities(sentences: list[list[str]], scheme: str) -> list[set[tuple[str, int, int]]]:
    """Type, first word and the word after the last one of every entity of each sentence."""
    schemes = _seqeval()
    found = schemes.Entities(sentences, getattr(schemes, scheme))
    return [{(one.tag, one.start, one.end) for one in entities} for entities in found.entities]


def require_seqeval(scheme: str) -> None:
    """Find out before training whether tags of a scheme can be measured.

    Raises:
        MissingExtraError: they cannot.
    """
    if scheme != "plain":
        _seqeval()


def _seqeval() -> Any:
    try:
        import seqeval.scheme
    except ImportError as error:
        raise MissingExtraError("measures of entities", "nlp") from error
    return seqeval.scheme


def per_tag(words: Words, names: Sequence[str]) -> list[ClassRow]:
    """Precision, recall and F1 of each tag over all words, in the order of ``names``."""
    hit, true, guess = (np.asarray(counts.sum(axis=0)).ravel() for counts in _tag_counts(words, len(names)))
    return _rows(names, hit, true, guess)


def per_kind(words: Words, names: Sequence[str], scheme: str) -> list[ClassRow]:
    """Precision, recall and F1 of each type of entity."""
    right, true, guess = span_counts(words, names, scheme).sum(axis=1)
    return _rows(span_kinds(names), right, true, guess)


def _rows(names: Sequence[str], hit: Floats, true: Floats, guess: Floats) -> list[ClassRow]:
    def share(above: float, below: float) -> float | None:
        return float(above / below) if below else None

    return [
        {
            "label": name,
            "precision": share(hit[at], guess[at]),
            "recall": share(hit[at], true[at]),
            "f1": share(2 * hit[at], true[at] + guess[at]),
            "support": int(true[at]),
        }
        for at, name in enumerate(names)
    ]


def confusion(words: Words, tags: int) -> NDArray[np.int64]:
    """How often words of each true tag got which: (true, predicted), of the words that were read."""
    read = words.predicted >= 0
    cells = words.true[read] * tags + words.predicted[read]
    return np.bincount(cells, minlength=tags**2).reshape(tags, tags).astype(np.int64)


def span_errors(words: Words, names: Sequence[str], scheme: str) -> Floats:
    """Entities of each sentence that are missed or wrongly marked, (sentences,)."""
    right, true, guess = span_counts(words, names, scheme).sum(axis=2)
    return true + guess - 2 * right
