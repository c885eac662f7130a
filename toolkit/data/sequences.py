"""Rows as sequences of tokens, those to learn marked: written once, memory-mapped, with an account of what was cut."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from datasets import Dataset, Features, List, Value

from toolkit.data.problems import Problems
from toolkit.data.roles import ROW
from toolkit.data.store import arrow_batches, digest, stored, write_arrow
from toolkit.data.text import LedgerEntry, rows_identity

IGNORED = -100
"""A label that no loss is taken of."""
SOURCE = "source"
"""Column with the position, in its split, of the row that a sequence is from."""
FEATURES = Features(
    input_ids=List(Value("int32")),
    labels=List(Value("int32")),
    length=Value("int32"),
    **{SOURCE: Value("int64"), ROW: Value("int64")},
)


class Encoder(Protocol):
    """How a row becomes tokens."""

    @property
    def columns(self) -> Sequence[str]:
        """What of a row it reads."""
        ...

    @property
    def identity(self) -> str:
        """Equal for encoders that give the same tokens."""
        ...

    @property
    def whole(self) -> bool:
        """Whether a row that is too long is cut; otherwise it becomes several sequences."""
        ...

    def __call__(self, row: Mapping[str, str]) -> tuple[list[int], list[bool]]:
        """The tokens of a row, and which of them are to be learnt."""
        ...


@dataclass(frozen=True)
class Sequences:
    """The sequences of a split."""

    rows: Dataset
    """``input_ids``, ``labels`` (``IGNORED`` where nothing is learnt), ``length``, ``source`` and ``row``."""
    ledger: LedgerEntry
    lost: Problems
    """Rows of which nothing is left to learn."""


def write_sequences(rows: Dataset, encoder: Encoder, max_length: int) -> Sequences:
    """Encode the rows of a split.

    Args:
        rows: with the columns the encoder reads, and ``row``.
        encoder: gives the tokens of each.
        max_length: tokens of a sequence at most. A document becomes as many sequences as it needs, each beginning with
            the last token of the one before, so that every token but the first is predicted once.
    """
    kept = rows.select_columns([*encoder.columns, ROW])
    parts = {
        "step": "sequences",
        "rows": rows_identity(kept),
        "encoder": digest([encoder.identity, list(encoder.columns)]),
        "max_length": max_length,
    }
    one = stored(parts, lambda path: _Writing(kept, encoder, max_length).write(path))
    ledger = LedgerEntry(**one.notes["ledger"])
    return Sequences(one.dataset, ledger, Problems.from_dict(one.notes["lost"]))


@dataclass
class _Writing:
    rows: Dataset
    encoder: Encoder
    max_length: int
    lost: Problems = field(default_factory=Problems)
    samples: int = 0
    samples_cut: int = 0
    tokens: int = 0
    tokens_cut: int = 0

    def write(self, target: Path) -> dict[str, Any]:
        schema = FEATURES.arrow_schema
        write_arrow(target, schema, self._batches(schema))
        ledger = LedgerEntry(self.samples, self.samples_cut, self.tokens, self.tokens_cut, self.max_length)
        return {"ledger": ledger.to_dict(), "lost": self.lost.to_dict()}

    def _batches(self, schema: pa.Schema) -> Iterator[pa.Table]:
        position = 0
        for batch in arrow_batches(self.rows):
            made: dict[str, list[Any]] = {name: [] for name in FEATURES}
            for row in batch.to_pylist():
                for ids, labels in self._sequences(row):
                    values = (ids, labels, len(ids), position, row[ROW])
                    for name, value in zip(FEATURES, values, strict=True):
                        made[name].append(value)
                position += 1
            yield pa.table(made, schema=schema)

    def _sequences(self, row: Mapping[str, Any]) -> Iterator[tuple[list[int], list[int]]]:
        ids, learnt = self.encoder(row)
        self.samples += 1
        self.tokens += len(ids)
        if self.encoder.whole and len(ids) > self.max_length:
            self.samples_cut += 1
            self.tokens_cut += len(ids) - self.max_length
            ids, learnt = ids[: self.max_length], learnt[: self.max_length]
        labels = [token if wanted else IGNORED for token, wanted in zip(ids, learnt, strict=True)]
        if all(label == IGNORED for label in labels[1:]):
            self.lost.add(
                f"row {row[ROW]:,}", self._nothing_left(len(ids)), "shorten it, or raise options.max_length"
            )
            return
        for start in range(0, max(1, len(ids) - 1), self.max_length - 1):
            end = start + self.max_length
            yield ids[start:end], labels[start:end]

    def _nothing_left(self, length: int) -> str:
        if length < self.max_length:
            return "there is nothing in it to learn to write"
        return f"nothing of what is to be learnt lies within its first {self.max_length:,} tokens"
