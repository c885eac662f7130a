"""Small models and broken inputs of the image tasks."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from tests.tasks.case import Bad, Case


def small_cnn(folder: Path) -> Path:
    """A convolutional network without dropout and batch statistics, so that pieces of a batch can be compared."""
    import torch

    from toolkit.data.labels import LabelSpace
    from toolkit.data.pictures import Frame
    from toolkit.models.cnn import CnnConfig, CnnForImageClassification
    from toolkit.tasks.image_input import PictureInput
    from toolkit.tasks.image_model import ImagePredictor
    from toolkit.tasks.problem import Problem

    torch.manual_seed(0)
    problem = Problem(LabelSpace("single_label_classification", tuple("0123456789")))
    config = CnnConfig(num_channels=1, channels=[8, 16], convolutions=1, norm="none", **problem.config)
    preprocessing = PictureInput(Frame((8, 8), 1), (0.3,), (0.4,))
    folder.mkdir(exist_ok=True)
    ImagePredictor(CnnForImageClassification(config), preprocessing, problem).save(folder)
    return folder


def picture(path: Path, shade: int = 100, size: tuple[int, int] = (12, 10)) -> Path:
    """A picture of noise about a shade of grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(zlib.crc32(path.name.encode()) + shade)
    noise = random.integers(-40, 40, (size[1], size[0], 3))
    Image.fromarray((shade + noise).clip(0, 255).astype(np.uint8)).save(path)
    return path


def classes(folder: Path, *names: str, each: int = 12) -> Path:
    """A folder with a sub-folder of pictures for each class."""
    for shade, name in zip(range(60, 250, 60), names, strict=False):
        for number in range(each):
            picture(folder / name / f"{name}{number}.png", shade)
    return folder


def with_file(name: str, content: bytes) -> Callable[[Path], Path]:
    """A maker of two good classes and one more file in the first of them."""

    def make(folder: Path) -> Path:
        root = classes(folder / "pictures", "dark", "light")
        (root / "dark" / name).write_bytes(content)
        return root

    return make


def empty_class(folder: Path) -> Path:
    root = classes(folder / "pictures", "dark", "light")
    (root / "nothing").mkdir()
    return root


def unseen_class(folder: Path) -> Path:
    classes(folder / "pictures" / "train", "dark", "light")
    classes(folder / "pictures" / "test", "dark", "purple")
    return folder / "pictures"


def table(folder: Path, cell: str) -> Path:
    """A csv file of paths, the last of which is ``cell``."""
    root = classes(folder / "pictures", "dark", "light")
    lines = [f"{path.relative_to(folder)},{path.parent.name}" for path in sorted(root.rglob("*.png"))]
    rows = folder / "rows.csv"
    rows.write_text("\n".join(["image,label", *lines, f"{cell},dark"]) + "\n")
    return rows


def huge_png() -> bytes:
    """The head of a picture of 30,000 x 30,000 pixels; nothing of it needs to be decoded to refuse it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


def animation(folder: Path) -> Path:
    root = classes(folder / "pictures", "dark", "light")
    frames = [Image.new("L", (8, 8), shade) for shade in (0, 255)]
    # Named like a picture that is read: what counts is what the file holds.
    frames[0].save(root / "dark" / "moving.png", "GIF", save_all=True, append_images=frames[1:])
    return root


IMAGE_CLASSIFICATION = Case(
    recipe="vision/digits-cnn",
    learning=("train.max_steps=24", "train.logging_steps=4"),
    small=small_cnn,
    steps=(
        "data.limit=300",
        "train.max_steps=6",
        "train.save_steps=2",
        "train.eval_steps=3",
        "model.config={}",
    ),
    bad=(
        Bad("empty_picture", with_file("none.png", b""), ("none.png", "empty")),
        Bad("damaged", with_file("cut.png", huge_png()[:40]), ("cut.png", "on_error")),
        Bad("not_a_picture", with_file("words.jpg", b"no picture at all"), ("words.jpg", "JPEG")),
        Bad("video", with_file("film.jpg", b"\0\0\0\x18ftypmp42" + bytes(40)), ("film.jpg", "video")),
        Bad("animation", animation, ("moving.png", "GIF")),
        Bad("too_large", with_file("huge.png", huge_png()), ("huge.png", "900,000,000 pixels")),
        Bad("one_class", lambda folder: classes(folder / "pictures", "dark"), ("dark", "two classes")),
        Bad("empty_class", empty_class, ("nothing", "empty")),
        Bad("unseen_class", unseen_class, ("purple", "dark")),
        Bad("outside", lambda folder: table(folder, "../secret.png"), ("rows.csv:26", "leaves the folder")),
        Bad("missing_file", lambda folder: table(folder, "gone.png"), ("rows.csv:26", "no such file")),
        Bad(
            "no_pictures",
            lambda folder: (folder / "none").mkdir() or folder / "none",
            ("none", "no data files"),
        ),
    ),
)


def small_unet(folder: Path) -> Path:
    """A U-Net without dropout and batch statistics."""
    import torch

    from toolkit.data.labels import LabelSpace
    from toolkit.data.pictures import Frame
    from toolkit.models.unet import UnetConfig, UnetForSemanticSegmentation
    from toolkit.tasks.image_input import PictureInput
    from toolkit.tasks.problem import label_config
    from toolkit.tasks.segmentation_model import MaskPredictor

    torch.manual_seed(0)
    space = LabelSpace("semantic_segmentation", ("background", "grey matter", "white matter"))
    config = UnetConfig(num_channels=1, channels=[4, 8], convolutions=1, norm="none", **label_config(space))
    preprocessing = PictureInput(Frame((32, 32), 1, "stretch"), (0.3,), (0.4,))
    folder.mkdir(exist_ok=True)
    MaskPredictor(UnetForSemanticSegmentation(config), preprocessing, space, ["background"]).save(folder)
    return folder


def scans(folder: Path, spoil: Callable[[Path], object] = lambda folder: None) -> Path:
    """Pictures with masks of two halves, one of which is spoilt."""
    root = folder / "scans"
    numbers = np.zeros((10, 12), np.uint8)
    numbers[:, 6:] = 1
    (root / "masks").mkdir(parents=True)
    for at in range(12):
        picture(root / "images" / f"{at}.png", 60 + at)
        Image.fromarray(numbers).save(root / "masks" / f"{at}.png")
    spoil(root)
    return root


def spoilt(spoil: Callable[[Path], object]) -> Callable[[Path], Path]:
    return lambda folder: scans(folder, spoil)


def one_class(root: Path) -> None:
    for file in (root / "masks").iterdir():
        Image.new("L", (12, 10), 0).save(file)


IMAGE_SEGMENTATION = Case(
    recipe="vision/brain-tissue",
    learning=("train.max_steps=16", "train.logging_steps=4", "options.size=48"),
    small=small_unet,
    steps=(
        "options.size=32",
        "train.batch_size=6",
        "train.max_steps=6",
        "train.save_steps=2",
        "train.eval_steps=3",
        "model.config={}",
    ),
    bad=(
        Bad("empty_picture", spoilt(lambda s: (s / "images" / "3.png").write_bytes(b"")), ("3.png", "empty")),
        Bad("empty_mask", spoilt(lambda s: (s / "masks" / "3.png").write_bytes(b"")), ("3.png", "mask")),
        Bad("no_mask", spoilt(lambda s: (s / "masks" / "3.png").unlink()), ("3.png", "no file of that name")),
        Bad(
            "another_size",
            spoilt(lambda s: Image.new("L", (4, 4)).save(s / "masks" / "3.png")),
            ("3.png", "4 x 4", "12 x 10"),
        ),
        Bad(
            "no_class",
            spoilt(lambda s: Image.new("L", (12, 10), 9).save(s / "masks" / "3.png")),
            ("3.png", "9", "no class"),
            ("options.labels=[left, right]",),
        ),
        Bad("one_class", spoilt(one_class), ("masks", "one class")),
        Bad(
            "unknown_skip",
            scans,
            ("options.skip", "middle", "left"),
            ("options.labels=[left, right]", "options.skip=[middle]"),
        ),
        Bad(
            "no_pairs", lambda folder: (folder / "none").mkdir() or folder / "none", ("none", "no data files")
        ),
    ),
)
