"""Passages of held-out documents with one word taken out, to show what is filled in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from toolkit.tasks.evaluation import sample_positions

PASSAGE = 180
"""Characters of a passage, about; it begins and ends between words."""
TELLING = 4
"""Letters of a word worth asking for, where there are any so long."""


class Gap(NamedTuple):
    """A passage with a gap, and the token that was there."""

    text: str
    truth: str


def take_words_out(texts: Sequence[str], tokenizer: Any, count: int, seed: int = 0) -> list[Gap]:
    """Passages of up to ``count`` of the texts, each with one word taken out that is a single token.

    Args:
        texts: whole documents.
        tokenizer: a fast one with a mask token.
        count: how many, where there are so many texts.
        seed: of what is drawn.
    """
    gaps: list[Gap] = []
    for at in sample_positions(len(texts), count, seed):
        draws = np.random.default_rng((seed, int(at)))
        passage = _passage(texts[int(at)], draws)
        gap = None if tokenizer.mask_token in passage else _take_out(passage, tokenizer, draws)
        gaps += [gap] if gap else []
    return gaps


def _passage(text: str, draws: np.random.Generator) -> str:
    """A piece of a text that begins and ends between words, and is not too long even where there are none."""
    start = int(draws.integers(0, max(1, len(text) - PASSAGE)))
    start = text.find(" ", start, start + PASSAGE) + 1 if start else 0
    piece = text[start : start + PASSAGE]
    cut = piece.rfind(" ", PASSAGE // 2) if start + PASSAGE < len(text) else -1
    return " ".join((piece[:cut] if cut > 0 else piece).split())


def _take_out(passage: str, tokenizer: Any, draws: np.random.Generator) -> Gap | None:
    encoded = tokenizer(passage, return_offsets_mapping=True, truncation=False, verbose=False)
    words, spans = encoded.word_ids(0), encoded["offset_mapping"]
    whole = [at for at, word in enumerate(words) if word is not None and words.count(word) == 1]
    lettered = [at for at in whole if passage[slice(*spans[at])].isalnum()]
    telling = [at for at in lettered if spans[at][1] - spans[at][0] >= TELLING]
    for at in draws.permutation(np.asarray(telling or lettered or whole, dtype=np.int64)).tolist():
        start, end = spans[at]
        text = passage[:start] + tokenizer.mask_token + passage[end:]
        asked = tokenizer(text, verbose=False)["input_ids"]
        # The rest must be read as before, which a sign next to the gap may change.
        if asked == [*encoded["input_ids"][:at], tokenizer.mask_token_id, *encoded["input_ids"][at + 1 :]]:
            return Gap(text, tokenizer.decode([encoded["input_ids"][at]]))
    return None
