from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from datasets import Dataset
from transformers import AutoTokenizer

from toolkit.data.answers import Answer, write_answers
from toolkit.data.windows import Window, Windowing, write_windows
from toolkit.hub.samples import open_sample

WORDS = [f"word{number}" for number in range(60)]
CONTEXT = " ".join(WORDS)
QUESTION = "which word is it"


@pytest.fixture(scope="module")
def windowing() -> Callable[..., Windowing]:
    folder = open_sample("minilm")

    def make(side: str = "right", **numbers: int) -> Windowing:
        tokenizer = AutoTokenizer.from_pretrained(folder, padding_side=side)
        return Windowing(
            tokenizer, **{"max_length": 48, "doc_stride": 8, "max_question_length": 10, **numbers}
        )

    return make


def covered(window: Window) -> str:
    return CONTEXT[window.begins[0] : window.ends[-1]]


@pytest.mark.parametrize("side", ["right", "left"])
def test_windows_overlap_and_hold_the_whole_context(windowing: Callable[..., Windowing], side: str) -> None:
    make = windowing(side)
    windows = make([QUESTION], [CONTEXT])

    assert len(windows) > 3
    assert all(len(window.ids) <= 48 for window in windows)
    for window, following in pairwise(windows):
        assert list(window.begins[-8:]) == list(following.begins[:8])  # doc_stride tokens are in both
    characters = {
        at
        for one in windows
        for begin, end in zip(one.begins, one.ends, strict=True)
        for at in range(begin, end)
    }
    assert characters >= {at for at, letter in enumerate(CONTEXT) if letter != " "}
    for window in windows:
        tokens = make.tokenizer.decode(window.ids[window.first : window.first + len(window.begins)])
        assert tokens.replace("#", "").replace(" ", "") == covered(window).replace(" ", "")
        assert window.ids[window.null] == make.tokenizer.cls_token_id
        question = make.tokenizer.decode(window.ids, skip_special_tokens=True)
        assert question.startswith(QUESTION) == (side == "right")
        assert question.endswith(QUESTION) == (side == "left")


def test_a_place_is_the_tokens_of_an_answer(windowing: Callable[..., Windowing]) -> None:
    make = windowing()
    windows = make([QUESTION], [CONTEXT])
    answer = Answer("word20 word21", CONTEXT.find("word20"))
    places = [(window, window.place(answer)) for window in windows]

    found = [(window, place) for window, place in places if place]
    assert found
    for window, (start, end) in found:
        assert make.tokenizer.decode(window.ids[start : end + 1]) == "word20 word21"
    assert all("word20 word21" not in covered(window) for window, place in places if not place)


def rows(*answers: list[Answer]) -> Dataset:
    return Dataset.from_dict(
        {
            "question": [QUESTION] * len(answers),
            "context": [CONTEXT] * len(answers),
            "answers": [write_answers(one) for one in answers],
            "row": list(range(1, len(answers) + 1)),
        }
    )


def test_windows_without_the_answer_point_at_the_token_that_classifies(
    windowing: Callable[..., Windowing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))
    written = write_windows(rows([Answer("word3", CONTEXT.find("word3"))], []), windowing())

    starts, sources = written.rows["start_positions"][:], written.rows["source"][:]
    assert starts[0] > 0
    assert not any(starts[1:])
    assert sources == sorted(sources)
    assert set(sources) == {0, 1}
    assert written.ledger.samples == 2
    assert written.ledger.samples_cut == 0
    assert written.window(0).ids == written.rows[0]["input_ids"]


def test_an_answer_that_no_window_holds_is_named(
    windowing: Callable[..., Windowing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))
    written = write_windows(rows([Answer(CONTEXT, 0)], [Answer("word3", CONTEXT.find("word3"))]), windowing())

    assert written.lost.count == 1
    assert written.lost.shown[0].where == "row 1"
    assert "no window" in written.lost.shown[0].message
    assert set(written.rows["row"][:]) == {2}


def test_long_questions_are_cut_and_counted(
    windowing: Callable[..., Windowing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))
    make = windowing(max_question_length=3)
    ((short, tokens),) = make.shortened(["  which word is it, unbelievably  "])

    assert short == "which word is"
    assert tokens > 5
    written = write_windows(rows([Answer("word3", CONTEXT.find("word3"))]), make)
    assert (written.ledger.samples_cut, written.ledger.tokens, written.ledger.tokens_cut) == (1, 4, 1)
    assert written.ledger.limit == 3
