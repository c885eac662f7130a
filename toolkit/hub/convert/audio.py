"""Recordings as WAV bytes, undecoded: reading them takes soundfile alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import datasets


def dataset_of(rows: Iterable[dict[str, Any]], sampling_rate: int) -> datasets.Dataset:
    """Rows of ``audio`` (WAV bytes), ``text`` and ``id`` as a dataset."""
    text = datasets.Value("string")
    features = datasets.Features(audio={"bytes": datasets.Value("binary"), "path": text}, text=text, id=text)
    kept = [{**row, "audio": {"bytes": row["audio"], "path": None}} for row in rows]
    plain = datasets.Dataset.from_list(kept, features=features)
    # A cast at the end and decode=False: encoding and decoding inside datasets need torchcodec and FFmpeg.
    return plain.cast_column("audio", datasets.Audio(sampling_rate=sampling_rate, decode=False))
