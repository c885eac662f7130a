from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolkit.demo import pictures
from toolkit.demo.pictures import LARGEST, SMALLEST


@pytest.mark.parametrize("size", [(8, 8), (1, 1), (28, 20), (200, 319), (320, 40), (640, 480), (800, 800)])
def test_small_pictures_grow_in_whole_blocks_and_the_rest_stays(size: tuple[int, int]) -> None:
    shown = pictures.visible(Image.new("L", size)).size

    assert SMALLEST <= max(shown) <= LARGEST
    factor = shown[0] // size[0]
    assert shown == (size[0] * factor, size[1] * factor)


@pytest.mark.parametrize("size", [(4000, 3000), (3, 5000), (801, 1)])
def test_large_pictures_shrink_and_keep_their_shape(size: tuple[int, int]) -> None:
    width, height = pictures.visible(Image.new("RGB", size)).size

    assert max(width, height) == LARGEST
    assert min(width, height) == max(1, round(min(size) * LARGEST / max(size)))


def test_a_small_picture_is_not_blurred() -> None:
    checks = np.kron(np.eye(2, dtype=np.uint8), np.full((4, 4), 255, np.uint8))

    shown = pictures.visible(Image.fromarray(checks))

    assert set(np.unique(np.asarray(shown))) == {0, 255}


def test_equal_pictures_are_known_again_in_another_file(tmp_path: Path) -> None:
    pixels = np.arange(192, dtype=np.uint8).reshape(8, 8, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels).save(tmp_path / "a.bmp")
    other = pixels.copy()
    other[0, 0, 0] += 1

    known = pictures.content(tmp_path / "a.png")

    assert known == pictures.content(tmp_path / "a.bmp") == pictures.content(pixels)
    assert known != pictures.content(other)
    assert known != pictures.content(pixels.reshape(4, 16, 3))


def test_boxes_are_drawn_where_they_are() -> None:
    boxes = [
        {"label": "dog", "score": 0.934, "box": [10.0, 20.0, 50.0, 60.0]},
        {"label": "cat", "score": 0.5, "box": [-5.0, 90.0, 30.0, 140.0]},
        {"label": "dog", "score": 0.996, "box": [99.9, 99.9, 100.0, 100.0]},
    ]

    layers, colors = pictures.box_layers(boxes, (100, 100), (200, 300))

    assert [name for _, name in layers] == ["dog 93%", "cat 50%", "dog 100%"]
    assert colors["dog 93%"] == colors["dog 100%"] != colors["cat 50%"]
    first, second, tiny = (opacity for opacity, _ in layers)
    assert first.shape == (300, 200)
    rows, columns = np.nonzero(first)
    assert (columns.min(), columns.max() + 1, rows.min(), rows.max() + 1) == (20, 100, 60, 180)
    assert first[60, 20] > first[100, 60] > 0
    assert np.nonzero(second)[0].max() == 299
    assert tiny.any()


def mask_of(numbers: np.ndarray) -> str:
    stream = io.BytesIO()
    Image.fromarray(numbers.astype(np.uint8)).save(stream, "PNG")
    return base64.b64encode(stream.getvalue()).decode()


def test_every_class_of_a_mask_is_a_layer_with_its_share() -> None:
    numbers = np.zeros((10, 20), dtype=np.uint8)
    numbers[:, :5], numbers[0, 5] = 2, 1
    names = ["Background", "dog", "cat", "cow"]
    shares = {"Background": 0.745, "dog": 0.005, "cat": 0.25, "cow": 0.0}

    present = list(pictures.largest_shares({"names": names, "shares": shares}))
    layers, colors = pictures.mask_layers(mask_of(numbers), present, (200, 100))

    assert list(colors) == [name for _, name in layers] == ["Background 74%", "cat 25%", "dog under 1%"]
    background, cat, dog = (opacity for opacity, _ in layers)
    assert not background.any()
    assert (cat > 0).sum() == 50 * 100
    assert (dog > 0).sum() == 10 * 10
    assert 0 < cat.max() < 1
