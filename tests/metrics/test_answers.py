from __future__ import annotations

import numpy as np
import pytest

from toolkit.metrics.answers import best_threshold, exact_match, f1, normalise, score


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("The Eiffel  Tower!", "eiffel tower"),
        ("a.b.c.", "abc"),
        ("An apple, the pear", "apple pear"),
        ("The", ""),
    ],
)
def test_case_punctuation_articles_and_spaces_do_not_count(text: str, plain: str) -> None:
    assert normalise(text) == plain


def test_the_nearest_of_several_answers_counts() -> None:
    truths = ["the year 1912", "1912"]

    assert exact_match("1912.", truths) == 1
    assert exact_match("in 1912", truths) == 0
    assert f1("in 1912", truths) == pytest.approx(2 / 3)  # one word of two, all of the only true one
    assert f1("in the year 1912", ["the year 1912"]) == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))


def test_repeated_words_are_shared_as_often_as_both_have_them() -> None:
    assert f1("very very good", ["very good"]) == pytest.approx(2 * (2 / 3) * 1 / (2 / 3 + 1))
    assert f1("bad", ["good"]) == 0


def test_no_answer_is_right_where_there_is_none() -> None:
    assert (f1("", []), exact_match("", [])) == (1, 1)
    assert (f1("something", []), exact_match("something", [])) == (0, 0)
    assert (f1("", ["something"]), exact_match("", ["something"])) == (0, 0)


def test_questions_without_answers_have_figures_of_their_own() -> None:
    answers, truths = ["Ada", "Rome", "", "x"], [["Ada"], ["Paris"], [], []]
    scores = score(answers, truths, resamples=0)

    assert scores["f1"]["value"] == scores["exact_match"]["value"] == 0.5
    assert scores["answerable_f1"]["value"] == 0.5
    assert scores["no_answer_accuracy"]["value"] == 0.5
    assert list(score(answers[:2], truths[:2])) == ["f1", "exact_match"]


def test_intervals_hold_the_value() -> None:
    measure = score(["Ada", "Rome"] * 20, [["Ada"], ["Paris"]] * 20)["f1"]

    assert measure["low"] is not None
    assert measure["high"] is not None
    assert measure["low"] < measure["value"] < measure["high"]


def test_the_threshold_is_the_best_of_all() -> None:
    random = np.random.default_rng(0)
    truths = [["Ada"] if known else [] for known in random.random(60) < 0.6]
    answers = ["Ada" if right else "Rome" for right in random.random(60) < 0.8]
    doubts = random.normal([0.0 if truth else 1.0 for truth in truths])

    def quality(threshold: float) -> float:
        given = ["" if doubt > threshold else text for doubt, text in zip(doubts, answers, strict=True)]
        return score(given, truths, resamples=0)["f1"]["value"] or 0.0

    found = quality(best_threshold(doubts, answers, truths))
    assert found == max(quality(threshold) for threshold in [*doubts - 1e-9, *doubts])
    assert best_threshold(np.array([2.0]), ["Ada"], [["Ada"]]) > 2
    assert best_threshold(np.array([2.0]), ["Ada"], [[]]) < 2
