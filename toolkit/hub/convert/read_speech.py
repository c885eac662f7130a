"""Read English sentences with transcripts: too few to train on, enough to evaluate with."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from toolkit.hub.convert.audio import dataset_of
from toolkit.hub.convert.saving import save_splits

LINE = re.compile(r"<s>\s*(.*?)\s*</s>\s*\((.+)\)")
LISTINGS = ("cards/cards.transcription", "librivox/transcription")


def convert(archives: Path, target: Path) -> None:
    """Columns ``audio`` (WAV, 16 kHz), ``text`` and ``id``; one split, ``test``."""
    folder = archives / "pocketsphinx-testdata" / "usr" / "share" / "pocketsphinx" / "test" / "data"
    rows = [row for name in LISTINGS for row in _rows(folder / name)]
    save_splits({"test": dataset_of(rows, 16_000)}, target)


def _rows(listing: Path) -> Iterator[dict[str, Any]]:
    for text, name in LINE.findall(listing.read_text(encoding="utf-8")):
        audio = (listing.parent / f"{name}.wav").read_bytes()
        yield {"audio": audio, "text": text, "id": f"{listing.parent.name}/{name}"}
