"""Pictures of an episode as a film that browsers play: H.264 in an MP4 file."""

from __future__ import annotations

import io
from collections.abc import Iterable
from fractions import Fraction

import numpy as np

WIDEST = 640
"""Pixels; wider pictures are made smaller by a whole number."""


def encode(frames: Iterable[np.ndarray], fps: float) -> bytes:
    """An MP4 file of pictures, uint8 (height, width, 3), all of one size.

    Args:
        frames: at least one.
        fps: pictures a second.

    Raises:
        ValueError: there are no pictures.
    """
    import av

    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=Fraction(fps).limit_denominator(1000))
        stream.pix_fmt, stream.options = "yuv420p", {"crf": "26", "preset": "veryfast", "threads": "1"}
        count = 0
        for count, picture in enumerate(map(_prepared, frames), 1):
            if count == 1:
                stream.height, stream.width = picture.shape[:2]
            film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        if count == 0:
            raise ValueError("a film needs pictures")
        film.mux(stream.encode())
    return target.getvalue()


def _prepared(picture: np.ndarray) -> np.ndarray:
    """Small enough for a page, large enough to be seen, and of even sides, as the colours of H.264 need."""
    step = max(1, -(-picture.shape[1] // WIDEST))
    grown = max(1, 160 // picture.shape[1])
    sized = picture[::step, ::step].repeat(grown, axis=0).repeat(grown, axis=1)
    return np.ascontiguousarray(sized[: sized.shape[0] // 2 * 2, : sized.shape[1] // 2 * 2])
