"""One picture, whatever file it comes from."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.data.pictures import Frame, PictureError, open_picture


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def gradient(width: int = 6, height: int = 4) -> Image.Image:
    values = np.arange(width * height, dtype=np.uint8).reshape(height, width) * 8
    return Image.fromarray(values)


def test_every_way_to_give_a_picture_is_the_same_picture(tmp_path: Path):
    picture = gradient()
    picture.save(tmp_path / "grey.png")
    given = [
        tmp_path / "grey.png",
        str(tmp_path / "grey.png"),
        encoded(picture),
        picture,
        np.asarray(picture),
    ]
    opened = [np.asarray(open_picture(value)) for value in given]
    assert all(np.array_equal(one, np.asarray(picture)) for one in opened)


def test_exif_says_which_side_is_up():
    turned = Image.Exif()
    turned[0x0112] = 6  # the camera was held upright: turn right by a quarter
    picture = gradient(6, 4).convert("RGB")
    assert open_picture(encoded(picture, "JPEG", exif=turned, quality=95)).size == (4, 6)


def test_transparency_is_white():
    picture = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    picture.putpixel((1, 0), (0, 0, 0, 0))
    opened = open_picture(encoded(picture))
    assert [opened.getpixel((0, 0)), opened.getpixel((1, 0))] == [(255, 0, 0), (255, 255, 255)]


def test_sixteen_bits_become_eight():
    values = np.array([[0, 257, 65535]], np.uint16)
    opened = open_picture(encoded(Image.fromarray(values)))
    assert opened.mode == "L"
    assert np.asarray(opened).tolist() == [[0, 1, 255]]


def test_palette_and_cmyk_become_colours():
    red = Image.new("RGB", (2, 2), (250, 10, 10))
    assert open_picture(encoded(red.convert("P"))).mode == "RGB"
    pixel = open_picture(encoded(red.convert("CMYK"), "JPEG", quality=95)).getpixel((0, 0))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"GIF89a" + bytes(20), "GIF"),
        (b"\0\0\0\x18ftypmp42" + bytes(20), "video"),
        (b"\x1aE\xdf\xa3" + bytes(20), "video"),
        (b"%PDF-1.7", "PDF"),
        (b"just words", "JPEG"),
        (encoded(gradient(60, 60))[:120], "damaged"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(content: bytes, said: str):
    with pytest.raises(PictureError, match=said):
        open_picture(content)


def test_an_animation_is_refused():
    frames = [Image.new("L", (4, 4), shade) for shade in (0, 255)]
    with pytest.raises(PictureError, match="2 pictures in one file"):
        open_picture(encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:]))


def test_a_missing_file_a_folder_and_a_wrong_array_are_told(tmp_path: Path):
    with pytest.raises(PictureError, match="no such file"):
        open_picture(tmp_path / "none.png")
    with pytest.raises(PictureError, match="a folder"):
        open_picture(tmp_path)
    with pytest.raises(PictureError, match="float64"):
        open_picture(np.zeros((2, 2)))


def test_a_frame_cuts_stretches_or_pads():
    wide = Image.fromarray(np.repeat(np.array([[0, 255, 255, 0]], np.uint8), 2, axis=0))
    stretched = Frame((2, 2), 1, "stretch", "nearest").apply(wide)
    cropped = Frame((2, 2), 1, "crop", "nearest").apply(wide)
    padded = Frame((4, 4), 1, "pad", "nearest").apply(wide)
    assert stretched.shape == cropped.shape == (1, 2, 2)
    assert cropped.tolist() == [[[255, 255], [255, 255]]]
    assert padded[0].tolist() == [[0] * 4, [0, 255, 255, 0], [0, 255, 255, 0], [0] * 4]


def test_a_picture_in_its_frame_stays_as_it_is():
    picture = gradient(6, 4)
    assert np.array_equal(Frame((4, 6), 1).apply(picture)[0], np.asarray(picture))
    colours = Frame((4, 6), 3).apply(picture)
    assert colours.shape == (3, 4, 6)
    assert np.array_equal(colours[0], colours[2])
