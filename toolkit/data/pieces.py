"""Sentences of words to windows of word pieces: where the first piece of each word is, and what was never read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datasets import Dataset, Features, List, Value

from toolkit.data.store import arrow_batches, stored, write_arrow
from toolkit.data.text import IDS, LedgerEntry, rows_identity, tokenizer_identity

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORE = -100
"""The label of pieces that count for nothing, as in torch's cross-entropy."""
_WINDOW = {"labels": List(Value("int64")), "sentence": Value("int64")}
_PLACES = {"words": List(Value("int32")), "positions": List(Value("int32")), "length": Value("int32")}


@dataclass(frozen=True)
class Cut:
    """How a long sentence is read: by its first ``max_length`` pieces, or in windows that overlap by ``stride``."""

    max_length: int
    stride: int | None = None


@dataclass(frozen=True)
class Window:
    """A run of pieces that the model reads at once.

    ``inputs`` holds the model's inputs by name, ``owners`` the word of each piece (None for special ones), and
    ``positions`` where the first piece is of each of the ``words`` that are predicted here.
    """

    sentence: int
    inputs: dict[str, list[int]]
    owners: list[int | None]
    words: list[int] = field(default_factory=list[int])
    positions: list[int] = field(default_factory=list[int])

    def __len__(self) -> int:
        return len(self.owners)


def windows(
    tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], cut: Cut
) -> tuple[list[Window], LedgerEntry]:
    """What a model reads of some sentences, in their order, and an account of what it does not read.

    A word is predicted in the window where it has most context on its shorter side. One that the tokenizer makes
    nothing of (a control character, say) is read as its unknown word.
    """
    found = _tokenized(tokenizer, sentences, cut)
    silent = [at for at, parts in enumerate(found) if len(_read(parts)) < len(sentences[at])]
    if silent and tokenizer.unk_token:
        spoken = [_spoken(sentences[at], _read(found[at]), str(tokenizer.unk_token)) for at in silent]
        for at, parts in zip(silent, _tokenized(tokenizer, spoken, cut), strict=True):
            found[at] = [Window(at, one.inputs, one.owners) for one in parts]
    kept = [parts[:1] if cut.stride is None else parts for parts in found]
    for parts in kept:
        _settle(parts)
    special = tokenizer.num_special_tokens_to_add()
    overlap = special + (cut.stride or 0)
    pieces = [len(parts[0]) + sum(len(one) - overlap for one in parts[1:]) for parts in found]
    lost = [
        0 if cut.stride is not None else all_of - len(parts[0])
        for all_of, parts in zip(pieces, found, strict=True)
    ]
    unread = [len(words) - len(_read(parts)) for words, parts in zip(sentences, kept, strict=True)]
    entry = LedgerEntry(
        samples=len(sentences),
        samples_cut=sum(count > 0 for count in unread),
        tokens=sum(pieces),
        tokens_cut=sum(lost),
        limit=cut.max_length,
        words=sum(map(len, sentences)),
        words_cut=sum(unread),
    )
    return [one for parts in kept for one in parts], entry


def _tokenized(
    tokenizer: PreTrainedTokenizerBase, sentences: Sequence[Sequence[str]], cut: Cut
) -> list[list[Window]]:
    """All windows of each sentence; without a stride they do not overlap."""
    if not sentences:
        return []
    encoded = tokenizer(
        [list(words) for words in sentences],
        is_split_into_words=True,
        truncation=True,
        max_length=cut.max_length,
        stride=cut.stride or 0,
        return_overflowing_tokens=True,
        return_attention_mask=False,
        verbose=False,
    )
    names = [name for name in IDS if name in encoded]
    owners: list[int] = encoded["overflow_to_sample_mapping"]
    made = [
        Window(owner, {name: encoded[name][at] for name in names}, encoded.word_ids(at))
        for at, owner in enumerate(owners)
    ]
    return [list(parts) for _, parts in groupby(made, key=lambda one: one.sentence)]


def _read(parts: Sequence[Window]) -> set[int]:
    """The words of which some piece is in one of these windows."""
    return {owner for one in parts for owner in one.owners if owner is not None}


def _spoken(words: Sequence[str], read: set[int], unknown: str) -> list[str]:
    return [word if at in read else unknown for at, word in enumerate(words)]


def _settle(parts: Sequence[Window]) -> None:
    """Give each word to the window where it stands farthest from an edge behind which the sentence goes on."""
    best: dict[int, tuple[float, int, int]] = {}
    for number, one in enumerate(parts):
        content = [at for at, owner in enumerate(one.owners) if owner is not None]
        seen: set[int] = set()
        for at in content:
            word = one.owners[at]
            if word is None or word in seen:
                continue
            seen.add(word)
            before = at - content[0] if number else float("inf")
            after = content[-1] - at if number < len(parts) - 1 else float("inf")
            context = min(before, after)
            if word not in best or context > best[word][0]:
                best[word] = context, number, at
    for word, (_, number, at) in sorted(best.items()):
        parts[number].words.append(word)
        parts[number].positions.append(at)


@dataclass(frozen=True)
class Labelling:
    """Which pieces of a word are learnt from: the first, or all, the others by the tag that goes on (B- to I-)."""

    going_on: tuple[int, ...] | None = None

    def of(self, one: Window, tags: Sequence[int]) -> list[int]:
        """A label for each piece of a window, ``IGNORE`` where none is learnt; ``tags`` are those of its sentence."""
        labels = [IGNORE] * len(one)
        for word, at in zip(one.words, one.positions, strict=True):
            labels[at] = tags[word]
            while self.going_on and (at := at + 1) < len(one) and one.owners[at] == word:
                labels[at] = self.going_on[tags[word]]
        return labels


def tokenize_words(
    rows: Dataset,
    tokenizer: PreTrainedTokenizerBase,
    columns: tuple[str, str],
    cut: Cut,
    labelling: Labelling,
) -> tuple[Dataset, LedgerEntry]:
    """Windows of all rows, memory-mapped, and the ledger.

    Args:
        rows: with a column of words and one of tag numbers.
        tokenizer: of the model.
        columns: their names.
        cut: how long sentences are read.
        labelling: which pieces are learnt from.

    Returns:
        rows with ``input_ids``, ``token_type_ids`` where the model wants them, ``labels`` for each piece, ``length``,
        the ``sentence`` (position in ``rows``), and the ``words`` predicted here with their ``positions``.
    """
    parts = {
        "step": "tokenize words",
        "rows": rows_identity(rows),
        "tokenizer": tokenizer_identity(tokenizer),
        "columns": list(columns),
        "cut": [cut.max_length, cut.stride],
        "labelling": labelling.going_on,
    }
    work = _Tokenization(rows, tokenizer, columns, cut, labelling)
    one = stored(parts, work.write)
    return one.dataset, LedgerEntry(**one.notes)


@dataclass(frozen=True)
class _Tokenization:
    """One pass of tokenizing, a bounded number of rows at a time."""

    rows: Dataset
    tokenizer: PreTrainedTokenizerBase
    columns: tuple[str, str]
    cut: Cut
    labelling: Labelling

    def write(self, target: Path) -> dict[str, int]:
        """Write the windows, and return the ledger."""
        wanted = [name for name in IDS if name in self.tokenizer.model_input_names]
        ids = {name: List(Value("int32" if name == "input_ids" else "int8")) for name in wanted}
        schema = Features({**ids, **_WINDOW, **_PLACES}).arrow_schema
        total: dict[str, int] = {}

        def batches() -> Iterator[pa.Table]:
            start = 0
            for batch in arrow_batches(self.rows, self.columns):
                sentences, tags = (batch[name].to_pylist() for name in self.columns)
                found, entry = windows(self.tokenizer, sentences, self.cut)
                for name, value in entry.counts().items():
                    total[name] = total.get(name, 0) + value
                yield pa.Table.from_pylist([self._row(one, start, tags) for one in found], schema=schema)
                start += len(batch)

        write_arrow(target, schema, batches())
        return total | {"limit": self.cut.max_length}

    def _row(self, one: Window, start: int, tags: Sequence[Sequence[int]]) -> dict[str, Any]:
        return {
            **one.inputs,
            "labels": self.labelling.of(one, tags[one.sentence]),
            "sentence": start + one.sentence,
            "words": one.words,
            "positions": one.positions,
            "length": len(one),
        }
