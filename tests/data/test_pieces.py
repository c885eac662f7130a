"""Sentences of words as word pieces: where words begin, what is cut, and windows that overlap."""

from __future__ import annotations

import pytest
from datasets import Dataset
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from toolkit.data.pieces import IGNORE, Cut, Labelling, tokenize_words, windows
from toolkit.hub.samples import open_sample

WORDS = ["The", "unbelievableness", "of", "xzqv", "ended", "today", "."]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerBase:
    return AutoTokenizer.from_pretrained(open_sample("minilm"))


def first_pieces(tokenizer: PreTrainedTokenizerBase, cut: Cut, words: list[str]) -> dict[int, str]:
    found, _ = windows(tokenizer, [words], cut)
    return {
        word: tokenizer.convert_ids_to_tokens(one.inputs["input_ids"][at])
        for one in found
        for word, at in zip(one.words, one.positions, strict=True)
    }


def test_each_word_is_where_its_first_piece_is(tokenizer: PreTrainedTokenizerBase):
    assert first_pieces(tokenizer, Cut(64), WORDS) == dict(
        enumerate(["the", "unbelievable", "of", "x", "ended", "today", "."])
    )


def test_what_is_cut_is_counted(tokenizer: PreTrainedTokenizerBase):
    found, ledger = windows(tokenizer, [WORDS, ["Hi"]], Cut(8))
    assert [len(one) for one in found] == [8, 3]
    assert found[0].words == [0, 1, 2, 3]
    assert (ledger.words, ledger.words_cut, ledger.samples_cut) == (8, 3, 1)
    assert ledger.tokens == len(tokenizer(WORDS, is_split_into_words=True)["input_ids"]) + 3
    assert ledger.tokens_cut == ledger.tokens - 11


@pytest.mark.parametrize("stride", [0, 1, 3])
def test_windows_read_every_word_once(tokenizer: PreTrainedTokenizerBase, stride: int):
    words = WORDS * 6
    found, ledger = windows(tokenizer, [words], Cut(12, stride))
    assert sorted(word for one in found for word in one.words) == list(range(len(words)))
    assert (ledger.words_cut, ledger.tokens_cut, ledger.samples_cut) == (0, 0, 0)
    assert ledger.tokens == len(tokenizer(words, is_split_into_words=True)["input_ids"])
    assert first_pieces(tokenizer, Cut(12, stride), words) == first_pieces(tokenizer, Cut(256), words)


def test_a_word_is_predicted_where_it_has_most_context(tokenizer: PreTrainedTokenizerBase):
    first, second, *_ = windows(tokenizer, [["a", "b", "c", "d", "e", "f", "g", "h"]], Cut(8, 4))[0]
    assert (first.words, second.words) == ([0, 1, 2, 3], [4, 5, 6, 7])


def test_a_word_without_pieces_is_an_unknown_one(tokenizer: PreTrainedTokenizerBase):
    assert first_pieces(tokenizer, Cut(64), ["a", "\x96", "b"]) == {0: "a", 1: "[UNK]", 2: "b"}


def test_labels_stand_at_first_pieces_or_at_all(tokenizer: PreTrainedTokenizerBase):
    (one,), _ = windows(tokenizer, [["unbelievableness", "ended"]], Cut(64))
    assert Labelling().of(one, [1, 0]) == [IGNORE, 1, IGNORE, 0, IGNORE]
    assert Labelling((0, 2, 2)).of(one, [1, 0]) == [IGNORE, 1, 2, 0, IGNORE]


def test_rows_are_tokenized_once(tokenizer: PreTrainedTokenizerBase):
    rows = Dataset.from_dict({"text": [WORDS, ["Hi"]], "tags": [[0, 1, 0, 1, 0, 0, 0], [1]]})
    cut = Cut(8, 2)
    made, ledger = tokenize_words(rows, tokenizer, ("text", "tags"), cut, Labelling())
    again, same = tokenize_words(rows, tokenizer, ("text", "tags"), cut, Labelling())
    assert made.cache_files == again.cache_files
    assert (ledger, ledger.limit) == (same, 8)
    learnt = [label for labels in made["labels"][:] for label in labels if label != IGNORE]
    assert sorted(learnt) == [0, 0, 0, 0, 0, 1, 1, 1]
    assert made["sentence"][:] == [0] * (len(made) - 1) + [1]
    assert made["length"][:] == [len(ids) for ids in made["input_ids"][:]]
    other, _ = tokenize_words(rows, tokenizer, ("text", "tags"), Cut(8), Labelling())
    assert other.cache_files != made.cache_files


def test_byte_level_tokenizers_know_the_space_before_a_word(tmp_path):
    from tokenizers import ByteLevelBPETokenizer
    from transformers import RobertaConfig, RobertaModel, RobertaTokenizer

    from toolkit.hub.models import locate_model
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.token_model import open_word_tokenizer

    trained = ByteLevelBPETokenizer()
    trained.train_from_iterator(
        ["the cat sat on the mat"] * 9,
        vocab_size=300,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
    )
    trained.save_model(str(tmp_path))
    plain = RobertaTokenizer.from_pretrained(tmp_path)
    plain.save_pretrained(tmp_path)
    small = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}
    RobertaModel(RobertaConfig(vocab_size=len(plain), **small)).save_pretrained(tmp_path)
    tokenizer = open_word_tokenizer(locate_model(ModelSection(name=str(tmp_path))))
    (one,), _ = windows(tokenizer, [["the", "cat"]], Cut(16))
    text = tokenizer.convert_ids_to_tokens(one.inputs["input_ids"])
    assert [text[at][0] for at in one.positions] == ["Ġ", "Ġ"]
