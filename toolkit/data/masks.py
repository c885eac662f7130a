"""Masks: pictures whose values are class numbers, opened without touching a number, and paired with their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Features, Image, Value
from PIL import Image as Pillow

from toolkit.data.convert import SOURCE_FILE, SOURCE_LINE, SOURCE_ROW
from toolkit.data.folders import split_of
from toolkit.data.labels import LabelSpace
from toolkit.data.pictures import SUFFIXES, PictureError, open_raw
from toolkit.data.pixels import PixelStore
from toolkit.data.problems import Problems
from toolkit.data.splits import SPLIT_WORDS
from toolkit.data.store import BATCH, file_identity, stored, write_arrow
from toolkit.data.table import Part, Table
from toolkit.errors import Finding, raise_errors

IGNORE = 255
"""The class number of pixels that do not count, as in PASCAL VOC and Cityscapes."""
PICTURE_FOLDERS = ("images", "image", "pictures", "img", "imgs")
MASK_FOLDERS = ("masks", "mask", "annotations", "labels", "segmentation", "segmentations")


def open_mask(value: Any) -> Pillow.Image:
    """A mask in mode ``L`` of class numbers: a palette's numbers, grey values, or 0 and 1 of black and white.

    Args:
        value: path, encoded bytes, Pillow image, or uint8 array.

    Raises:
        PictureError: unreadable, in colours whose meaning is not known, or with numbers beyond 255.
    """
    picture = open_raw(value)
    if picture.mode in {"L", "P"}:
        return Pillow.fromarray(np.asarray(picture))
    numbers = np.asarray(picture).astype(np.int64)
    if numbers.ndim == 3:
        if not (numbers[..., :3] == numbers[..., :1]).all():
            raise PictureError(
                "a mask in colours; its values must be class numbers (grey or palette, one channel)"
            )
        numbers = numbers[..., 0]
    if numbers.min(initial=0) < 0 or numbers.max(initial=0) > IGNORE:
        raise PictureError(
            f"class numbers from {numbers.min()} to {numbers.max()}; they must be 0 to {IGNORE}"
        )
    return Pillow.fromarray(numbers.astype(np.uint8))


def mask_classes(masks: PixelStore | None, given: Sequence[str], findings: list[Finding]) -> LabelSpace:
    """The classes of training masks: the given names, or one for each number up to the largest there is.

    Args:
        masks: of the training rows.
        given: names by number; empty when they are not known.
        findings: gets a note when numbers stand for names, and an error when there is only one class.
    """
    names = tuple(given)
    if not names and masks is not None:
        rows = range(len(masks.indices))
        largest = max((n for at in rows for n in masks.values(at) if n != IGNORE), default=0)
        names = tuple(str(number) for number in range(largest + 1))
        fix = "name them: options.labels=[background, road]"
        message = f"classes are the numbers 0 to {largest}, as the masks hold them"
        findings.append(Finding("note", "options.labels", message, fix))
    if len(names) < 2:
        fix = "masks need pixels of at least two classes"
        findings.append(Finding("error", "masks", "every pixel of every mask is of one class", fix))
    return LabelSpace("semantic_segmentation", names)


def paired_folder(folder: Path) -> dict[str, Table]:
    """Tables of a folder of pictures beside a folder of masks of the same names; empty when it is not one.

    ``images/`` and ``masks/``, below a folder for each split or above one.

    Raises:
        DataError: pictures without a mask, or masks without a picture; all of them are named.
    """
    pairs = {"train": (_named(folder, PICTURE_FOLDERS), _named(folder, MASK_FOLDERS))}
    pictures, masks = pairs["train"]
    if pictures is None and masks is None:
        inside = [path for path in sorted(folder.iterdir()) if path.is_dir() and split_of(path.name)]
        pairs = {str(split_of(p.name)): (_named(p, PICTURE_FOLDERS), _named(p, MASK_FOLDERS)) for p in inside}
    elif pictures and masks and any(split_of(path.name) for path in pictures.iterdir() if path.is_dir()):
        pairs = {str(split_of(p.name)): (p, masks / p.name) for p in pictures.iterdir() if split_of(p.name)}
    known = {split: (a, b) for split, (a, b) in pairs.items() if a is not None and b is not None}
    return {split: _table(*known[split]) for split in SPLIT_WORDS if split in known}


def _named(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next(
        (path for path in sorted(folder.iterdir()) if path.name.lower() in names and path.is_dir()), None
    )


def _table(pictures: Path, masks: Path) -> Table:
    found, mates = _by_stem(pictures), _by_stem(masks)
    alone = [(found[stem], masks) for stem in sorted(found.keys() - mates.keys())]
    alone += [(mates[stem], pictures) for stem in sorted(mates.keys() - found.keys())]
    problems = Problems()
    for path, other in alone:
        problems.add(str(path), f"no file of that name in {other}", "picture and mask need the same name")
    raise_errors(problems.findings("stop", str(pictures.parent)))
    files = [(found[stem], mates[stem]) for stem in sorted(found)]
    identity = [[file_identity(path) for path in pair] for pair in files]
    one = stored({"step": "pairs", "files": identity}, lambda target: _write(files, target))
    part = Part(str(pictures.parent), len(one.dataset), len(files), pictures.parent)
    return Table(one.dataset, one.key, (part,))


def _by_stem(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise_errors([Finding("error", str(folder), "no such folder", "each split needs its masks")])
    paths = (path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    return {str(path.relative_to(folder).with_suffix("")): path for path in paths}


def _write(files: list[tuple[Path, Path]], target: Path) -> dict[str, Any]:
    numbers = {SOURCE_ROW: Value("int64"), SOURCE_LINE: Value("int64"), SOURCE_FILE: Value("string")}
    schema = Features({**numbers, "image": Image(), "mask": Image()}).arrow_schema

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(files), BATCH):
            rows = [
                {
                    SOURCE_ROW: row,
                    SOURCE_LINE: 0,
                    SOURCE_FILE: str(picture),
                    "image": {"bytes": None, "path": str(picture.resolve())},
                    "mask": {"bytes": None, "path": str(mask.resolve())},
                }
                for row, (picture, mask) in enumerate(files[start : start + BATCH], start + 1)
            ]
            yield pa.RecordBatch.from_pylist(rows, schema=schema)

    write_arrow(target, schema, batches())
    return {}
