from __future__ import annotations

from pathlib import Path

from transformers import AutoTokenizer

from toolkit.data.vocabulary import Vocabulary, learn_words

TEXTS = ["A fine film, a FINE one.", "one dull film", "Don't!"]


def test_words_are_ranked_by_how_often_they_occur_then_by_the_alphabet() -> None:
    found = learn_words(TEXTS, Vocabulary(min_frequency=1)).get_vocab()
    ranked = sorted(found, key=lambda word: found[word])
    assert ranked == ["[PAD]", "[UNK]", "a", "film", "fine", "one", "!", "'", ",", ".", "don", "dull", "t"]
    assert learn_words(TEXTS[::-1], Vocabulary(min_frequency=1)).get_vocab() == found


def test_rare_words_and_words_beyond_the_size_are_unknown() -> None:
    assert set(learn_words(TEXTS, Vocabulary()).get_vocab()) == {"[PAD]", "[UNK]", "a", "film", "fine", "one"}
    small = learn_words(TEXTS, Vocabulary(size=4))
    assert small("a fine film")["input_ids"] == [2, 1, 3]


def test_case_is_kept_where_that_is_asked_for() -> None:
    words = learn_words(TEXTS, Vocabulary(min_frequency=1, lowercase=False)).get_vocab()
    assert {"FINE", "fine", "A", "a"} <= set(words)


def test_the_saved_tokenizer_opens_without_the_toolkit_and_reads_the_same(tmp_path: Path) -> None:
    made = learn_words(TEXTS, Vocabulary())
    made.save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").is_file()
    opened = AutoTokenizer.from_pretrained(tmp_path)
    assert opened("A new film")["input_ids"] == made("A new film")["input_ids"] == [2, 1, 3]
    assert (opened.pad_token_id, opened.unk_token_id) == (0, 1)
    assert "token_type_ids" not in opened("a film")
