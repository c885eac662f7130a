"""Rows of pictures: where they come from, what is refused, what leaks."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features
from datasets import Image as Pictures
from PIL import Image

from tests.tasks.picture_cases import classes, picture
from toolkit.data.load import Rows, load_rows
from toolkit.data.pictures import Frame
from toolkit.data.roles import Role
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

ROLES = (Role("image", "image", ("image", "file_name")), Role("label", "label", ("label",)))
FRAME = Frame((8, 8), 3)


def load(source: Path, **data: object) -> Rows:
    return load_rows(DataSection(source=str(source), **data), ROLES, frame=FRAME)  # pyright: ignore[reportArgumentType]


def count(rows: Rows) -> int:
    return sum(map(len, rows.splits.values()))


def test_a_folder_for_each_class(tmp_path: Path):
    rows = load(classes(tmp_path / "p", "dark", "light"), test=0.25, validation=0.25)
    assert rows.labels is not None
    assert rows.labels.names == ("dark", "light")
    assert {split: len(part) for split, part in rows.splits.items()} == {
        "train": 12,
        "validation": 6,
        "test": 6,
    }
    for split in rows.splits:
        shades = [pixels.mean() for pixels in rows.inputs(split, "image")]
        assert [shade > 90 for shade in shades] == [label == 1 for label in rows.splits[split]["label"]]


def test_folders_of_splits_are_used_as_they_are(tmp_path: Path):
    classes(tmp_path / "p" / "train", "dark", "light")
    classes(tmp_path / "p" / "val", "dark", "light", each=5)
    rows = load(tmp_path / "p")
    assert len(rows.splits["validation"]) == 10


def test_a_table_of_paths_and_the_hubs_metadata(tmp_path: Path):
    folder = classes(tmp_path / "p", "dark", "light")
    paths = [path.relative_to(folder) for path in sorted(folder.rglob("*.png"))]
    lines = [json.dumps({"file_name": str(path), "label": path.parent.name}) for path in paths]
    (folder / "metadata.jsonl").write_text("\n".join(lines))
    rows = load(folder)
    assert count(rows) == 24
    assert rows.columns == {"image": "file_name", "label": "label"}


def test_pictures_of_a_dataset(tmp_path: Path):
    files = [str(picture(tmp_path / f"{n}.png", 60 + 100 * (n % 2))) for n in range(20)]
    features = Features(image=Pictures(), label=ClassLabel(names=["dark", "light"]))
    Dataset.from_dict({"image": files, "label": [n % 2 for n in range(20)]}, features=features).save_to_disk(
        tmp_path / "saved"
    )
    assert count(load(tmp_path / "saved")) == 20


def test_a_changed_picture_is_read_anew(tmp_path: Path):
    folder = classes(tmp_path / "p", "dark", "light")
    lines = [f"{path.relative_to(folder)},{path.parent.name}" for path in sorted(folder.rglob("*.png"))]
    (tmp_path / "p" / "rows.csv").write_text("\n".join(["image,label", *lines]))
    before = load(folder / "rows.csv", test=0, validation=0).inputs("train", "image")[0].mean()
    Image.new("RGB", (12, 10), "white").save(folder / "dark" / "dark0.png")
    after = load(folder / "rows.csv", test=0, validation=0).inputs("train", "image")[0].mean()
    assert before < 100
    assert after == 255


def test_pictures_that_cannot_be_read_are_left_out_when_asked(tmp_path: Path):
    folder = classes(tmp_path / "p", "dark", "light")
    (folder / "dark" / "dark3.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"dark3\.png: the file is empty"):
        load(folder)
    rows = load(folder, on_error="skip")
    assert count(rows) == 23
    assert rows.manifest["skipped"]["count"] == 1


def test_copies_on_two_sides_of_a_split_are_found(tmp_path: Path):
    random = np.random.default_rng(0)
    for split in ("train", "test"):
        classes(tmp_path / "p" / split, "dark", "light", each=6)
    for split in ("train", "test"):
        for file in (tmp_path / "p" / split).rglob("*.png"):
            patches = Image.fromarray(random.integers(0, 255, (5, 5, 3), np.uint8))
            patches.resize((48, 48), Image.Resampling.BICUBIC).save(file)
    original = tmp_path / "p" / "train" / "dark" / "dark0.png"
    Image.open(original).save(tmp_path / "p" / "test" / "dark" / "dark1.bmp")
    Image.open(original).resize((96, 80)).save(tmp_path / "p" / "test" / "dark" / "dark2.png")
    rows = load(tmp_path / "p", validation=0)
    leaks = rows.manifest["leaks"]
    assert (leaks["exact"], leaks["near"], leaks["of"]) == (1, 1, "picture")
