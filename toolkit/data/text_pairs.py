"""Pairs of texts to token ids, once, memory-mapped: what is read, what is to be written, and what was cut off each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datasets import Dataset, Features, List, Value

from toolkit.data.compute import compute as pc
from toolkit.data.roles import ROW
from toolkit.data.store import arrow_batches, stored, write_arrow
from toolkit.data.text import LedgerEntry, rows_identity, tokenizer_identity

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

READ, WRITTEN = "source", "target"
"""Names of the two sides in the ledger."""


@dataclass(frozen=True)
class Side:
    """One text of a pair: its column, the tokens it is cut to, and what is put before it."""

    column: str
    limit: int
    prefix: str = ""


def tokenize_pairs(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, source: Side, target: Side
) -> tuple[Dataset, dict[str, LedgerEntry]]:
    """Token ids of both texts of every row, and the ledger of each side; special tokens count.

    Returns memory-mapped rows with ``input_ids`` and ``labels`` (lists of int32), ``length`` (int32: tokens of both
    sides, what a row costs) and ``row``. Equal rows and tokenizer give the same file in the cache.
    """
    languages = [getattr(tokenizer, name, None) for name in ("src_lang", "tgt_lang")]
    parts = {
        "step": "tokenize pairs",
        "rows": rows_identity(rows),
        "tokenizer": [tokenizer_identity(tokenizer), languages],
        "sides": [[side.column, side.limit, side.prefix] for side in (source, target)],
    }
    one = stored(parts, lambda path: _write(path, rows, tokenizer, (source, target)))
    return one.dataset, {side: LedgerEntry(**one.notes[side]) for side in (READ, WRITTEN)}


def repeated(rows: Dataset, source: str, target: str) -> int:
    """How many rows have the same text, spaces around it aside, in both columns."""
    found = 0
    for batch in arrow_batches(rows, [source, target]):
        one, other = (pc.utf8_trim_whitespace(batch[name]) for name in (source, target))
        found += int(pc.sum(pc.equal(one, other)).as_py() or 0)
    return found


def token_ids(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], side: Side, *, written: bool
) -> tuple[list[list[int]], LedgerEntry]:
    """Token ids of texts, the few that are too long cut; and what was cut.

    Args:
        tokenizer: of the model.
        texts: without their prefix.
        side: gives limit and prefix.
        written: whether they are texts to write, for which some tokenizers have another vocabulary or language.
    """
    texts = [side.prefix + text for text in texts]
    found = _ids(tokenizer, texts, None, written)
    full = [len(ids) for ids in found]
    long = [at for at, length in enumerate(full) if length > side.limit]
    if long:
        cut = _ids(tokenizer, [texts[at] for at in long], side.limit, written)
        for at, ids in zip(long, cut, strict=True):
            found[at] = ids
    lost = sum(full) - sum(map(len, found))
    return found, LedgerEntry(len(full), len(long), sum(full), lost, side.limit)


def _ids(
    tokenizer: PreTrainedTokenizerBase, texts: Sequence[str], limit: int | None, written: bool
) -> list[list[int]]:
    given: dict[str, Any] = {"text_target" if written else "text": list(texts)}
    encoded: Any = tokenizer(
        **given,
        truncation=limit is not None,
        max_length=limit,
        padding=False,
        verbose=False,
        return_attention_mask=False,
    )
    return [list(ids) for ids in encoded["input_ids"]]


def _write(
    path: Path, rows: Dataset, tokenizer: PreTrainedTokenizerBase, sides: tuple[Side, Side]
) -> dict[str, Any]:
    """Write the tokenized pairs, and return the ledger of each side."""
    ids = List(Value("int32"))
    features = Features({"input_ids": ids, "labels": ids, "length": Value("int32"), ROW: Value("int64")})
    schema = features.arrow_schema
    total = {READ: LedgerEntry(), WRITTEN: LedgerEntry()}

    def batches() -> Iterator[pa.Table]:
        for batch in arrow_batches(rows):
            found: list[list[list[int]]] = []
            for name, side in zip(total, sides, strict=True):
                texts = batch[side.column].to_pylist()
                encoded, entry = token_ids(tokenizer, texts, side, written=name == WRITTEN)
                total[name] = _sum(total[name], entry)
                found.append(encoded)
            lengths = [len(read) + len(written) for read, written in zip(*found, strict=True)]
            columns = [*found, lengths, batch[ROW].to_pylist()]
            arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
            yield pa.Table.from_arrays(arrays, schema=schema)

    write_arrow(path, schema, batches())
    return {name: entry.to_dict() for name, entry in total.items()}


def _sum(one: LedgerEntry, other: LedgerEntry) -> LedgerEntry:
    both: Mapping[str, int] = {
        name: value + other.to_dict()[name] for name, value in one.to_dict().items()
    } | {"limit": other.limit}
    return LedgerEntry(**both)
