from __future__ import annotations

import json

import pytest

from toolkit.data.answers import Answer, AnswerColumns, read_answers, write_answers

CONTEXT = "Ada met Charles in London. Later Ada wrote to Charles."
COLUMNS = AnswerColumns("answers", "answer_start", "context", may_be_empty=False)


def read(answers: object, start: object = None, context: str = CONTEXT) -> list[Answer]:
    return COLUMNS.read(answers, start, context)[0]


@pytest.mark.parametrize(
    ("answers", "start"),
    [
        ({"text": ["London"], "answer_start": [19]}, None),
        ('{"text": ["London"], "answer_start": [19]}', None),
        ([{"text": "London", "answer_start": 19}], None),
        (['{"text": "London", "answer_start": 19}'], None),
        ("London", 19),
        ("London", "19"),
        ("London", 19.0),
        (["London"], [19]),
        (["London"], "[19]"),
        ({"text": "London"}, None),
        (" London ", None),
        ({"text": [" London"], "answer_start": [18]}, None),
    ],
    ids=str,
)
def test_every_form_of_an_answer_is_read(answers: object, start: object) -> None:
    assert read(answers, start) == [Answer("London", 19)]


def test_several_accepted_answers_keep_their_places() -> None:
    found = read({"text": ["Ada", "Ada"], "answer_start": [0, 33]})

    assert found == [Answer("Ada", 0), Answer("Ada", 33)]
    assert read_answers(write_answers(found)) == found


def test_answers_without_a_place_are_counted() -> None:
    assert COLUMNS.read({"text": ["London", "Later"]}, None, CONTEXT)[1] == 2
    assert COLUMNS.read("London", 19, CONTEXT)[1] == 0


def test_an_answer_may_begin_with_a_bracket() -> None:
    assert read("[1] or", None, "see [1] or ask") == [Answer("[1] or", 4)]


@pytest.mark.parametrize(
    ("answers", "start", "said"),
    [
        ("Paris", None, "'Paris' is not in the context: 'Ada met"),
        ("london", None, "is not in the context (but 'London')"),
        ("Ada", None, "2 times in the context: give its answer_start"),
        (
            "London",
            20,
            "answer_start is 20, but the answer is 'London' and there is 'ondon.'; it stands at 19",
        ),
        ("Paris", 19, "there is 'Londo'; it stands nowhere"),
        ("London", 999, "the context has 54 characters"),
        ("London", -1, "not the number of a character"),
        ("London", float("nan"), "not the number of a character"),
        ("London", 1.5, "not the number of a character"),
        ("London", "here", "'here', not a whole number"),
        ({"text": ["London", "Ada"], "answer_start": [19]}, None, "2 answers and 1 places"),
        ({"answer_start": [19]}, None, 'no "text"'),
        ({"text": [" "], "answer_start": [3]}, None, "an answer is empty"),
        ({"text": [7], "answer_start": [3]}, None, "7 is not a text"),
        ("", None, "options.allow_no_answer=true"),
        (None, None, "options.allow_no_answer=true"),
        ({"text": [], "answer_start": []}, None, "options.allow_no_answer=true"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said(answers: object, start: object, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  (its words are looked at below)
        read(answers, start)
    assert said in str(caught.value)


def test_where_answers_may_be_missing_none_is_no_error() -> None:
    columns = AnswerColumns("answers", None, "context", may_be_empty=True)

    assert columns.read({"text": [], "answer_start": []}, None, CONTEXT) == ([], 0)
    assert json.loads(columns.written("", None, CONTEXT)) == {"text": [], "answer_start": []}
