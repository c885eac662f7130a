"""Annotations in COCO's JSON: one file for each split, beside or above the folder of its pictures."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
from datasets import ClassLabel, Features, List, Value

from toolkit.data.convert import SOURCE_FILE, SOURCE_LINE, SOURCE_ROW
from toolkit.data.folders import split_of
from toolkit.data.problems import Problems, listed
from toolkit.data.splits import SPLIT_WORDS
from toolkit.data.store import BATCH, file_identity, stored, write_arrow
from toolkit.data.table import Part, Table
from toolkit.errors import DataError, Finding, raise_errors

HEAD = 1 << 16
"""Bytes by which such a file is told from other JSON."""
_MARK = re.compile(rb'^\s*\{\s*"(info|licenses|images|annotations|categories|type)"\s*:')
_LIKELY = "instances"
"""In the name of the file that holds boxes, where captions and keypoints lie beside it."""
PICTURE_FOLDERS = ("images", "image", "pictures", "imgs", "data")


def is_coco(path: Path) -> bool:
    """Whether a file looks like annotations of COCO."""
    if path.suffix.lower() != ".json":
        return False
    with path.open("rb") as file:
        return bool(_MARK.match(file.read(HEAD).removeprefix(b"\xef\xbb\xbf")))


def coco_folder(source: Path) -> dict[str, Table]:
    """Tables of a folder with COCO's JSON files, or of one such file; empty where there is none.

    Columns ``image`` (a path below the folder of pictures) and ``objects`` (``xywh`` and ``category``).

    Raises:
        DataError: a file that cannot be read, or several for one split.
    """
    if source.is_file():
        return {"train": _table(source)}
    files = [path for path in sorted(source.rglob("*.json")) if is_coco(path)]
    found: dict[str, list[Path]] = {}
    for path in files:
        split = next(filter(None, map(split_of, path.relative_to(source).parts)), None)
        found.setdefault(split or "", []).append(path)
    if len(found) > 1:
        found.pop("", None)
    chosen = {split: _likely(paths, split) for split, paths in found.items()}
    return {split: _table(chosen[split]) for split in ("", *SPLIT_WORDS) if split in chosen} | (
        {"train": _table(chosen[""])} if "" in chosen else {}
    )


def _likely(paths: Sequence[Path], split: str) -> Path:
    """The one file of a split that holds boxes."""
    named = [path for path in paths if _LIKELY in path.name.lower()] or list(paths)
    if len(named) > 1:
        of = f" for {split}" if split else ""
        message = f"several files of annotations{of}: {listed(path.name for path in named)}"
        raise DataError(Finding("error", str(named[0].parent), message, "keep one, or name the file itself"))
    return named[0]


def _table(path: Path) -> Table:
    one = stored({"step": "coco", "file": file_identity(path)}, lambda target: _write(path, target))
    problems = Problems.from_dict(one.notes["problems"])
    base = _pictures(path, one.dataset[0]["image"] if len(one.dataset) else "")
    part = Part(str(path), len(one.dataset), one.notes["rows"], base)
    return Table(one.dataset, one.key, (part,), problems, _crowds(path, one.notes["crowds"]))


def _crowds(path: Path, count: int) -> tuple[Finding, ...]:
    """A note of the boxes around groups, which COCO's own measure neither rewards nor punishes."""
    if not count:
        return ()
    message = f"{count:,} annotation(s) around a crowd (iscrowd) are left out of training and metrics"
    return (Finding("note", str(path), message, "remove iscrowd where a box holds one object"),)


def _pictures(path: Path, first: str) -> Path:
    """The folder that the file's picture names start from: the first place near it that has the first picture."""
    beside, split = path.parent, split_of(path.stem) or split_of(path.parent.name)
    places = [beside, beside.parent]
    places += [place / name for place in (beside, beside.parent) for name in PICTURE_FOLDERS]
    inner = [
        place for around in places if around.is_dir() for place in sorted(around.iterdir()) if place.is_dir()
    ]
    places += [place for place in inner if split and split_of(place.name) == split]
    return next((place for place in places if first and (place / first).is_file()), beside)


@dataclass
class _Annotations:
    """One file of annotations, and what is wrong with it."""

    path: Path
    images: dict[Any, str] = field(default_factory=dict[Any, str])
    """File name by id."""
    names: dict[Any, str] = field(default_factory=dict[Any, str])
    """Category by id, in the order of the ids."""
    objects: dict[Any, list[tuple[Any, str]]] = field(default_factory=dict[Any, list[tuple[Any, str]]])
    """Boxes and categories by the id of their picture."""
    spoilt: set[Any] = field(default_factory=set[Any])
    """Ids of pictures whose objects are not all known."""
    problems: Problems = field(default_factory=Problems)
    crowds: int = 0

    def refuse(self, what: str, message: str, fix: str) -> None:
        """Name something that cannot be used."""
        self.problems.add(f"{self.path} {what}", message, fix)

    def add_images(self, images: Sequence[Mapping[str, Any]]) -> None:
        """Take the pictures; each needs an id of its own and a file name."""
        for number, image in enumerate(images, 1):
            key, name = image.get("id"), image.get("file_name")
            if key is None or not isinstance(name, str) or not name:
                self.refuse(f"image {number}", "it has no id or no file_name", "give it both")
            elif key in self.images:
                self.refuse(
                    f"image {name}", f"the id {key} is that of {self.images[key]} too", "give it its own"
                )
            else:
                self.images[key] = name

    def add_categories(self, categories: Sequence[Mapping[str, Any]]) -> None:
        """Take the categories; each needs an id and a name of its own."""
        for number, category in enumerate(categories, 1):
            key, name = category.get("id"), str(category.get("name") or "").strip()
            if key is None or not name:
                self.refuse(f"category {number}", "it has no id or no name", "give it both")
            elif key in self.names or name in self.names.values():
                self.refuse(
                    f"category {number}", f"the id {key} or the name '{name}' occurs twice", "rename one"
                )
            else:
                self.names[key] = name
        self.names = dict(sorted(self.names.items(), key=lambda item: (str(type(item[0])), item[0])))

    def add_objects(self, annotations: Sequence[Mapping[str, Any]]) -> None:
        """Take the boxes; each needs an id of its own, a picture and a category that exist."""
        seen: set[Any] = set()
        for number, one in enumerate(annotations, 1):
            key, image, category = (
                one.get("id", f"number {number}"),
                one.get("image_id"),
                one.get("category_id"),
            )
            if one.get("iscrowd"):
                self.crowds += 1
                continue
            problem = self._problem(image, category, key in seen, one)
            seen.add(key)
            if problem:
                self.refuse(f"annotation {key}", *problem)
                self.spoilt.add(image)
            else:
                self.objects.setdefault(image, []).append((one["bbox"], self.names[category]))

    def _problem(
        self, image: Any, category: Any, again: bool, one: Mapping[str, Any]
    ) -> tuple[str, str] | None:
        if again:
            return "its id occurs twice", "give each annotation its own"
        if image not in self.images:
            return f"image_id {image} is no picture of this file", "add the picture, or remove the annotation"
        if category not in self.names:
            known = listed((f"{key} {name}" for key, name in self.names.items()), 6) or "none"
            return f"category_id {category} is no category of this file", f"known: {known}"
        if not isinstance(one.get("bbox"), list):
            return f"its bbox is {one.get('bbox')!r}, not four numbers", "write x, y, width and height"
        return None


def _read(path: Path) -> _Annotations:
    """The parts of a file.

    Raises:
        DataError: not JSON, or without the lists that COCO's files have.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            content = json.load(file)
    except (ValueError, UnicodeError) as error:
        line = getattr(error, "lineno", 1)
        raise DataError(
            Finding("error", f"{path}:{line}", f"not JSON: {error}", "mend the file here")
        ) from None
    parts = {name: _objects_of(content, name) for name in ("images", "categories", "annotations")}
    missing = [name for name, part in parts.items() if part is None]
    raise_errors(
        [
            Finding(
                "error", str(path), f"no list of objects called '{name}'", "write it as COCO's files have it"
            )
            for name in missing
        ]
    )
    found = _Annotations(path)
    found.add_images(parts["images"] or [])
    found.add_categories(parts["categories"] or [])
    found.add_objects(parts["annotations"] or [])
    return found


def _objects_of(content: Any, name: str) -> list[dict[str, Any]] | None:
    part: Any = cast(dict[str, Any], content).get(name) if isinstance(content, dict) else None
    whole = isinstance(part, list) and all(isinstance(one, dict) for one in cast(list[Any], part))
    return cast(list[dict[str, Any]], part) if whole else None


def _write(path: Path, target: Path) -> dict[str, Any]:
    found = _read(path)
    kept = {key: name for key, name in found.images.items() if key not in found.spoilt}
    numbers = {SOURCE_ROW: Value("int64"), SOURCE_LINE: Value("int64"), SOURCE_FILE: Value("string")}
    names = list(found.names.values())
    # As JSON, so that a box that is no four numbers is named with its value when the boxes are checked.
    objects = {
        "xywh": List(Value("string")),
        "category": List(ClassLabel(names=names) if names else Value("int64")),
    }
    schema = Features({**numbers, "image": Value("string"), "objects": objects}).arrow_schema
    codes = {name: number for number, name in enumerate(names)}
    rows = [row for row in enumerate(found.images.items(), 1) if row[1][0] in kept]

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(rows), BATCH):
            cells = [
                {
                    SOURCE_ROW: row,
                    SOURCE_LINE: 0,
                    SOURCE_FILE: f"{path} image {name}",
                    "image": name,
                    "objects": {
                        "xywh": [json.dumps(box) for box, _ in found.objects.get(key, [])],
                        "category": [codes[one] for _, one in found.objects.get(key, [])],
                    },
                }
                for row, (key, name) in rows[start : start + BATCH]
            ]
            yield pa.RecordBatch.from_pylist(cells, schema=schema)

    write_arrow(target, schema, batches())
    return {"problems": found.problems.to_dict(), "rows": len(found.images), "crowds": found.crowds}
