"""Texts to token ids, once, memory-mapped, with an account of what was cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datasets import Dataset, Features, List, Value

from toolkit.data.store import arrow_batches, digest, stored, write_arrow

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LABEL = "label"
IDS = ("input_ids", "token_type_ids")


@dataclass(frozen=True)
class LedgerEntry:
    """What was cut from one split: samples and tokens in all, and cut at ``limit`` tokens."""

    samples: int = 0
    samples_cut: int = 0
    tokens: int = 0
    tokens_cut: int = 0
    limit: int = 0

    def to_dict(self) -> dict[str, int]:
        """The entry as JSON data."""
        return asdict(self)


def tokenize_rows(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, text_columns: Sequence[str], max_length: int
) -> tuple[Dataset, LedgerEntry]:
    """Tokenize one text column, or two as a pair; other columns stay, and ``label`` becomes ``labels``.

    Returns memory-mapped rows with ``input_ids`` int32, ``token_type_ids`` int8 where the model wants them
    and ``length`` int32 (tokens kept), and the ledger; special tokens count in both.
    Equal rows and tokenizer give the same file in the cache, whatever process asks.
    """
    kept = [name for name in rows.column_names if name not in text_columns]
    parts = {
        "step": "tokenize",
        "rows": content_of(rows),
        "tokenizer": tokenizer_identity(tokenizer),
        "columns": list(text_columns),
        "max_length": max_length,
    }
    work = _Tokenization(rows, tokenizer, tuple(text_columns), tuple(kept), max_length)
    one = stored(parts, work.write)
    return one.dataset, LedgerEntry(**one.notes)


def tokenizer_identity(tokenizer: PreTrainedTokenizerBase) -> str:
    """Hash of all that decides how a text is cut into tokens, but not of what earlier calls left behind."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        state = dict(sorted(tokenizer.get_vocab().items()))
    else:
        state = {**json.loads(backend.to_str()), "truncation": None, "padding": None}
    names = [type(tokenizer).__name__, tokenizer.truncation_side, list(tokenizer.model_input_names)]
    return digest([names, {key: str(value) for key, value in tokenizer.special_tokens_map.items()}, state])


def content_of(rows: Dataset) -> str:
    """Hash of the rows' types and cells."""
    found = sha256(str(rows.features).encode())
    for batch in arrow_batches(rows):
        found.update(json.dumps(batch.to_pydict(), sort_keys=True).encode())
    return found.hexdigest()


@dataclass(frozen=True)
class _Tokenization:
    """One pass of tokenizing, a bounded number of rows at a time."""

    rows: Dataset
    tokenizer: PreTrainedTokenizerBase
    texts: tuple[str, ...]
    kept: tuple[str, ...]
    max_length: int

    def write(self, target: Path) -> dict[str, int]:
        """Write the tokenized rows, and return the ledger."""
        schema = self._features().arrow_schema
        total = dict.fromkeys(LedgerEntry().to_dict(), 0)

        def batches() -> Iterator[pa.Table]:
            for batch in arrow_batches(self.rows):
                encoded, entry = self._encode([batch[name].to_pylist() for name in self.texts])
                for name, value in entry.to_dict().items():
                    total[name] += value
                columns = {**encoded, **{_renamed(name): batch[name].combine_chunks() for name in self.kept}}
                arrays = [_array(columns[field.name], field.type) for field in schema]
                yield pa.Table.from_arrays(arrays, schema=schema)

        write_arrow(target, schema, batches())
        return total | {"limit": self.max_length}

    def _features(self) -> Features:
        ids = {"input_ids": List(Value("int32")), "token_type_ids": List(Value("int8"))}
        wanted = {name: ids[name] for name in IDS if name in self.tokenizer.model_input_names}
        kept = {_renamed(name): self.rows.features[name] for name in self.kept}
        return Features({**wanted, "length": Value("int32"), **kept})

    def _encode(self, texts: Sequence[list[str]]) -> tuple[dict[str, list[Any]], LedgerEntry]:
        """Token ids of whole texts; the few that are too long are tokenized again, cut."""
        encoded = self._tokens(texts)
        full = [len(ids) for ids in encoded["input_ids"]]
        long = [at for at, length in enumerate(full) if length > self.max_length]
        if long:
            cut = self._tokens([[column[at] for at in long] for column in texts], truncation=True)
            for name, values in cut.items():
                for at, value in zip(long, values, strict=True):
                    encoded[name][at] = value
        encoded["length"] = [len(ids) for ids in encoded["input_ids"]]
        lost = sum(full) - sum(encoded["length"])
        return encoded, LedgerEntry(len(full), len(long), sum(full), lost)

    def _tokens(self, texts: Sequence[list[str]], truncation: bool = False) -> dict[str, list[Any]]:
        encoded = self.tokenizer(
            texts[0],
            texts[1] if len(texts) > 1 else None,
            truncation=truncation,
            max_length=self.max_length if truncation else None,
            padding=False,
            verbose=False,
            return_attention_mask=False,
        )
        return {name: list(encoded[name]) for name in IDS if name in encoded}


def _renamed(name: str) -> str:
    return "labels" if name == LABEL else name


def _array(values: Any, kind: pa.DataType) -> pa.Array:
    return values if isinstance(values, pa.Array) else pa.array(values, kind)
