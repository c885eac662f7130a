"""Scores of tagged words against those of seqeval and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import seqeval.metrics
import seqeval.scheme
from sklearn.metrics import accuracy_score, f1_score, log_loss

from toolkit.errors import TrainingError
from toolkit.metrics import tagging
from toolkit.metrics.tagging import Words, confusion, per_kind, per_tag, score, span_errors

NAMES = ("B-LOC", "B-PER", "I-LOC", "I-PER", "O")
LENGTHS = np.array([5, 1, 7, 3, 9, 4, 6, 5] * 4)


@pytest.fixture(scope="module")
def words() -> Words:
    """Random tags that are right more often than not; many against the order of their scheme."""
    generator = np.random.default_rng(0)
    true = generator.integers(0, len(NAMES), LENGTHS.sum())
    logits = generator.normal(size=(len(true), len(NAMES)))
    logits[np.arange(len(true)), true] += 2
    return Words.of(logits, true, LENGTHS)


def test_entities_are_scored_as_seqeval_does(words: Words):
    true, guess = (words.named(tags, NAMES) for tags in (words.true, words.predicted))
    strict = {"mode": "strict", "scheme": seqeval.scheme.IOB2}
    found = score(words, NAMES, "IOB2", resamples=50)
    assert found["span_f1"]["value"] == pytest.approx(seqeval.metrics.f1_score(true, guess, **strict))
    assert found["span_precision"]["value"] == pytest.approx(
        seqeval.metrics.precision_score(true, guess, **strict)
    )
    assert found["span_recall"]["value"] == pytest.approx(seqeval.metrics.recall_score(true, guess, **strict))
    report = seqeval.metrics.classification_report(true, guess, output_dict=True, **strict)
    for row in per_kind(words, NAMES, "IOB2"):
        assert row["f1"] == pytest.approx(report[row["label"]]["f1-score"])
        assert row["support"] == report[row["label"]]["support"]


def test_words_are_scored_as_scikit_learn_does(words: Words):
    found = score(words, NAMES, "plain", resamples=200)
    assert found["tag_accuracy"]["value"] == pytest.approx(accuracy_score(words.true, words.predicted))
    assert found["tag_macro_f1"]["value"] == pytest.approx(
        f1_score(words.true, words.predicted, average="macro")
    )
    assert all(m["low"] < m["value"] < m["high"] for m in found.values())
    each = f1_score(words.true, words.predicted, average=None)
    assert [row["f1"] for row in per_tag(words, NAMES)] == pytest.approx(each.tolist())
    assert np.trace(confusion(words, 5)) == words.right.sum()


def test_the_loss_is_the_mean_over_words():
    logits = np.log(np.array([[0.5, 0.5], [0.9, 0.1], [0.2, 0.8]]))
    words = Words.of(logits, np.array([0, 0, 1]), np.array([1, 2]))
    expected = log_loss([0, 0, 1], np.exp(logits))
    assert score(words, ("a", "b"), "plain", resamples=0)["loss"]["value"] == pytest.approx(expected)


def test_resamples_draw_sentences():
    """A resample that draws whole sentences varies more than one of single words would."""
    lengths = np.full(30, 20)
    right = np.repeat(np.arange(30) % 2, 20)
    words = Words(np.ones(600, np.int64), right, np.zeros(600), lengths)
    measure = score(words, ("a", "b"), "plain")["tag_accuracy"]
    assert measure["high"] - measure["low"] > 0.25


def test_words_that_were_not_read_are_wrong_and_outside():
    logits = np.array([[0.0, 5.0, 0.0], [np.nan] * 3])
    words = Words.of(logits, np.array([1, 1]), np.array([2]))
    assert words.predicted.tolist() == [1, tagging.UNREAD]
    assert score(words, ("I-A", "B-A", "O"), "IOB2", resamples=0)["tag_accuracy"]["value"] == 0.5
    assert score(words, ("I-A", "B-A", "O"), "IOB2", resamples=0)["span_recall"]["value"] == 0.5
    assert words.losses[1] == pytest.approx(np.log(3))
    assert span_errors(words, ("I-A", "B-A", "O"), "IOB2").tolist() == [1]
    assert confusion(words, 3).sum() == 1


def test_outputs_that_are_no_numbers_are_an_error():
    logits = np.array([[0.0, np.nan], [1.0, 2.0]])
    with pytest.raises(TrainingError, match="infinite or NaN"):
        Words.of(logits, np.array([0, 1]), np.array([2]))


def test_types_with_hyphens_have_seqevals_names():
    names = ("B-first-aid", "O")
    words = Words(np.array([0, 1]), np.array([0, 0]), np.zeros(2), np.array([2]))
    (row,) = per_kind(words, names, "IOB2")
    assert (row["label"], row["support"], row["precision"]) == ("first-aid", 1, 0.5)
