"""Films of episodes play in browsers and show what was drawn."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from toolkit.envs.video import WIDEST, encode


def picture(height: int, width: int, grey: int) -> np.ndarray:
    return np.full((height, width, 3), grey, np.uint8)


def decoded(film: bytes) -> tuple[float, list[np.ndarray]]:
    with av.open(io.BytesIO(film)) as source:
        (stream,) = source.streams
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        frames = [frame.to_ndarray(format="rgb24") for frame in source.decode(stream)]
        return float(stream.average_rate), frames


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        ((240, 320), (240, 320)),
        ((241, 321), (240, 320)),
        ((900, 2 * WIDEST), (450, WIDEST)),
        ((84, 60), (168, 120)),
        ((4, 4), (160, 160)),
    ],
    ids=str,
)
def test_every_picture_is_shown(size: tuple[int, int], shown: tuple[int, int]) -> None:
    greys = [0, 60, 120, 180, 240]
    fps, frames = decoded(encode([picture(*size, grey) for grey in greys], 12.5))
    assert fps == 12.5
    assert [frame.shape for frame in frames] == [(*shown, 3)] * len(greys)
    assert [frame.mean() for frame in frames] == pytest.approx(greys, abs=4)


def test_colours_stay_where_they_were() -> None:
    drawn = picture(160, 200, 0)
    drawn[:, 100:, 0] = 255
    _, (frame,) = decoded(encode([drawn], 30))
    assert frame[80, 150] == pytest.approx([255, 0, 0], abs=8)
    assert frame[80, 50] == pytest.approx([0, 0, 0], abs=8)


def test_a_film_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a film needs pictures"):
        encode([], 30)
