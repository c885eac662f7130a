"""``data.scenes``: the source's labelled pictures, split first, and scenes composed of each split's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Features, Image, List, Value

from toolkit.data.pictures import Frame
from toolkit.data.roles import Role
from toolkit.data.scenes import Layout, Scenes, compose_scenes
from toolkit.data.sources import Source
from toolkit.data.splits import SPLITS
from toolkit.data.store import BATCH, stored, write_arrow
from toolkit.data.table import Part, Table
from toolkit.errors import DataError, Finding, raise_errors
from toolkit.hub.convert.images import png
from toolkit.recipe.schema import DataSection, ScenesSection

if TYPE_CHECKING:
    from toolkit.data.load import Rows

OBJECTS = (
    Role("image", "image", ("image", "img", "picture", "photo", "file_name", "pixel_values")),
    Role("label", "label", ("label", "labels", "class", "category", "target")),
)
"""What a source of single objects must have, whatever the task makes of the scenes."""
_SINGLE = "single_label_classification"


def compose(
    data: DataSection, roles: Sequence[Role], load: Callable[..., Rows]
) -> tuple[Source, DataSection]:
    """The scenes as a source of their own, split already, and the section that describes it.

    Args:
        data: the recipe's section, with ``scenes``.
        roles: the task's; the scenes' columns are called by them.
        load: :func:`toolkit.data.load.load_rows`, for the rows of single objects.

    Raises:
        DataError: the source's pictures cannot be used as objects, or a split has none.
    """
    assert data.scenes is not None
    rows = _objects(data, load)
    counts = {split: getattr(data.scenes, split) for split in SPLITS}
    _refuse_empty(counts, rows)
    names = {role.kind: role.name for role in roles}
    columns = (names["image"], names.get("boxes", "objects"))
    tables = {split: _table(data, rows, split, columns) for split in SPLITS if counts[split]}
    own = {"columns": dict(zip(columns, columns, strict=True)), "validation": 0.0, "test": 0.0}
    whole = {"splits": {}, "group": None, "limit": None, "scenes": None}
    revision = rows.manifest["revision"]
    return Source(data.source, tables, rows.findings, revision), data.model_copy(update=own | whole)


def _objects(data: DataSection, load: Callable[..., Rows]) -> Rows:
    """The single objects in splits, each at its own size, which must be the same for all."""
    plain = data.model_copy(update={"scenes": None})
    rows = load(plain, OBJECTS, problem_type=_SINGLE, frame=Frame((8, 8), 1, "stretch"))
    found = [rows.pixels[split].sizes[_positions(rows, split)] for split in rows.splits]
    sizes = np.unique(np.concatenate(found), axis=0)
    if len(sizes) > 1:
        shown = " and ".join(f"{width} x {height}" for width, height in sizes[:2].tolist())
        message = f"pictures of several sizes ({shown}): the objects of scenes need one"
        raise DataError(Finding("error", data.source, message, "bring them to one size, bright on black"))
    width, height = sizes[0].tolist()
    return load(plain, OBJECTS, problem_type=_SINGLE, frame=Frame((height, width), 1, "stretch"))


def _positions(rows: Rows, split: str) -> np.ndarray:
    return np.asarray(rows.splits[split]["image"][:], np.int64)


def _refuse_empty(counts: dict[str, int], rows: Rows) -> None:
    message, fix = "no rows of the source are held out for them", "set data.{0} above 0, or data.scenes.{0}=0"
    missing = [split for split, count in counts.items() if count and split not in rows.splits]
    raise_errors([Finding("error", f"data.scenes.{split}", message, fix.format(split)) for split in missing])


def _table(data: DataSection, rows: Rows, split: str, columns: tuple[str, str]) -> Table:
    """The scenes of a split, composed once; another split draws from another seed and from other objects."""
    scenes, store = data.scenes, rows.pixels[split]
    assert scenes is not None
    assert rows.labels is not None
    names = rows.labels.names
    parts: dict[str, Any] = {
        "step": "scenes",
        "made_of": [store.stored.key, rows.manifest["fingerprints"][split]],
        "names": names,
        "count": getattr(scenes, split),
        "columns": columns,
        "seed": len(SPLITS) * scenes.seed + SPLITS.index(split),
        **scenes.model_dump(mode="json", include={"size", "objects", "scale"}),
    }
    pictures = store.pixels[_positions(rows, split), 0]
    labels = np.asarray(rows.splits[split]["label"][:], np.int64)

    def build(path: Path) -> dict[str, Any]:
        drawn = _drawn(scenes, pictures, labels, parts)
        _write(path, drawn, columns, names)
        return {}

    one = stored(parts, build)
    part = Part(f"{data.source} scenes ({split})", len(one.dataset), len(one.dataset))
    return Table(one.dataset, one.key, (part,))


def _drawn(scenes: ScenesSection, pictures: np.ndarray, labels: np.ndarray, parts: dict[str, Any]) -> Scenes:
    layout = Layout(scenes.objects, scenes.scale)
    try:
        return compose_scenes(
            pictures, labels, count=parts["count"], size=scenes.size, seed=parts["seed"], layout=layout
        )
    except ValueError as error:
        raise DataError(
            Finding("error", "data.scenes", str(error), "change these values, or the source")
        ) from error


def _write(path: Path, scenes: Scenes, columns: tuple[str, str], names: Sequence[str]) -> None:
    image, objects = columns
    kinds = {"xyxy": List(List(Value("float32"))), "category": List(ClassLabel(names=list(names)))}
    schema = Features({image: Image(), objects: kinds}).arrow_schema

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(scenes.pictures), BATCH):
            cells = [
                {
                    image: {"bytes": png(scenes.pictures[at])["bytes"], "path": None},
                    objects: {"xyxy": scenes.boxes[at].tolist(), "category": scenes.labels[at].tolist()},
                }
                for at in range(start, min(start + BATCH, len(scenes.pictures)))
            ]
            yield pa.RecordBatch.from_pylist(cells, schema=schema)

    write_arrow(path, schema, batches())
