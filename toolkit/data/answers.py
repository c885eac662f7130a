"""Answers that are quoted from a text, as rows hold them: read, found in their context, and checked against it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import pyarrow as pa
from datasets import List

from toolkit.data.roles import Role

TEXT, START = "text", "answer_start"
"""Keys of a cell as SQuAD has it (Rajpurkar et al. 2016, arXiv:1606.05250)."""
SHOWN = 60
"""Characters of a context or an answer in an error."""


class Answer(NamedTuple):
    """A part of a context: its text, and the character it begins at, counted from 0."""

    text: str
    start: int

    @property
    def end(self) -> int:
        """The character behind the last one."""
        return self.start + len(self.text)


@dataclass(frozen=True)
class AnswerColumns:
    """Where the answers of a row are: their column, that of their places where it is another, and their context."""

    answers: str
    start: str | None
    context: str
    may_be_empty: bool

    @classmethod
    def of(cls, roles: Sequence[Role], columns: Mapping[str, Any]) -> AnswerColumns | None:
        """The columns that play the roles, where one is of answers."""
        role = next((role for role in roles if role.kind == "answers" and role.name in columns), None)
        if role is None:
            return None
        start = next((str(columns[r.name]) for r in roles if r.kind == "start" and r.name in columns), None)
        return cls(str(columns[role.name]), start, str(columns[role.within]), role.may_be_empty)

    @property
    def names(self) -> list[str]:
        """All of them, without the context."""
        return [self.answers, *([self.start] if self.start else [])]

    def cells(self, batch: pa.Table) -> list[tuple[Any, Any, Any]]:
        """Answers, their places and the context of each row of a batch."""
        answers, contexts = batch[self.answers].to_pylist(), batch[self.context].to_pylist()
        starts = batch[self.start].to_pylist() if self.start else [None] * len(answers)
        return list(zip(answers, starts, contexts, strict=True))

    def read(self, answers: Any, start: Any, context: Any) -> tuple[list[Answer], int]:
        """The answers of a row, and how many of them had to be looked up in the context.

        Raises:
            ValueError: what is wrong with them.
        """
        context = str(context or "")
        given = _given(answers, start)
        if not given and not self.may_be_empty:
            raise ValueError("there is no answer (options.allow_no_answer=true learns to say so)")
        found = [_placed(text, at, context) for text, at in given]
        return found, sum(at is None for _, at in given)

    def problem(self, answers: Any, start: Any, context: Any) -> tuple[str | None, int]:
        """Why the answers of a row cannot be used, if they cannot, and how many had to be looked up."""
        try:
            return None, self.read(answers, start, context)[1]
        except ValueError as error:
            return str(error), 0

    def written(self, answers: Any, start: Any, context: Any) -> str:
        """The answers as JSON, one form for all sources."""
        return write_answers(self.read(answers, start, context)[0])


def write_answers(answers: Sequence[Answer]) -> str:
    """Answers as JSON text in the form of SQuAD."""
    columns = {TEXT: [one.text for one in answers], START: [one.start for one in answers]}
    return json.dumps(columns, ensure_ascii=False)


def read_answers(written: str) -> list[Answer]:
    """What :func:`write_answers` wrote."""
    columns = json.loads(written)
    return [Answer(*one) for one in zip(columns[TEXT], columns[START], strict=True)]


def holds_answers(feature: Any) -> bool:
    """Whether a column is of answers with their places."""
    inner = feature.feature if isinstance(feature, List) else feature
    return isinstance(inner, dict) and TEXT in inner


def _given(cell: Any, start: Any) -> list[tuple[str, int | None]]:
    """Each answer of a cell, with its place where the cell or the other column says it."""
    cell = _opened(cell)
    if isinstance(cell, Mapping):
        return _of_struct(cast(Mapping[str, Any], cell))
    if isinstance(cell, list):
        parts = [_opened(part) for part in cast(list[Any], cell)]
        if parts and all(isinstance(part, Mapping) for part in parts):
            return [one for part in parts for one in _of_struct(part)]
        return _paired(parts, _listed(_opened(start)))
    if cell is None or (isinstance(cell, str) and not cell.strip()):
        return []
    return _paired([cell], _listed(start))


def _opened(value: Any) -> Any:
    """What a text of JSON holds that is a list or an object; anything else as it is."""
    if not isinstance(value, str) or value.strip()[:1] not in {"{", "["}:
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value  # an answer may begin with a bracket


def _of_struct(cell: Mapping[str, Any]) -> list[tuple[str, int | None]]:
    if TEXT not in cell:
        raise ValueError(f'the answers have no "{TEXT}" (there is {", ".join(cell) or "nothing"})')
    return _paired(_listed(cell[TEXT]), _listed(cell.get(START)))


def _listed(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return cast(list[Any], value) if isinstance(value, list) else [value]


def _paired(texts: Sequence[Any], starts: Sequence[Any]) -> list[tuple[str, int | None]]:
    if starts and len(starts) != len(texts):
        raise ValueError(f"there are {len(texts)} answers and {len(starts)} places: each answer needs one")
    return [
        (_text(text), _number(start))
        for text, start in zip(texts, starts or [None] * len(texts), strict=True)
    ]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"the answer {value!r} is not a text")
    if not value.strip():
        raise ValueError("an answer is empty")
    return value


def _number(value: Any) -> int | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ValueError(f"{START} is {value!r}, not a whole number") from None
    if not (number >= 0 and number.is_integer()):
        raise ValueError(f"{START} is {value!r}, not the number of a character")
    return int(number)


def _placed(text: str, start: int | None, context: str) -> Answer:
    """The answer where it stands in the context, without spaces around it."""
    if start is None:
        return _looked_up(text.strip(), context)
    stands = context[start : start + len(text)]
    if stands != text:
        raise ValueError(_elsewhere(text, start, stands, context))
    return Answer(text.strip(), start + len(text) - len(text.lstrip()))


def _elsewhere(text: str, start: int, stands: str, context: str) -> str:
    count = context.count(text)
    where = f"; it stands at {context.find(text)}" if count == 1 else "" if count else "; it stands nowhere"
    there = f"there is {_brief(stands)}" if stands else f"the context has {len(context):,} characters"
    return f"{START} is {start}, but the answer is {_brief(text)} and {there}{where}"


def _looked_up(text: str, context: str) -> Answer:
    count = context.count(text)
    if count == 1:
        return Answer(text, context.find(text))
    if not count:
        lower = context.lower().find(text.lower())
        spelt = f" (but {_brief(context[lower : lower + len(text)])})" if lower >= 0 else ""
        raise ValueError(f"the answer {_brief(text)} is not in the context{spelt}: {_brief(context)}")
    raise ValueError(f"the answer {_brief(text)} is {count} times in the context: give its {START}")


def _brief(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…")
