"""A tokenizer of whole words, learnt from the training rows alone: for models that start from new weights."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from pydantic import Field

from toolkit.recipe.schema import Section

if TYPE_CHECKING:
    from datasets import Dataset
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

PAD, UNKNOWN, END = "[PAD]", "[UNK]", "[END]"
SPECIAL = (PAD, UNKNOWN)
"""Numbers 0 and 1 of every vocabulary made here."""


class Vocabulary(Section):
    """Which words of the training rows a model with new weights knows; all others are one unknown word."""

    size: int = Field(default=20_000, gt=3)
    """The most entries, the padding and the unknown word among them; the most frequent words are kept."""
    min_frequency: int = Field(default=2, gt=0)
    """A word is kept when the training rows hold it so often: one seen once would hardly be learnt."""
    lowercase: bool = True
    """Read ``Film`` and ``film`` as one word."""


def learn_words(texts: Iterable[str], settings: Vocabulary, *, end: bool = False) -> PreTrainedTokenizerFast:
    """A word-level tokenizer whose vocabulary depends on the counts of the words alone, not on their order.

    Words are runs of letters, digits and underscores, or of other signs; equally frequent ones rank by the alphabet.
    Saved, it is a ``tokenizer.json`` that ``AutoTokenizer`` opens.

    Args:
        texts: the training rows' texts.
        settings: which words to keep.
        end: whether there is a token for the end of a text, number 2, which a model that writes needs.
    """
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    tokenizer = _split_into_words(Tokenizer(WordLevel({}, unk_token=UNKNOWN)), lowercase=settings.lowercase)
    counts = Counter(word for text in texts for word in _words(tokenizer, text))
    frequent = [word for word, count in counts.items() if count >= settings.min_frequency]
    ranked = sorted(frequent, key=lambda word: (-counts[word], word))
    special = (*SPECIAL, END) if end else SPECIAL
    entries = [*special, *(word for word in ranked if word not in special)][: settings.size]
    tokenizer.model = WordLevel({word: number for number, word in enumerate(entries)}, unk_token=UNKNOWN)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        unk_token=UNKNOWN,
        eos_token=END if end else None,
        model_input_names=["input_ids", "attention_mask"],
    )


def texts_of(rows: Dataset, column: str) -> Iterator[str]:
    """The texts of a column, a bounded number in memory at a time."""
    from toolkit.data.store import arrow_batches

    for batch in arrow_batches(rows, [column]):
        yield from batch[column].to_pylist()


def unknown_share(rows: Dataset, unknown: int) -> float:
    """Which share of the tokens of tokenised rows is the unknown word."""
    from toolkit.data.store import arrow_batches

    tokens = found = 0
    for batch in arrow_batches(rows, ["input_ids"]):
        ids = batch["input_ids"].combine_chunks().flatten().to_numpy()
        tokens, found = tokens + len(ids), found + int((ids == unknown).sum())
    return found / max(tokens, 1)


def _split_into_words(tokenizer: Tokenizer, *, lowercase: bool) -> Tokenizer:
    from tokenizers.normalizers import NFKC, Lowercase, Sequence
    from tokenizers.pre_tokenizers import Whitespace

    tokenizer.normalizer = Sequence([NFKC(), Lowercase()] if lowercase else [NFKC()])
    tokenizer.pre_tokenizer = Whitespace()
    return tokenizer


def _words(tokenizer: Tokenizer, text: str) -> Iterator[str]:
    """The words of a text, as the finished tokenizer will cut it."""
    assert tokenizer.normalizer is not None
    assert tokenizer.pre_tokenizer is not None
    return (
        word for word, _ in tokenizer.pre_tokenizer.pre_tokenize_str(tokenizer.normalizer.normalize_str(text))
    )
