"""Spoken telephone prompts with their transcripts."""

# pyright: reportMissingImports=false
# An extra brings these packages; the type check must also pass without it.

from __future__ import annotations

import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import soundfile

from toolkit.hub.convert.audio import dataset_of
from toolkit.hub.convert.saving import save_splits

SAMPLING_RATE = 8000


def convert(archives: Path, target: Path) -> None:
    """Columns ``audio`` (WAV, 8 kHz), ``text`` and ``id`` (``digits/1``); one split, ``train``.

    Prompts without a transcript, and tones, are left out.
    """
    (folder,) = archives.glob("*/usr/share/asterisk/sounds/*")
    (listing,) = archives.glob("*/usr/share/doc/*/core-sounds-*.txt.gz")
    save_splits({"train": dataset_of(_rows(folder, _transcripts(listing)), SAMPLING_RATE)}, target)


def _transcripts(listing: Path) -> dict[str, str]:
    lines = gzip.decompress(listing.read_bytes()).decode("utf-8-sig").split("\n")
    said = (line.partition(":") for line in lines if not line.startswith(";"))
    texts = {name.strip(): text.strip() for name, _, text in said}
    return {name: text for name, text in texts.items() if text and not text.startswith("[")}


def _rows(folder: Path, transcripts: dict[str, str]) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.rglob("*.gsm")):
        name = path.relative_to(folder).with_suffix("").as_posix()
        if name in transcripts:
            yield {"audio": _wav(path), "text": transcripts[name], "id": name}


def _wav(path: Path) -> bytes:
    samples, rate = soundfile.read(
        path, format="RAW", subtype="GSM610", samplerate=SAMPLING_RATE, channels=1, dtype="int16"
    )
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()
