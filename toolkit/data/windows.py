"""Questions with their contexts as overlapping windows of tokens: what a long context is read in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
from datasets import Dataset, Features, List, Value

from toolkit.data.answers import Answer, read_answers
from toolkit.data.problems import Problems
from toolkit.data.roles import ROW
from toolkit.data.store import arrow_batches, digest, stored, write_arrow
from toolkit.data.text import LedgerEntry, rows_identity, tokenizer_identity

FEATURES = Features(
    input_ids=List(Value("int32")),
    token_type_ids=List(Value("int8")),
    length=Value("int32"),
    null=Value("int32"),
    first=Value("int32"),
    begins=List(Value("int32")),
    ends=List(Value("int32")),
    start_positions=Value("int32"),
    end_positions=Value("int32"),
    source=Value("int64"),
    **{ROW: Value("int64")},
)
"""Of the written windows: the fields of :class:`Window`, what is to be learnt, and the row they are from."""


class Window(NamedTuple):
    """A question and as much of its context as fits."""

    source: int
    """Position of its row among those given."""
    ids: Sequence[int]
    types: Sequence[int]
    """Which of the two texts a token is of; empty for models that are not told."""
    null: int
    """The token that stands for no answer: the one that classifies, or the first."""
    first: int
    """The first token of the context; those that follow are ``len(begins)`` in all."""
    begins: Sequence[int]
    ends: Sequence[int]
    """The characters of the context at which its tokens begin and end."""

    def place(self, answer: Answer) -> tuple[int, int] | None:
        """The tokens in which an answer begins and ends; None where the window does not hold all of it."""
        if not self.begins or self.begins[0] > answer.start or self.ends[-1] < answer.end:
            return None
        start = next(at for at, end in enumerate(self.ends) if end > answer.start)
        end = max(at for at, begin in enumerate(self.begins) if begin < answer.end)
        return (self.first + start, self.first + end) if start <= end else None


@dataclass(frozen=True)
class Windowing:
    """How questions and contexts become windows.

    Args:
        tokenizer: one that tells where in the text a token is.
        max_length: tokens of a window at most.
        doc_stride: tokens of context that two windows in a row share.
        max_question_length: tokens of a question that are read.
    """

    tokenizer: Any
    max_length: int
    doc_stride: int
    max_question_length: int

    @property
    def identity(self) -> str:
        """Equal where the windows are."""
        numbers = [self.max_length, self.doc_stride, self.max_question_length]
        return digest([tokenizer_identity(self.tokenizer), self.question_first, *numbers])

    @property
    def question_first(self) -> bool:
        """Models that are padded on the left read the question last, next to their output."""
        return self.tokenizer.padding_side == "right"

    @property
    def needed(self) -> int:
        """Tokens of the shortest window in which the longest question and something new of a context fit."""
        special = self.tokenizer.num_special_tokens_to_add(pair=True)
        return self.max_question_length + self.doc_stride + special + 1

    def __call__(self, questions: Sequence[str], contexts: Sequence[str]) -> list[Window]:
        """The windows of each context in order, those of one question together."""
        if not questions:
            return []
        short = [question for question, _ in self.shortened(questions)]
        texts = (short, list(contexts)) if self.question_first else (list(contexts), short)
        encoded = self.tokenizer(
            *texts,
            truncation="only_second" if self.question_first else "only_first",
            max_length=self.max_length,
            stride=self.doc_stride,
            return_overflowing_tokens=True,
            return_offsets_mapping=True,
            padding=False,
            verbose=False,
        )
        owners = encoded["overflow_to_sample_mapping"]
        return [self._window(encoded, number, int(owner)) for number, owner in enumerate(owners)]

    def _window(self, encoded: Any, number: int, owner: int) -> Window:
        side, ids = 1 if self.question_first else 0, encoded["input_ids"][number]
        inside = [at for at, part in enumerate(encoded.sequence_ids(number)) if part == side]
        offsets = [encoded["offset_mapping"][number][at] for at in inside]
        types = encoded["token_type_ids"][number] if "token_type_ids" in encoded else []
        mark = self.tokenizer.cls_token_id
        null = ids.index(mark) if mark is not None and mark in ids else 0
        begins, ends = [begin for begin, _ in offsets], [end for _, end in offsets]
        return Window(owner, ids, types, null, inside[0] if inside else 0, begins, ends)

    def shortened(self, questions: Sequence[str]) -> list[tuple[str, int]]:
        """Each question as far as it is read, and how many tokens the whole of it has."""
        plain = [question.strip() for question in questions]
        found = self.tokenizer(plain, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        pairs = zip(plain, found["offset_mapping"], strict=True)
        return [(self._cut(question, offsets), len(offsets)) for question, offsets in pairs]

    def _cut(self, question: str, offsets: Sequence[tuple[int, int]]) -> str:
        most = self.max_question_length
        while len(offsets) > self.max_question_length:  # a cut word may have more tokens than it gave
            question = question[: offsets[most - 1][1]]
            encoded = self.tokenizer(question, add_special_tokens=False, return_offsets_mapping=True)
            offsets, most = encoded["offset_mapping"], most - 1
        return question


@dataclass(frozen=True)
class Windows:
    """The written windows of a split."""

    rows: Dataset
    """Columns as :data:`FEATURES`; ``start_positions`` and ``end_positions`` are tokens of the window."""
    ledger: LedgerEntry
    """Of the questions; of contexts nothing is cut."""
    lost: Problems
    """Rows whose answer lies in none of their windows."""

    def window(self, at: int) -> Window:
        """One of them."""
        row: dict[str, Any] = self.rows[at]
        names = ("source", "input_ids", "token_type_ids", "null", "first", "begins", "ends")
        return Window(*(row[name] for name in names))


def write_windows(rows: Dataset, windowing: Windowing) -> Windows:
    """Write the windows of a split once, and open them.

    Args:
        rows: with ``question``, ``context``, ``answers`` as JSON, and ``row``. The first answer is the one to learn.
        windowing: makes the windows.
    """
    kept = rows.select_columns(["question", "context", "answers", ROW])
    parts = {"step": "windows", "rows": rows_identity(kept), "windowing": windowing.identity}
    one = stored(parts, lambda path: _Writing(kept, windowing).write(path))
    return Windows(one.dataset, LedgerEntry(**one.notes["ledger"]), Problems.from_dict(one.notes["lost"]))


@dataclass
class _Writing:
    rows: Dataset
    windowing: Windowing
    lost: Problems = field(default_factory=Problems)
    tokens: list[int] = field(default_factory=list[int])
    """Of each question."""

    def write(self, target: Path) -> dict[str, Any]:
        schema = FEATURES.arrow_schema
        write_arrow(target, schema, self._batches(schema))
        limit = self.windowing.max_question_length
        cut = [tokens - limit for tokens in self.tokens if tokens > limit]
        ledger = LedgerEntry(len(self.tokens), len(cut), sum(self.tokens), sum(cut), limit)
        return {"ledger": ledger.to_dict(), "lost": self.lost.to_dict()}

    def _batches(self, schema: pa.Schema) -> Iterator[pa.Table]:
        start = 0
        for batch in arrow_batches(self.rows):
            columns = batch.to_pydict()
            self.tokens += [tokens for _, tokens in self.windowing.shortened(columns["question"])]
            windows = self.windowing(columns["question"], columns["context"])
            made: list[dict[str, Any]] = []
            for answers, number, own in _by_row(columns, windows):
                made += self._labelled(answers, number, own, start)
            yield pa.Table.from_pylist(made, schema=schema)
            start += len(batch)

    def _labelled(
        self, answers: list[Answer], number: int, windows: Sequence[Window], start: int
    ) -> list[dict[str, Any]]:
        """The windows of a row with what is to be learnt: where the answer is, or that it is not here."""
        places = [window.place(answers[0]) if answers else None for window in windows]
        if answers and not any(places):
            message = f"its answer of {len(answers[0].text):,} characters lies in no window as a whole"
            self.lost.add(f"row {number:,}", message, "raise options.doc_stride and options.max_length")
            return []
        return [
            {
                "input_ids": window.ids,
                "token_type_ids": window.types,
                "length": len(window.ids),
                **{name: getattr(window, name) for name in ("null", "first", "begins", "ends")},
                "start_positions": (place or (window.null,))[0],
                "end_positions": (place or (window.null,))[-1],
                "source": start + window.source,
                ROW: number,
            }
            for window, place in zip(windows, places, strict=True)
        ]


def _by_row(
    columns: dict[str, list[Any]], windows: Sequence[Window]
) -> Iterator[tuple[list[Answer], int, list[Window]]]:
    """Answers, row number and windows of each row."""
    own: dict[int, list[Window]] = {}
    for window in windows:
        own.setdefault(window.source, []).append(window)
    for at, (written, number) in enumerate(zip(columns["answers"], columns[ROW], strict=True)):
        yield read_answers(written), number, own.get(at, [])
