"""Whole documents as blocks of tokens: long ones are split, and nothing of them is thrown away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from datasets import Dataset, Features, List, Value

from toolkit.data.store import arrow_batches, stored, write_arrow
from toolkit.data.text import LedgerEntry, rows_identity, tokenizer_identity

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NO_WORD = -1
"""In ``word``: a token that the tokenizer added, such as the one that begins a text."""
FEATURES = Features(
    {
        "input_ids": List(Value("int32")),
        "word": List(Value("int32")),
        "document": Value("int32"),
        "length": Value("int32"),
    }
)


def block_rows(
    rows: Dataset, tokenizer: PreTrainedTokenizerBase, column: str, max_length: int
) -> tuple[Dataset, LedgerEntry]:
    """Tokenize one text column into blocks of at most ``max_length`` tokens, special tokens included.

    Returns memory-mapped blocks with ``input_ids`` int32; ``word`` int32, the number of the word in its document that
    each token is a piece of, ``NO_WORD`` for special ones; ``document`` int32, the position of its row; and ``length``
    int32. Blocks stand in the order of the rows. Equal rows and tokenizer give the same file in the cache.

    Args:
        rows: with the column.
        tokenizer: a fast one, which alone knows where words begin.
        column: of texts.
        max_length: tokens of a block.
    """
    parts = {
        "step": "blocks",
        "rows": rows_identity(rows),
        "tokenizer": tokenizer_identity(tokenizer),
        "column": column,
        "max_length": max_length,
    }
    one = stored(parts, _Splitting(rows, tokenizer, column, max_length).write)
    return one.dataset, LedgerEntry(**one.notes)


@dataclass(frozen=True)
class _Splitting:
    """One pass over the documents, a bounded number at a time."""

    rows: Dataset
    tokenizer: PreTrainedTokenizerBase
    column: str
    max_length: int

    def write(self, target: Path) -> dict[str, int]:
        """Write the blocks, and return the ledger; special tokens count in it."""
        total = {"samples": 0, "tokens": 0, "blocks": 0, "limit": self.max_length}

        def batches() -> Iterator[pa.Table]:
            for batch in arrow_batches(self.rows, [self.column]):
                blocks = self._split(batch[self.column].to_pylist(), total["samples"])
                total["samples"] += len(batch)
                total["tokens"] += sum(blocks["length"])
                total["blocks"] += len(blocks["length"])
                yield pa.table(blocks, schema=FEATURES.arrow_schema)

        write_arrow(target, FEATURES.arrow_schema, batches())
        return total

    def _split(self, texts: list[str], before: int) -> dict[str, list[Any]]:
        encoded = self.tokenizer(
            texts,
            truncation=True,
            max_length=self.max_length,
            return_overflowing_tokens=True,
            return_attention_mask=False,
            verbose=False,
        )
        count = len(encoded["input_ids"])
        words = [[NO_WORD if w is None else w for w in encoded.word_ids(block)] for block in range(count)]
        return {
            "input_ids": encoded["input_ids"],
            "word": words,
            "document": [before + int(at) for at in encoded["overflow_to_sample_mapping"]],
            "length": [len(ids) for ids in encoded["input_ids"]],
        }
