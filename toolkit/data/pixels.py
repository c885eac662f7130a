"""Pictures decoded and resized once: uint8 pixels in a memory map, with a hash and a thumbnail of each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
from datasets import Image as ImageFeature
from PIL import Image

from toolkit.data.arrays import column_array
from toolkit.data.compute import compute as pc
from toolkit.data.pictures import Frame, PictureError, open_picture
from toolkit.data.store import BATCH, Stored, file_identity, stored, write_arrow
from toolkit.data.table import Pick

PIXELS = "pixels.u8"
"""Beside the Arrow file of hashes: the raw pixels, (pictures, channels, height, width)."""
THUMB = 16
"""Side of the grey thumbnails by which nearly equal pictures are found."""
_SCHEMA = pa.schema(
    [
        ("key", pa.uint64()),
        ("thumb", pa.binary()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("values", pa.binary()),
        ("error", pa.string()),
    ]
)
_NOTHING = {"key": 0, "thumb": bytes(THUMB * THUMB), "width": 0, "height": 0, "values": b""}
Open = Callable[[Any], Image.Image]


@dataclass(frozen=True)
class PixelStore:
    """The pictures of some rows of a table.

    ``indices`` are those rows, int64 ascending. Positions in the store follow their order.
    """

    frame: Frame
    indices: np.ndarray
    stored: Stored

    @cached_property
    def pixels(self) -> np.ndarray:
        """Memory-mapped uint8 (pictures, channels, height, width); zeros where a picture could not be read."""
        path = Path(self.stored.dataset.cache_files[0]["filename"]).with_name(PIXELS)
        shape = (len(self.indices), self.frame.channels, *self.frame.size)
        return np.memmap(path, np.uint8, "r", shape=shape)

    @cached_property
    def keys(self) -> np.ndarray:
        """A uint64 hash of each picture's own decoded pixels, whatever file they came in."""
        return self._column("key")

    @cached_property
    def errors(self) -> Sequence[str | None]:
        """Why a picture cannot be used, or None."""
        return self.stored.dataset["error"][:]

    @cached_property
    def sizes(self) -> np.ndarray:
        """Width and height of the pictures as they were, int32 (pictures, 2)."""
        return np.stack([self._column("width"), self._column("height")], axis=1)

    def thumbs(self, positions: np.ndarray) -> np.ndarray:
        """Grey thumbnails, uint8 (positions, 256)."""
        cells = self.stored.dataset.select_columns(["thumb"])[positions]["thumb"]
        return np.frombuffer(b"".join(cells), np.uint8).reshape(len(positions), THUMB * THUMB)

    def values(self, position: int) -> bytes:
        """The different numbers of a mask, ascending; of a picture, nothing."""
        return self.stored.dataset[position]["values"]

    def positions(self, indices: np.ndarray) -> np.ndarray:
        """Where rows of the table stand in the store."""
        return np.searchsorted(self.indices, indices).astype(np.int64)

    def _column(self, name: str) -> np.ndarray:
        return column_array(self.stored.dataset, name)


@dataclass(frozen=True)
class Pictures(Sequence[np.ndarray]):
    """Stored pictures as a sequence of arrays, uint8 (height, width, channels), read when asked for."""

    store: PixelStore
    positions: np.ndarray

    def __len__(self) -> int:
        return len(self.positions)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice | np.ndarray | list):
            return Pictures(self.store, self.positions[index])
        return self.store.pixels[self.positions[index]].transpose(1, 2, 0)


def open_pixels(pick: Pick, column: str, frame: Frame, opens: Open = open_picture) -> PixelStore:
    """The picked pictures in one frame; decoded at the first call, on all cores, and memory-mapped ever after.

    Args:
        pick: rows of a table.
        column: holds pictures (``datasets.Image``) or paths below the folder of the row's file.
        frame: what they are brought to.
        opens: decodes one; :func:`toolkit.data.masks.open_mask` where values are class numbers.

    Raises:
        DiskFullError: no space left.
    """
    parts = {
        "step": "pixels",
        "table": pick.table.key,
        "rows": pick.digest,
        "files": _files_digest(pick, column),
        "column": column,
        "frame": asdict(frame),
        "opens": opens.__name__,
    }
    written = stored(parts, lambda path: _write(path, pick, column, frame, opens))
    return PixelStore(frame, pick.indices, written)


def sources(pick: Pick, column: str) -> Iterator[list[bytes | Path | PictureError]]:
    """What each picture is read from, in batches of rows: bytes, a path, or why there is neither."""
    start = 0
    for batch in pick.batches([column]):
        cells = batch[column].to_pylist()
        yield [_source(pick, start + at, cell) for at, cell in enumerate(cells)]
        start += len(batch)


def _source(pick: Pick, position: int, cell: Any) -> bytes | Path | PictureError:
    content: Any = cell
    if isinstance(cell, dict):
        content = cast(dict[str, Any], cell).get("bytes") or cast(dict[str, Any], cell).get("path")
        if isinstance(content, bytes):
            return content
        return Path(content) if content else PictureError("there is no picture")
    if not isinstance(content, str) or not content.strip():
        return PictureError("there is no picture")
    base = pick.base(position)
    if base is None:
        return PictureError(f"{content!r} is a text, and there is no folder to look for a picture in")
    path = Path(os.path.normpath(base / content))
    if not path.is_relative_to(os.path.normpath(base)):
        return PictureError(f"{content!r} leaves the folder of the data, {base}")
    return path


def _files_digest(pick: Pick, column: str) -> str:
    """Changes when a picture's file does: the table alone does not tell."""
    digest = sha256()
    for path in _files(pick, column):
        digest.update(repr(file_identity(path) if path.is_file() else path).encode())
    return digest.hexdigest()


def _files(pick: Pick, column: str) -> Iterator[Path]:
    """The files that cells name. Pictures that lie in the table itself, gigabytes of them perhaps, are not read."""
    if not isinstance(pick.table.dataset.features[column], ImageFeature):
        yield from (source for batch in sources(pick, column) for source in batch if isinstance(source, Path))
        return
    for batch in pick.batches([column]):
        content = pc.struct_field(batch[column], "bytes")
        elsewhere = pc.fill_null(pc.equal(pc.binary_length(content), 0), True)
        paths = pc.struct_field(batch[column], "path").filter(elsewhere).to_pylist()
        yield from (Path(path) for path in paths if path)


def _write(path: Path, pick: Pick, column: str, frame: Frame, opens: Open) -> dict[str, Any]:
    shape = (len(pick), frame.channels, *frame.size)
    pixels = np.memmap(path.with_name(PIXELS), np.uint8, "w+", shape=shape)

    def keep(place: int, source: bytes | Path | PictureError) -> dict[str, Any]:
        picture = _opened(source, opens)
        if isinstance(picture, PictureError):
            return {**_NOTHING, "error": str(picture)}
        pixels[place] = frame.apply(picture)
        return _about(picture, opens is not open_picture)

    def batches() -> Iterator[pa.RecordBatch]:
        start = 0
        with ThreadPoolExecutor(os.cpu_count()) as pool:  # Pillow decodes and resizes outside Python's lock
            for batch in sources(pick, column):
                rows = list(pool.map(keep, range(start, start + len(batch)), batch))
                yield pa.RecordBatch.from_pylist(rows, schema=_SCHEMA)
                start += BATCH

    write_arrow(path, _SCHEMA, batches())
    pixels.flush()
    return {}


def _opened(source: bytes | Path | PictureError, opens: Open) -> Image.Image | PictureError:
    if isinstance(source, PictureError):
        return source
    try:
        return opens(source)
    except PictureError as error:
        return error


def _about(picture: Image.Image, is_mask: bool) -> dict[str, Any]:
    content = f"{picture.mode} {picture.size} ".encode() + picture.tobytes()
    thumb = picture.convert("L").resize((THUMB, THUMB), Image.Resampling.BOX)
    return {
        "key": int.from_bytes(blake2b(content, digest_size=8).digest(), "little"),
        "thumb": thumb.tobytes(),
        "width": picture.width,
        "height": picture.height,
        "values": np.unique(np.asarray(picture)).tobytes() if is_mask else b"",
        "error": None,
    }
