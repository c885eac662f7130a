"""Open one picture, whatever file it comes from, and bring it to the size and colours a model reads."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from toolkit.errors import first_line

MOST_PIXELS = 100_000_000
"""Larger pictures are refused by their header: decoded, they would take gigabytes."""
FORMATS = ("JPEG", "PNG", "BMP", "WEBP", "TIFF", "PPM")
"""What Pillow may open; everything else, animations among it, is named and refused."""
SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
_ALPHA = {"RGBA", "LA", "PA", "La", "RGBa"}
_KINDS = (
    (b"GIF8", 0, "a GIF, which may be an animation: save one frame as PNG"),
    (b"ftyp", 4, "a video, or a picture in a video's format (HEIC, AVIF): save it as JPEG or PNG"),
    (b"\x1aE\xdf\xa3", 0, "a video: save frames of it as PNG"),
    (b"AVI ", 8, "a video: save frames of it as PNG"),
    (b"%PDF", 0, "a PDF document: save its pages as PNG"),
    (b"<svg", 0, "an SVG drawing: save it as PNG"),
)
"""Bytes, where they stand, and what a file that has them there is."""


class PictureError(ValueError):
    """A value that is no usable picture; the text says what is wrong with it."""


@dataclass(frozen=True)
class Frame:
    """What every picture of a data set is brought to.

    ``fit`` says how another aspect ratio is handled: ``crop`` scales the shorter side and cuts the middle, ``stretch``
    scales both sides, ``pad`` scales the longer side and adds borders.
    """

    size: tuple[int, int]
    """Height and width in pixels."""
    channels: Literal[1, 3] = 3
    fit: Literal["crop", "stretch", "pad"] = "crop"
    resample: Literal["nearest", "bilinear", "bicubic"] = "bilinear"
    fill: int = 0
    """What ``pad`` adds: a grey value, or the class number of a mask's pixels that do not count."""

    def apply(self, picture: Image.Image) -> np.ndarray:
        """Pixels of a picture in this frame, uint8 (channels, height, width)."""
        picture = picture.convert("L" if self.channels == 1 else "RGB")
        fitted = self._fit(picture, Image.Resampling[self.resample.upper()])
        pixels = np.asarray(fitted)
        return pixels[None] if pixels.ndim == 2 else np.ascontiguousarray(pixels.transpose(2, 0, 1))

    def undo(self, mask: Image.Image, size: tuple[int, int]) -> Image.Image:
        """A mask in this frame at the width and height that its picture had; what ``crop`` cut away is not known."""
        width, height = size
        if self.fit == "pad":
            scale = min(self.size[1] / width, self.size[0] / height)
            inner = max(1, round(width * scale)), max(1, round(height * scale))
            left, top = round((self.size[1] - inner[0]) / 2), round((self.size[0] - inner[1]) / 2)
            mask = mask.crop((left, top, left + inner[0], top + inner[1]))
        return mask.resize((width, height), Image.Resampling.NEAREST)

    def _fit(self, picture: Image.Image, resample: Image.Resampling) -> Image.Image:
        height, width = self.size
        if picture.size == (width, height):
            return picture
        if self.fit == "crop":
            return ImageOps.fit(picture, (width, height), resample)
        if self.fit == "pad":
            color = self.fill if self.channels == 1 else (self.fill,) * 3
            return ImageOps.pad(picture, (width, height), resample, color)
        return picture.resize((width, height), resample)


def open_picture(value: Any) -> Image.Image:
    """A picture in mode ``RGB`` or ``L``: turned as its EXIF says, alpha laid on white, 16 bit scaled to 8.

    Args:
        value: path, encoded bytes, Pillow image, or uint8 array (height, width) or (height, width, 1 or 3).

    Raises:
        PictureError: unreadable, of a format that is not read, an animation, or too large.
    """
    picture = open_raw(value)
    with _readable():
        return plain(picture)


def open_raw(value: Any) -> Image.Image:
    """A decoded picture with the values it holds, whatever they mean.

    Args:
        value: as :func:`open_picture` takes it.

    Raises:
        PictureError: unreadable, of a format that is not read, an animation, or too large.
    """
    if isinstance(value, np.ndarray):
        return _from_array(value)
    with _readable():
        if isinstance(value, Image.Image):
            return value
        with _stream(value) as stream:
            _refuse_kind(stream.read(32))
            stream.seek(0)
            picture = _header(stream)
            picture.load()
            return picture


def plain(picture: Image.Image) -> Image.Image:
    """The picture upright, in mode ``RGB`` or ``L``."""
    picture = ImageOps.exif_transpose(picture)
    if picture.mode.startswith(("I", "F")):
        return _eight_bit(picture)
    if picture.mode in _ALPHA or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    if picture.mode in {"L", "1"}:
        return picture.convert("L")
    return picture.convert("RGB")


def _stream(value: bytes | str | Path) -> BinaryIO:
    return io.BytesIO(value) if isinstance(value, bytes) else Path(value).open("rb")


def _refuse_kind(head: bytes) -> None:
    """Refuse an empty file, and by their first bytes the kinds of files that people take for pictures."""
    if not head:
        raise PictureError("the file is empty")
    for mark, place, kind in _KINDS:
        if head[place : place + len(mark)] == mark:
            raise PictureError(f"not a picture that is read: {kind}")


def _header(stream: BinaryIO) -> Image.Image:
    """The picture before its pixels are decoded, refused when they would be too many or several pictures."""
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # Pillow warns of large pictures; they are refused here, with their size
        picture = Image.open(stream, formats=FORMATS)
    if picture.width * picture.height > MOST_PIXELS:
        raise _too_large(f"{picture.width:,} x {picture.height:,} pixels")
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format != "MPO":  # a camera's MPO is one picture with previews of it
        raise PictureError(f"{frames} pictures in one file (an animation, or pages): save one of them as PNG")
    return picture


def _too_large(what: str) -> PictureError:
    return PictureError(
        f"{what}: more than the {MOST_PIXELS // 10**6} million that are read; make it smaller"
    )


@contextmanager
def _readable() -> Generator[None]:
    """Say of a file read inside the block why it is no picture."""
    try:
        yield
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))  # of Pillow's own limit, which is beyond the one here
        raise _too_large(f"{int(pixels[0]):,} pixels" if pixels else "too many pixels") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"not a picture that is read; use {', '.join(FORMATS)}") from error
    except FileNotFoundError as error:
        raise PictureError("no such file") from error
    except IsADirectoryError as error:
        raise PictureError("a folder, not a picture") from error
    except PictureError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, TypeError) as error:
        reason = first_line(error) or type(error).__name__
        raise PictureError(f"the picture is damaged ({reason})") from error


def _eight_bit(picture: Image.Image) -> Image.Image:
    """Grey of 16 or 32 bits, or of floats in 0..1, as 8 bits.

    Raises:
        PictureError: values whose range says nothing of what is white.
    """
    values = np.asarray(picture).astype(np.float64)
    top = float(values.max(initial=0.0))
    if values.min(initial=0.0) < 0 or top > 65535 or not np.isfinite(values).all():
        raise PictureError("grey values outside 0..65535: scale them to 8 or 16 bits")
    if picture.mode == "F":
        scale = 255.0 if top <= 1 else 1.0
    else:
        scale = 1 / 257 if picture.mode.startswith("I;16") or top > 255 else 1.0
    return Image.fromarray(np.round(values * scale).clip(0, 255).astype(np.uint8))


def _from_array(array: np.ndarray) -> Image.Image:
    if (
        array.dtype != np.uint8
        or array.ndim not in {2, 3}
        or (array.ndim == 3 and array.shape[2] not in {1, 3})
    ):
        raise PictureError(
            f"an array of {array.dtype} {array.shape}: give uint8 (height, width) or (height, width, 1 or 3)"
        )
    return Image.fromarray(array[:, :, 0] if array.ndim == 3 and array.shape[2] == 1 else array)
