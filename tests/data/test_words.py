"""Typed text is cut into words as the training data has its words."""

from __future__ import annotations

import pytest

from toolkit.data.words import WordSplitter

APART = [
    ["Mr.", "Smith", "went", "home", "."],
    ["Mr.", "Brown", ",", "too", ",", "stayed", "."],
    ["He", "did", "n't", "say", '"', "no", '"', "(", "twice", ")", "."],
    ["It", "is", "Anna", "'s", ",", "is", "n't", "it", "?"],
    ["She", "lives", "in", "the", "U.S.", "now", "."],
    ["The", "U.S.", "is", "large", "."],
    ["That", "is", "John", "'s", "$", "5", "."],
]
GROWN = [line.split() for line in ("Hello, world.", "Nice, isn't it?", "(Not now.) Later, please.")]


def words(splitter: WordSplitter, text: str) -> list[str]:
    return [text[start:end] for start, end in splitter.split(text)]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Mr. Smith left.", "Mr. Smith left ."),
        ("He didn't.", "He did n't ."),
        ("Mary's (old) dog!", "Mary 's ( old ) dog !"),
        ('In the U.S., "no".', 'In the U.S. , " no " .'),
        ("Wait...", "Wait ..."),
        ("a well-known 3.5% of it", "a well-known 3.5 % of it"),
        ("  spaced   out  ", "spaced out"),
        ("...", "..."),
    ],
)
def test_marks_are_cut_off_as_in_training(text: str, found: str):
    assert words(WordSplitter.learn(APART), text) == found.split()


def test_marks_stay_where_training_has_them_at_their_words():
    assert words(WordSplitter.learn(GROWN), "Well, this isn't new.") == ["Well,", "this", "isn't", "new."]


def test_training_sentences_come_back():
    splitter = WordSplitter.learn(APART * 2)
    assert [words(splitter, " ".join(sentence)) for sentence in APART] == APART


def test_it_is_kept_as_json():
    splitter = WordSplitter.learn(APART)
    assert WordSplitter.from_dict(splitter.to_dict()) == splitter


def test_letters_with_signs_are_not_cut():
    assert words(WordSplitter.learn(APART), "नमस्ते दुनिया") == ["नमस्ते", "दुनिया"]
