"""Scenes are composed of each split's own pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.data.test_boxes import roles
from tests.tasks.picture_cases import picture
from toolkit.data.load import Rows, load_rows
from toolkit.data.pictures import Frame
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection, ScenesSection

FRAME = Frame((64, 64), 1, "stretch")


def load(source: str = "sample:digits", scenes: dict[str, Any] | None = None, **data: Any) -> Rows:
    wanted: dict[str, Any] = {"train": 20, "validation": 6, "test": 8, "size": 64, **(scenes or {})}
    section = DataSection(source=source, scenes=ScenesSection(**wanted), **data)
    return load_rows(section, roles(), frame=FRAME)


def test_each_split_has_as_many_scenes_as_asked_for():
    rows = load()
    assert {split: len(part) for split, part in rows.splits.items()} == {
        "train": 20,
        "validation": 6,
        "test": 8,
    }
    assert rows.labels is not None
    assert rows.labels.names == tuple("0123456789")
    assert rows.manifest["leaks"]["exact"] == 0
    for split, part in rows.splits.items():
        for row in part:
            boxes = np.array(row["boxes"])
            assert 1 <= len(boxes) == len(row["labels"]) <= 6
            pixels = rows.pixels[split].pixels[row["image"], 0]
            for left, top, right, bottom in boxes.astype(int):
                assert pixels[top:bottom, left:right].max() > 150


def test_held_out_scenes_are_made_of_held_out_pictures():
    """With other pictures held out, the scenes of every split are others."""
    one, other = load(), load(split_seed=1)
    for split in ("train", "test"):
        assert one.manifest["fingerprints"][split] != other.manifest["fingerprints"][split]


def test_the_same_section_gives_the_same_scenes():
    assert load().manifest["fingerprints"] == load().manifest["fingerprints"]
    assert load(scenes={"seed": 1}).manifest["fingerprints"] != load().manifest["fingerprints"]


def test_a_split_that_is_not_asked_for_is_not_there():
    assert set(load(scenes={"validation": 0}).splits) == {"train", "test"}


def test_scenes_of_rows_that_are_not_there_are_refused():
    with pytest.raises(DataError, match=r"data\.scenes\.validation"):
        load(validation=0)


def test_objects_too_large_for_their_scene_are_refused():
    with pytest.raises(DataError, match=r"data\.scenes: .*do not fit 24 pixels"):
        load(scenes={"size": 24})


def test_objects_of_several_sizes_are_refused(tmp_path: Any):
    for name, side in (("a", 12), ("b", 14)):
        for at in range(8):
            picture(tmp_path / "p" / name / f"{at}.png", 100 + at, (side, side))
    with pytest.raises(DataError, match="several sizes"):
        load(str(tmp_path / "p"))
