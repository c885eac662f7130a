"""Conversations as rows hold them, read and checked: messages with a role and a content."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from toolkit.errors import did_you_mean

Message = dict[str, str]
"""``role`` and ``content``, as chat templates take them."""

ROLES = ("system", "user", "assistant")
_SPEAKERS = {"human": "user", "gpt": "assistant", "system": "system"}
"""Roles in the words of ShareGPT, whose messages say ``from`` and ``value``."""


def read_messages(cell: Any) -> list[Message]:
    """The messages of one cell: a list of objects, each of which, or the whole, may be written as JSON.

    Raises:
        ValueError: what is wrong with it.
    """
    value = _parsed(cell)
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise ValueError('not a list of messages such as {"role": "user", "content": "…"}')
    return [_message(number, _parsed(part)) for number, part in enumerate(cast(Sequence[Any], value), 1)]


def _parsed(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(f"not JSON: {value[:40]!r}") from None


def _message(number: int, value: Any) -> Message:
    if not isinstance(value, Mapping):
        raise ValueError(f"message {number} is no object with a role and a content")
    given = cast(Mapping[str, Any], value)
    if "from" in given and "role" not in given:
        speaker = given["from"]
        role, content = _SPEAKERS.get(str(speaker), speaker), given.get("value")
    else:
        role, content = given.get("role"), given.get("content")
    if role not in ROLES:
        raise ValueError(f"message {number} has the role {role!r}; {did_you_mean(str(role), ROLES)}")
    if not isinstance(content, str) or not content.strip():
        who = "answer" if role == "assistant" else f"content of the {role}"
        raise ValueError(f"message {number}: the {who} is empty")
    return {"role": role, "content": content}


def complaint(messages: Sequence[Message], *, answered: bool = True) -> str | None:
    """What is wrong with the order of messages: at most one of the system, first, then user and assistant in turn.

    Args:
        messages: of one conversation.
        answered: whether the last one has to be an answer, as to learn from; otherwise it has to be a question.
    """
    roles = [message["role"] for message in messages]
    start = 1 if roles[0] == "system" else 0
    for number, role in enumerate(roles[start:], start + 1):
        expected = "user" if (number - start) % 2 else "assistant"
        if role != expected:
            return f"message {number} is of the {role} where one of the {expected} is due"
    last = "assistant" if answered else "user"
    if roles[-1] != last:
        return f"the last message is of the {roles[-1]}, not of the {last}"
    return None


def problem_in(cell: Any) -> str | None:
    """Why a conversation cannot be learnt from; None where it can."""
    try:
        return complaint(read_messages(cell))
    except ValueError as error:
        return str(error)


def written(messages: Sequence[Message]) -> str:
    """The messages as JSON, one form for all sources."""
    return json.dumps(list(messages), ensure_ascii=False)
