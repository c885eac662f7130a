from __future__ import annotations

from pathlib import Path

import pytest
from datasets import Dataset, List, Value
from transformers import AutoTokenizer, BertTokenizer, PreTrainedTokenizerBase

from toolkit.data.text import tokenize_rows, tokenizer_identity
from toolkit.hub.samples import open_sample

TEXTS = ["A wonderful film.", "So so.", "word " * 50]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(open_sample("minilm"))


@pytest.fixture
def rows() -> Dataset:
    return Dataset.from_dict({"text": TEXTS, "label": [1, 0, 1], "row": [1, 2, 3]})


def test_tokens_are_the_tokenizers_own(rows: Dataset, tokenizer: PreTrainedTokenizerBase):
    found, ledger = tokenize_rows(rows, tokenizer, ["text"], 16)
    expected = tokenizer(TEXTS, truncation=True, max_length=16)
    assert found["input_ids"][:] == expected["input_ids"]
    assert found["token_type_ids"][:] == expected["token_type_ids"]
    assert found["length"][:] == [len(ids) for ids in expected["input_ids"]]
    assert (found["labels"][:], found["row"][:]) == ([1, 0, 1], [1, 2, 3])
    assert "text" not in found.column_names
    assert found.features["input_ids"] == List(Value("int32"))
    assert found.cache_files, "the tokens are memory-mapped"
    assert ledger.to_dict() == {
        "samples": 3,
        "samples_cut": 1,
        "tokens": 6 + 5 + 52,
        "tokens_cut": 36,
        "limit": 16,
    }


def test_pairs_are_cut_together(tokenizer: PreTrainedTokenizerBase):
    rows = Dataset.from_dict({"a": ["one two three", "x"], "b": ["four five six " * 9, "y"], "row": [1, 2]})
    found, ledger = tokenize_rows(rows, tokenizer, ["a", "b"], 12)
    expected = tokenizer(rows["a"][:], rows["b"][:], truncation=True, max_length=12)
    assert found["input_ids"][:] == expected["input_ids"]
    assert found["token_type_ids"][:] == expected["token_type_ids"]
    assert ledger.samples_cut == 1


def test_tokens_are_kept_and_told_apart(rows: Dataset, tokenizer: PreTrainedTokenizerBase, cache: Path):
    first, ledger = tokenize_rows(rows, tokenizer, ["text"], 16)
    again, same = tokenize_rows(rows, tokenizer, ["text"], 16)
    assert again.cache_files == first.cache_files
    assert same == ledger
    assert tokenize_rows(rows, tokenizer, ["text"], 8)[0].cache_files != first.cache_files
    assert tokenize_rows(rows.select([0, 2]), tokenizer, ["text"], 16)[0]["row"][:] == [1, 3]


def test_a_tokenizer_is_known_by_what_it_does(tokenizer: PreTrainedTokenizerBase):
    before = tokenizer_identity(tokenizer)
    tokenizer(["a longer text"], truncation=True, padding="max_length", max_length=5)
    assert tokenizer_identity(tokenizer) == before
    other = BertTokenizer(vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4, "a": 5})
    assert tokenizer_identity(other) != before
