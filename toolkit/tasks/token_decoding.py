"""From the tags of words to entities with their places, and to words for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.schemes import OUTSIDE, spans

if TYPE_CHECKING:
    from toolkit.tasks.protocol import Prediction

Place = tuple[int, int]
"""Where a word begins and ends in its text, in characters."""
NOTHING = "nothing"
SHOWN = 4
"""Tags or types of entities that a prediction's label names."""


def decode(
    text: str, places: Sequence[Place], logits: np.ndarray, names: Sequence[str], scheme: str
) -> Prediction:
    """The prediction for one sentence.

    Args:
        text: what the words are in.
        places: of each word.
        logits: (words, tags); NaN for words that were not read.
        names: the tags by number.
        scheme: of the tags.
    """
    tags: list[str | None] = [None if np.isnan(row).any() else names[int(row.argmax())] for row in logits]
    sure = [0.0 if tag is None else _highest(row) for tag, row in zip(tags, logits, strict=True)]
    found = entities(text, places, tags, sure) if scheme != "plain" else []
    kinds = [one["label"] for one in found] if scheme != "plain" else [tag for tag in tags if tag]
    prediction: Prediction = {
        "label": describe(kinds),
        "text": text,
        "words": [text[start:end] for start, end in places],
        "tags": tags,
        "probabilities": sure,
        "spans": [list(place) for place in places],
        "marked": _marked(text, places, tags) if scheme == "plain" else _bracketed(text, found),
    }
    return prediction if scheme == "plain" else {**prediction, "entities": found}


def _highest(row: np.ndarray) -> float:
    shifted = np.exp(np.asarray(row, np.float64) - row.max())
    return float(shifted.max() / shifted.sum())


def entities(
    text: str, places: Sequence[Place], tags: Sequence[str | None], sure: Sequence[float]
) -> list[dict[str, Any]]:
    """The entities that tags mark, as transformers' pipeline gives them with ``aggregation_strategy="first"``.

    An entity may begin with I-; its score is the mean probability of its words' tags.
    """
    return [
        {
            "label": kind,
            "score": float(np.mean(sure[first:end])),
            "start": places[first][0],
            "end": places[end - 1][1],
            "text": text[places[first][0] : places[end - 1][1]],
        }
        for kind, first, end in spans([tag or OUTSIDE for tag in tags])
    ]


def describe(kinds: Iterable[str]) -> str:
    """How often each type of entity or each tag occurs, the most frequent first: ``2 PER, 1 LOC``."""
    counts = Counter(kinds).most_common()
    rest = sum(count for _, count in counts[SHOWN:])
    shown = [f"{count} {kind}" for kind, count in counts[:SHOWN]] + ([f"{rest} others"] if rest else [])
    return ", ".join(shown) or NOTHING


def describe_tags(tags: Sequence[str], scheme: str) -> str:
    """What the tags of a sentence say, in short."""
    return describe(tags if scheme == "plain" else [span.kind for span in spans(tags)])


def _marked(text: str, places: Sequence[Place], tags: Sequence[str | None]) -> str:
    """``The/DET dog/NOUN``; a question mark where a word was not read."""
    words = (text[start:end] for start, end in places)
    return " ".join(f"{word}/{tag or '?'}" for word, tag in zip(words, tags, strict=True))


def _bracketed(text: str, found: Sequence[dict[str, Any]]) -> str:
    """``[PER Ada Lovelace] went home``."""
    parts: list[str] = []
    at = 0
    for one in found:
        parts.append(f"{text[at : one['start']]}[{one['label']} {one['text']}]")
        at = one["end"]
    return "".join([*parts, text[at:]])
