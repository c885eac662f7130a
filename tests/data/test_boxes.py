"""Boxes belong to pictures, whatever file they come in."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import ClassLabel, Dataset, Features, Image, List, Value

from tests.tasks.picture_cases import picture
from toolkit.data.boxes import from_frame, to_frame
from toolkit.data.load import Rows, load_labelled, load_rows
from toolkit.data.pictures import Frame
from toolkit.data.roles import BoxFormat, Role
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

NAMES = ("cat", "dog")


def roles(box_format: BoxFormat = "xywh") -> tuple[Role, ...]:
    boxes = Role("objects", "boxes", ("objects", "annotations"), box_format=box_format)
    return (Role("image", "image", ("image", "file_name")), boxes)


def load(source: Path, box_format: BoxFormat = "xywh", fit: str = "stretch", **data: Any) -> Rows:
    frame = Frame((24, 24), 3, fit)  # pyright: ignore[reportArgumentType]
    return load_rows(DataSection(source=str(source), **data), roles(box_format), frame=frame)


def coco(folder: Path, count: int = 12, name: str = "annotations.json", images: str = "images") -> Path:
    """Pictures of 12 x 10 pixels with two objects each, but the last, which has none."""
    for at in range(count):
        picture(folder / images / f"{at}.png", 60 + at)
    boxes = [
        {"id": 10 * at + side, "image_id": at, "category_id": (7, 3)[side], "bbox": [1 + 5 * side, 2, 4, 6]}
        for at in range(count - 1)
        for side in range(2)
    ]
    content = {
        "info": {},
        "images": [{"id": at, "file_name": f"{at}.png"} for at in range(count)],
        "categories": [{"id": 7, "name": "dog"}, {"id": 3, "name": "cat"}],
        "annotations": boxes,
    }
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return folder


def changed(folder: Path, change: Callable[[dict[str, Any]], object], name: str = "annotations.json") -> Path:
    content = json.loads((folder / name).read_text())
    change(content)
    (folder / name).write_text(json.dumps(content))
    return folder


def metadata(folder: Path, objects: list[Any], count: int = 12) -> Path:
    """A folder of pictures with a metadata.jsonl, as datasets' imagefolder reads it; the last rows are ``objects``."""
    good = {"bbox": [[1, 2, 4, 6], [6, 2, 4, 6]], "category": ["cat", "dog"]}
    rows = [good] * count + objects
    for at in range(len(rows)):
        picture(folder / f"{at}.png", 60 + at)
    lines = [json.dumps({"file_name": f"{at}.png", "objects": row}) for at, row in enumerate(rows)]
    (folder / "metadata.jsonl").write_text("\n".join(lines) + "\n")
    return folder


def refusal(source: Path, **more: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(source, **more)
    return str(caught.value)


def test_coco_boxes_come_in_the_pixels_of_the_frame(tmp_path: Path):
    rows = load(coco(tmp_path / "c"), validation=0, test=0)
    assert rows.labels is not None
    assert rows.labels.names == ("cat", "dog"), "the order of the categories' ids"
    first = rows.splits["train"][0]
    np.testing.assert_allclose(first["boxes"], [[2, 4.8, 10, 19.2], [12, 4.8, 20, 19.2]], rtol=1e-6)
    assert first["labels"] == [1, 0]
    assert rows.manifest["class_balance"]["train"] == {"cat": 11, "dog": 11}


def test_pictures_without_objects_are_kept(tmp_path: Path):
    rows = load(coco(tmp_path / "c"), validation=0, test=0)
    assert len(rows.splits["train"]) == 12
    assert rows.splits["train"][11]["boxes"] == []


@pytest.mark.parametrize(
    ("file", "images"),
    [
        ("annotations/instances_{}2017.json", "{}2017"),
        ("annotations/instances_{}.json", "images/{}"),
        ("{}/_annotations.coco.json", "{}"),
    ],
)
def test_one_file_for_each_split(tmp_path: Path, file: str, images: str):
    for split, count in (("train", 8), ("test", 3)):
        coco(tmp_path / "c", count, file.format(split), images.format(split))
    rows = load(tmp_path / "c", validation=0)
    assert {split: len(part) for split, part in rows.splits.items()} == {"train": 8, "test": 3}


def test_captions_beside_the_boxes_are_left_aside(tmp_path: Path):
    folder = coco(tmp_path / "c", name="annotations/instances_train.json", images="train")
    coco(tmp_path / "c", name="annotations/captions_train.json", images="train")
    assert len(load(folder, validation=0, test=0).splits["train"]) == 12


def test_two_files_of_boxes_for_one_split_are_refused(tmp_path: Path):
    folder = coco(tmp_path / "c", name="one.json")
    coco(tmp_path / "c", name="two.json")
    assert "one.json, two.json" in refusal(folder)


def test_the_file_itself_can_be_the_source(tmp_path: Path):
    rows = load(coco(tmp_path / "c") / "annotations.json", validation=0, test=0)
    assert len(rows.splits["train"]) == 12


def test_crowds_are_no_objects(tmp_path: Path):
    def crowd(content: dict[str, Any]) -> None:
        content["annotations"][0]["iscrowd"] = 1

    rows = load(changed(coco(tmp_path / "c"), crowd), validation=0, test=0)
    assert rows.splits["train"][0]["labels"] == [0]
    assert any("around a crowd" in finding.message for finding in rows.findings)


def annotation(**values: Any) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["annotations"][6].update(values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (annotation(image_id=99), ("annotation 30", "image_id 99")),
        (annotation(category_id=99), ("annotation 30", "category_id 99", "3 cat")),
        (annotation(id=20), ("annotation 20", "twice")),
        (lambda c: c["images"][3].update(id=2), ("image 3.png", "2.png too")),
        (lambda c: c["categories"][0].update(id=3), ("category 2", "twice")),
        (annotation(bbox=[1, 2, 40, 6]), ("image 3.png", "[1, 2, 40, 6]", "12 x 10")),
        (annotation(bbox=[1, 2, 0, 6]), ("image 3.png", "[1, 2, 0, 6]", "no area")),
        (annotation(bbox=[1, 2, 4]), ("image 3.png", "[1, 2, 4]", "four numbers")),
        (annotation(bbox=[1, 2, float("nan"), 4]), ("image 3.png", "nan", "four numbers")),
        (annotation(bbox=None), ("annotation 30", "None", "four numbers")),
        (lambda c: c.update(annotations=[]), ("annotations.json", "no picture has a usable object")),
        (lambda c: c.pop("categories"), ("annotations.json", "'categories'")),
        (lambda c: c["images"][3].update(file_name="gone.png"), ("gone.png", "no such file")),
        (lambda c: c["images"][3].update(file_name="../x.png"), ("x.png", "leaves the folder")),
    ],
)
def test_what_is_wrong_with_coco_is_named(tmp_path: Path, change, said: tuple[str, ...]):
    message = refusal(changed(coco(tmp_path / "c"), change))
    assert all(word in message for word in said), message


def test_all_mistakes_come_at_once_and_may_be_left_out(tmp_path: Path):
    def spoil(content: dict[str, Any]) -> None:
        content["annotations"][6]["bbox"] = [0, 0, 0, 0]
        content["annotations"][8]["category_id"] = 99

    folder = changed(coco(tmp_path / "c"), spoil)
    message = refusal(folder)
    assert "3.png" in message
    assert "category_id 99" in message
    rows = load(folder, validation=0, test=0, on_error="skip")
    assert len(rows.splits["train"]) == 10


def test_json_that_ends_early_is_named(tmp_path: Path):
    folder = coco(tmp_path / "c")
    path = folder / "annotations.json"
    path.write_text(path.read_text()[:-20])
    assert "not JSON" in refusal(folder)


def test_metadata_beside_pictures_is_read(tmp_path: Path):
    rows = load(metadata(tmp_path / "m", [{"bbox": [], "category": []}, None]), validation=0, test=0)
    assert rows.labels is not None
    assert rows.labels.names == NAMES
    assert [len(labels) for labels in rows.splits["train"]["labels"]] == [2] * 12 + [0, 0]


def test_a_list_of_single_objects_is_read(tmp_path: Path):
    single = [{"bbox": [1, 2, 4, 6], "category": "dog"}]
    rows = load(metadata(tmp_path / "m", [single]), validation=0, test=0)
    assert rows.splits["train"][12]["labels"] == [1]


def test_corners_can_be_asked_for(tmp_path: Path):
    cell = {"bbox": [[1, 2, 4, 6]], "category": ["cat"]}
    rows = load(metadata(tmp_path / "m", [cell] * 12, 0), "xyxy", validation=0, test=0)
    np.testing.assert_allclose(rows.splits["train"][0]["boxes"][0], [2, 4.8, 8, 14.4], rtol=1e-6)


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        ({"bbox": [[1, 2, 4, 6]], "category": []}, "1 boxes and 0 categories"),
        ({"bbox": [[1, 2, 4, "x"]], "category": ["cat"]}, "four numbers"),
        ({"bbox": [[-4, 2, 8, 6]], "category": ["cat"]}, r"\[-4, 2, 8, 6\] lies outside"),
        ({"bbox": [[1, 2, 4, 6]], "category": [None]}, "no category"),
        ({"box_list": [[1, 2, 4, 6]]}, "'bbox' and 'category' are needed"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(tmp_path: Path, cell: Any, said: str):
    message = refusal(metadata(tmp_path / "m", [cell]))
    with pytest.raises(AssertionError, match=said):
        raise AssertionError(message)
    assert "metadata.jsonl:13" in message


def test_rounding_at_the_edge_is_cut(tmp_path: Path):
    cell = {"bbox": [[-0.4, 2, 12.9, 8.5]], "category": ["cat"]}
    rows = load(metadata(tmp_path / "m", [cell]), validation=0, test=0)
    np.testing.assert_allclose(rows.splits["train"][12]["boxes"], [[0, 4.8, 24, 24]], rtol=1e-6)


def hub(count: int = 12, labels: int = 2) -> Dataset:
    """Rows as datasets of the Hub hold them."""
    names = ["cat", "dog", "hen"]
    objects = {
        "id": List(Value("int64")),
        "bbox": List(List(Value("float32"))),
        "category": List(ClassLabel(names=names)),
    }
    features = Features({"image": Image(), "objects": objects})
    random = np.random.default_rng(0)
    rows = {
        "image": [random.integers(0, 255, (10, 12, 3), np.uint8) for _ in range(count)],
        "objects": [{"id": [at], "bbox": [[1, 2, 4, 6]], "category": [at % labels]} for at in range(count)],
    }
    return Dataset.from_dict(rows, features=features)


def test_class_names_that_the_source_states_are_kept(tmp_path: Path):
    hub().save_to_disk(tmp_path / "d")
    rows = load(tmp_path / "d", validation=0, test=0)
    assert rows.labels is not None
    assert rows.labels.names == ("cat", "dog", "hen")
    assert any("hen" in str(finding) and finding.level == "warning" for finding in rows.findings)


def test_one_class_is_enough(tmp_path: Path):
    hub(labels=1).save_to_disk(tmp_path / "d")
    assert load(tmp_path / "d", validation=0, test=0).splits["train"]["labels"][0] == [0]


def test_a_category_unseen_in_training_is_named(tmp_path: Path):
    trained = load(metadata(tmp_path / "m", []), validation=0, test=0)
    other = metadata(tmp_path / "o", [{"bbox": [[1, 2, 4, 6]], "category": ["tree"]}])
    assert trained.labels is not None
    with pytest.raises(DataError, match=r"metadata.jsonl:13.*'tree' does not occur.*cat, dog"):
        load_labelled(
            DataSection(source=str(other)), roles(), trained.labels, trained.columns, Frame((8, 8), 3, "pad")
        )


@pytest.mark.parametrize("fit", ["stretch", "pad"])
@pytest.mark.parametrize("size", [(12, 10), (100, 33), (24, 24), (7, 90)])
def test_boxes_come_back_from_the_frame(fit: str, size: tuple[int, int]):
    frame = Frame((24, 32), 3, fit)  # pyright: ignore[reportArgumentType]
    boxes = np.array([[1.0, 2.0, 5.0, 6.5], [0.0, 0.0, *size]])
    moved = to_frame(boxes, size, frame)
    assert (moved >= 0).all()
    assert (moved <= [32, 24, 32, 24]).all()
    np.testing.assert_allclose(from_frame(moved, size, frame), boxes, atol=1e-9)


def test_a_padded_box_lies_on_what_it_marks():
    from PIL import Image as Pillow

    pixels = np.zeros((20, 50, 3), np.uint8)
    pixels[8:16, 10:30] = 255
    frame = Frame((25, 25), 3, "pad", "nearest")
    bright = np.argwhere(frame.apply(Pillow.fromarray(pixels))[0] > 0)
    (top, left), (bottom, right) = bright.min(0), bright.max(0) + 1
    box = to_frame(np.array([[10.0, 8.0, 30.0, 16.0]]), (50, 20), frame)[0]
    np.testing.assert_allclose(box, [left, top, right, bottom], atol=0.51)
