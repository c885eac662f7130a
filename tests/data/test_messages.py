from __future__ import annotations

import json

import pytest

from tests.tasks.writers import conversation
from toolkit.data.messages import complaint, problem_in, read_messages, written


def test_messages_are_read_from_objects_from_json_and_from_lists_of_json() -> None:
    messages = conversation("hello", "hello yourself", system="be kind")

    assert read_messages(messages) == messages
    assert read_messages(json.dumps(messages)) == messages
    assert read_messages([json.dumps(message) for message in messages]) == messages
    assert read_messages(written(messages)) == messages


def test_the_words_of_sharegpt_are_understood() -> None:
    given = [
        {"from": "system", "value": "be kind"},
        {"from": "human", "value": "hello"},
        {"from": "gpt", "value": "hi"},
    ]

    assert read_messages(given) == conversation("hello", "hi", system="be kind")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "not a list of messages"),
        ([], "not a list of messages"),
        ("hello", "not JSON: 'hello'"),
        (["hello"], "not JSON: 'hello'"),
        ([1], "message 1 is no object"),
        ([{"role": "tool", "content": "7"}], "message 1 has the role 'tool'"),
        (conversation("hello", ""), "message 2: the answer is empty"),
        (conversation(" ", "hi"), "message 1: the content of the user is empty"),
        ([{"role": "user", "content": 7}], "message 1: the content of the user is empty"),
        ([conversation("a")[0]] * 2, "message 2 is of the user where one of the assistant is due"),
        (conversation("a", "b", "c"), "the last message is of the user, not of the assistant"),
        (conversation(system="be kind"), "the last message is of the system"),
        ([*conversation("a"), {"role": "system", "content": "b"}], "message 2 is of the system"),
    ],
)
def test_what_is_wrong_with_a_conversation_is_said(given: object, said: str) -> None:
    assert said in str(problem_in(given))


def test_a_conversation_to_be_answered_ends_with_a_question() -> None:
    assert complaint(conversation("a"), answered=False) is None
    assert (
        complaint(conversation("a", "b"), answered=False)
        == "the last message is of the assistant, not of the user"
    )
    assert problem_in(conversation("a", "b", "c", "d", system="e")) is None
