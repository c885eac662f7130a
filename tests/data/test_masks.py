"""Masks are class numbers, and belong to pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tasks.picture_cases import picture
from toolkit.data.load import Rows, load_rows
from toolkit.data.masks import open_mask
from toolkit.data.pictures import Frame, PictureError
from toolkit.data.roles import Role
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

ROLES = (Role("image", "image", ("image",)), Role("mask", "mask", ("mask",)))


def load(source: Path, *classes: str, fit: str = "stretch", **data: object) -> Rows:
    frame = Frame((8, 8), 3, fit)  # pyright: ignore[reportArgumentType]
    section = DataSection(source=str(source), **data)  # pyright: ignore[reportArgumentType]
    return load_rows(section, ROLES, frame=frame, classes=classes)


def mask(path: Path, numbers: np.ndarray) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(numbers.astype(np.uint8)).save(path)
    return path


def scans(folder: Path, count: int = 12, largest: int = 1) -> Path:
    """Pictures of 12 x 10 pixels, the right half of which is of the largest class."""
    numbers = np.zeros((10, 12))
    numbers[:, 6:] = largest
    for at in range(count):
        picture(folder / "images" / f"{at}.png", 60 + at)
        mask(folder / "masks" / f"{at}.png", numbers)
    return folder


def test_two_folders_are_paired_by_name(tmp_path: Path):
    rows = load(scans(tmp_path / "s"), "left", "right")
    assert rows.labels is not None
    assert rows.labels.names == ("left", "right")
    store = rows.masks["train"]
    numbers = store.pixels[rows.splits["train"]["image"][0], 0]
    assert np.array_equal(numbers, np.repeat([[0] * 4 + [1] * 4], 8, axis=0))


@pytest.mark.parametrize("layout", ["train/images", "images/train"])
def test_splits_may_lie_above_or_below(tmp_path: Path, layout: str):
    for split, count in (("train", 8), ("test", 3)):
        inner = layout.replace("train", split)
        scans(tmp_path / "made" / split, count)
        for kind in ("images", "masks"):
            target = tmp_path / "s" / inner.replace("images", kind)
            target.parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "made" / split / kind).rename(target)
    rows = load(tmp_path / "s", validation=0)
    assert {split: len(part) for split, part in rows.splits.items()} == {"train": 8, "test": 3}


def test_classes_are_the_numbers_where_they_have_no_names(tmp_path: Path):
    rows = load(scans(tmp_path / "s", largest=2))
    assert rows.labels is not None
    assert rows.labels.names == ("0", "1", "2")
    assert any("options.labels" in str(finding) for finding in rows.findings)


def test_a_border_does_not_count(tmp_path: Path):
    rows = load(scans(tmp_path / "s"), "left", "right", fit="pad")
    numbers = rows.masks["train"].pixels[0, 0]
    assert set(np.unique(numbers)) == {0, 1, 255}


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda s: mask(s / "masks" / "3.png", np.zeros((4, 4))), "4 x 4 pixels and the picture 12 x 10"),
        (lambda s: mask(s / "masks" / "3.png", np.full((10, 12), 7)), "the mask holds 7"),
        (lambda s: picture(s / "masks" / "3.png", 100), "in colours"),
        (lambda s: (s / "masks" / "3.png").write_bytes(b""), "mask: the file is empty"),
        (lambda s: (s / "masks" / "3.png").unlink(), "no file of that name"),
        (lambda s: (s / "images" / "3.png").unlink(), "no file of that name"),
    ],
)
def test_a_mask_that_does_not_fit_is_named(tmp_path: Path, spoil, said: str):
    folder = scans(tmp_path / "s")
    spoil(folder)
    with pytest.raises(DataError, match=said) as caught:
        load(folder, "left", "right")
    assert "3.png" in str(caught.value)


def test_masks_of_one_class_teach_nothing(tmp_path: Path):
    with pytest.raises(DataError, match="of one class"):
        load(scans(tmp_path / "s", largest=0))


def test_a_palettes_numbers_are_kept_and_its_colours_are_not_looked_at(tmp_path: Path):
    palette = Image.fromarray(np.array([[0, 1], [2, 0]], np.uint8)).convert("P")
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0] + [0] * 759)
    palette.save(tmp_path / "p.png")
    assert np.asarray(open_mask(tmp_path / "p.png")).tolist() == [[0, 1], [2, 0]]


def test_black_and_white_are_0_and_1(tmp_path: Path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "b.png")
    assert np.asarray(open_mask(tmp_path / "b.png")).tolist() == [[1, 0]]


def test_numbers_beyond_a_byte_are_refused(tmp_path: Path):
    Image.fromarray(np.array([[0, 300]], np.uint16)).save(tmp_path / "w.png")
    with pytest.raises(PictureError, match="300"):
        open_mask(tmp_path / "w.png")


def test_a_mask_comes_back_at_the_pictures_size():
    small = np.zeros((8, 8), np.uint8)
    small[2:6, 4:] = 1
    wide = Frame((8, 8), 1, "pad", "nearest").undo(Image.fromarray(small), (16, 8))
    assert wide.size == (16, 8)
    assert np.array_equal(np.asarray(wide), np.repeat([[0] * 8 + [1] * 8], 8, axis=0))
