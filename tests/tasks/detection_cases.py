"""A small detector and broken inputs of detection."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.data.test_boxes import changed, coco, metadata
from tests.tasks.case import Bad, Case

SMALL: dict[str, Any] = {
    "d_model": 32,
    "encoder_ffn_dim": 32,
    "decoder_ffn_dim": 32,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "decoder_layers": 1,
    "num_queries": 10,
    "num_denoising": 0,
}
"""Values of RTDetrConfig: without denoising, whose noise is drawn anew in every piece, pieces add up exactly."""


def small_detector(folder: Path, names: tuple[str, ...] = tuple("0123456789")) -> Path:
    """An RT-DETR of a few layers on a tiny ResNet, all weights new."""
    import torch

    from toolkit.data.labels import LabelSpace
    from toolkit.data.pictures import Frame
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.detection_model import BoxPredictor
    from toolkit.tasks.detection_opening import open_detector
    from toolkit.tasks.image_input import PictureInput
    from toolkit.tasks.problem import label_config

    torch.manual_seed(0)
    space, frame = LabelSpace("object_detection", names), Frame((64, 64), 3, "stretch")
    section = ModelSection(name="scratch:rt_detr", backbone="scratch:test_resnet", config=SMALL)
    model, _ = open_detector(section, label_config(space), frame)
    folder.mkdir(exist_ok=True)
    BoxPredictor(model.eval(), PictureInput(frame, (0.3,) * 3, (0.2,) * 3), space).save(folder)
    return folder


def spoilt(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], Path]:
    """A maker of a COCO folder whose annotations are changed."""
    return lambda folder: changed(coco(folder / "scenes"), change)


def damaged(folder: Path) -> Path:
    root = coco(folder / "scenes")
    (root / "images" / "3.png").write_bytes(b"")
    return root


def unseen(folder: Path) -> Path:
    """Two splits, the second of which has a category that the first does not."""
    metadata(folder / "scenes" / "train", [])
    metadata(folder / "scenes" / "test", [{"bbox": [[1, 2, 4, 6]], "category": ["tree"]}])
    return folder / "scenes"


def cell(value: Any) -> Callable[[Path], Path]:
    """A maker of a folder with a metadata.jsonl whose last row holds these objects."""
    return lambda folder: metadata(folder / "scenes", [value])


OBJECT_DETECTION = Case(
    recipe="vision/detect-digits",
    learning=(
        "data.scenes.train=120",
        "data.scenes.validation=12",
        "data.scenes.test=24",
        "train.max_steps=16",
        "train.eval_steps=16",
        "train.logging_steps=4",
    ),
    small=small_detector,
    steps=(
        "model.backbone=null",
        "model.config={}",
        "data.scenes.train=36",
        "data.scenes.validation=6",
        "data.scenes.test=8",
        "data.scenes.size=64",
        "options.size=64",
        "options.freeze_norms=true",
        "train.batch_size=6",
        "train.max_steps=6",
        "train.save_steps=2",
        "train.eval_steps=3",
        # Adam would step as far along gradients that are nothing but rounding as along any other.
        "train.optimizer=sgd",
    ),
    bad=(
        Bad("empty_picture", damaged, ("3.png", "empty")),
        Bad(
            "outside",
            spoilt(lambda c: c["annotations"][6].update(bbox=[1, 2, 40, 6])),
            ("annotations.json", "3.png", "[1, 2, 40, 6]", "12 x 10"),
        ),
        Bad("no_area", spoilt(lambda c: c["annotations"][6].update(bbox=[1, 2, 4, 0])), ("3.png", "no area")),
        Bad(
            "not_four",
            spoilt(lambda c: c["annotations"][6].update(bbox=[1, float("nan"), 4, 6])),
            ("3.png", "nan", "four numbers"),
        ),
        Bad(
            "no_image",
            spoilt(lambda c: c["annotations"][6].update(image_id=99)),
            ("annotation 30", "image_id 99"),
        ),
        Bad(
            "no_category",
            spoilt(lambda c: c["annotations"][6].update(category_id=99)),
            ("annotation 30", "category_id 99", "3 cat"),
        ),
        Bad("twice", spoilt(lambda c: c["annotations"][6].update(id=20)), ("annotation 20", "twice")),
        Bad("no_boxes", spoilt(lambda c: c.update(annotations=[])), ("annotations.json", "no picture has")),
        Bad(
            "lengths", cell({"bbox": [[1, 2, 4, 6]], "category": []}), ("metadata.jsonl:13", "1 boxes and 0")
        ),
        Bad("unseen_category", unseen, ("metadata.jsonl:13", "tree", "cat, dog")),
        Bad("size", coco, ("options.size", "multiples of 32"), ("options.size=100", "data.validation=0.2")),
        Bad(
            "no_layout",
            lambda folder: (folder / "none").mkdir() or folder / "none",
            ("none", "no data files"),
        ),
    ),
)
