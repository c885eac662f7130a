from __future__ import annotations

import numpy as np
import pytest

from toolkit.data.answers import Answer
from toolkit.data.windows import Window
from toolkit.tasks.answer_decoding import CANDIDATES, Choosing, choose, choose_all

CONTEXT = "one two three four five"
BEGINS, ENDS = (0, 4, 8, 14, 19), (3, 7, 13, 18, 23)


def window(first: int, begins: tuple[int, ...], ends: tuple[int, ...], source: int = 0) -> Window:
    """A classifying token, ``first`` - 2 of a question, a separator, the context's, and a separator."""
    length = first + len(begins) + 1
    return Window(source, [0] * length, [], 0, first, begins, ends)


def flat(length: int) -> np.ndarray:
    return np.zeros((2, length), np.float32)


def test_the_best_span_is_the_best_of_all_allowed() -> None:
    one, choosing = window(3, BEGINS, ENDS), Choosing(max_answer_length=3)
    for seed in range(20):
        logits = np.random.default_rng(seed).normal(size=(2, 9)).astype(np.float32)
        sums = {
            (start, end): float(logits[0, 3 + start]) + float(logits[1, 3 + end])
            for start in range(5)
            for end in range(start, min(5, start + 3))
        }
        start, end = max(sums, key=sums.__getitem__)
        choice = choose(CONTEXT, [one], [logits], choosing)

        assert choice.answer == Answer(CONTEXT[BEGINS[start] : ENDS[end]], BEGINS[start])
        shares = np.exp(list(sums.values()))
        assert len(sums) <= CANDIDATES
        assert choice.score == pytest.approx(shares.max() / shares.sum())


def test_nothing_outside_the_context_and_nothing_backwards_is_an_answer() -> None:
    one, logits = window(3, BEGINS, ENDS), flat(9)
    logits[:, [0, 1, 2, 8]] = 50.0  # the question and the separators
    logits[0, 6], logits[1, 4] = 5.0, 5.0  # ends before it begins
    choice = choose(CONTEXT, [one], [logits], Choosing())

    assert choice.answer
    assert choice.answer.text in CONTEXT
    assert choice.answer.start <= 14


def test_an_answer_is_no_longer_than_allowed() -> None:
    one, logits = window(3, BEGINS, ENDS), flat(9)
    logits[0, 3], logits[1, 7] = 9.0, 9.0
    short = choose(CONTEXT, [one], [logits], Choosing(max_answer_length=2)).answer
    whole = choose(CONTEXT, [one], [logits], Choosing(max_answer_length=5)).answer

    assert short
    assert len(short.text.split()) <= 2
    assert whole == Answer(CONTEXT, 0)


def test_the_best_of_several_windows_is_taken_and_counted_once() -> None:
    one, two = window(3, BEGINS[:3], ENDS[:3]), window(3, BEGINS[2:], ENDS[2:])
    low, high = flat(7), flat(7)
    low[:, 5], high[:, 3] = 2.0, 3.0  # "three", in both of them
    choice = choose(CONTEXT, [one, two], [low, high], Choosing(max_answer_length=1, allow_no_answer=True))

    assert choice.answer == Answer("three", 8)
    shares = np.exp([6.0, 0.0, 0.0, 0.0, 0.0, 0.0])  # five words and no answer
    assert choice.score == pytest.approx(shares[0] / shares.sum())
    assert choice.doubt == pytest.approx(-6)


def test_no_answer_is_as_likely_as_in_the_window_that_doubts_it_most() -> None:
    one, two = window(3, BEGINS[:3], ENDS[:3]), window(3, BEGINS[2:], ENDS[2:])
    sure, unsure = flat(7), flat(7)
    sure[:, 0], unsure[:, 0], unsure[:, 3] = 9.0, 1.0, 2.0
    allowed = Choosing(allow_no_answer=True)

    assert choose(CONTEXT, [one, two], [sure, unsure], allowed).prediction(allowed)["answer"] == "three"
    none = choose(CONTEXT, [one], [sure], allowed).prediction(allowed)
    assert (none["label"], none["answer"], none["start"], none["end"]) == ("no answer", "", 0, 0)
    assert none["score"] == none["no_answer_score"] > 0.9
    strict = Choosing(allow_no_answer=True, no_answer_threshold=20.0)
    assert choose(CONTEXT, [one], [sure], strict).prediction(strict)["answer"]
    never = Choosing()
    assert "no_answer_score" not in choose(CONTEXT, [one], [sure], never).prediction(never)


def test_spaces_that_tokens_begin_with_are_no_part_of_an_answer() -> None:
    one, logits = window(3, (0, 3, 7), (3, 7, 13)), flat(7)
    logits[:, 4] = 5.0

    assert choose(CONTEXT, [one], [logits], Choosing()).answer == Answer("two", 4)


def test_a_context_without_tokens_has_no_answer() -> None:
    found = choose_all(
        ["\u200b", CONTEXT],
        [window(3, (), (), 0), window(3, BEGINS, ENDS, 1)],
        [flat(4), flat(9)],
        Choosing(),
    )

    assert found[0].prediction(Choosing())["label"] == "no answer"
    assert found[1].answer
