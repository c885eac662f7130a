from __future__ import annotations

import pytest
from datasets import Dataset

from toolkit.data.text_pairs import Side, repeated, token_ids, tokenize_pairs
from toolkit.tasks.seq2seq_vocabulary import learn_tokenizer

TEXTS = ["one fish", "two fish here", "a key", "the light is on"] * 3


@pytest.fixture(scope="module")
def tokenizer():
    return learn_tokenizer(TEXTS, 400, 64)


def rows(sources=TEXTS, targets=TEXTS):
    return Dataset.from_dict({"en": sources, "es": targets, "row": list(range(1, len(sources) + 1))})


def test_both_sides_are_tokens_and_their_sum_is_what_a_row_costs(tokenizer):
    encoded, ledger = tokenize_pairs(rows(), tokenizer, Side("en", 64), Side("es", 64))
    assert encoded.column_names == ["input_ids", "labels", "length", "row"]
    row = encoded[1]
    assert row["input_ids"] == row["labels"] == tokenizer("two fish here")["input_ids"]
    assert row["length"] == 2 * len(row["labels"])
    assert row["labels"][-1] == tokenizer.eos_token_id
    assert ledger["source"].samples_cut == 0
    assert ledger["source"].tokens == sum(map(len, encoded["input_ids"]))


def test_what_is_cut_still_ends_with_the_end_token_and_is_counted_on_its_side(tokenizer):
    encoded, ledger = tokenize_pairs(rows(), tokenizer, Side("en", 64), Side("es", 3))
    assert all(len(ids) <= 3 and ids[-1] == tokenizer.eos_token_id for ids in encoded["labels"])
    whole = [len(tokenizer(text)["input_ids"]) for text in TEXTS]
    entry = ledger["target"]
    assert entry.samples_cut == sum(length > 3 for length in whole) > 0
    assert entry.tokens_cut == sum(max(0, length - 3) for length in whole)
    assert entry.limit == 3
    assert ledger["source"].to_dict() == {
        "samples": 12, "samples_cut": 0, "tokens": sum(whole), "tokens_cut": 0, "limit": 64,
    }  # fmt: skip


def test_a_prefix_is_read_and_not_written(tokenizer):
    encoded, _ = tokenize_pairs(rows(), tokenizer, Side("en", 64, "a key "), Side("es", 64))
    assert tokenizer.decode(encoded[0]["input_ids"], skip_special_tokens=True) == "a key one fish"
    assert tokenizer.decode(encoded[0]["labels"], skip_special_tokens=True) == "one fish"


def test_another_limit_or_prefix_is_not_taken_from_the_cache(tokenizer):
    first, _ = tokenize_pairs(rows(), tokenizer, Side("en", 64), Side("es", 64))
    second, _ = tokenize_pairs(rows(), tokenizer, Side("en", 2), Side("es", 64))
    assert len(first[3]["input_ids"]) > len(second[3]["input_ids"]) == 2


def test_tokens_come_in_the_order_of_the_texts(tokenizer):
    ids, _ = token_ids(tokenizer, ["the light is on", "a key"], Side("en", 3), written=False)
    assert ids[1] == tokenizer("a key")["input_ids"][:3]
    assert len(ids[0]) == 3


def test_targets_that_repeat_their_source_are_counted():
    assert repeated(rows(["a", "b ", "c"], ["a", "b", "d"]), "en", "es") == 2
