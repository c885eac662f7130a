"""Files that visitors send: the folder they lie in, how large they may be, and which of them may be read."""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

MAX_MEGABYTES = 20
"""Of a file: a hundred thousand short texts, or a camera's largest picture."""


@dataclass(frozen=True)
class Upload:
    """A file that was sent: what its owner calls it, and where it lies here."""

    name: str
    path: Path


@functools.cache
def upload_folder() -> Path:
    """The folder of uploads and downloads, readable by this user alone and removed when the process ends.

    Gradio's own default is one folder for all apps and users of a machine, each of which may serve its files.
    """
    given = os.environ.get("GRADIO_TEMP_DIR")
    if given:
        return Path(given)
    folder = Path(tempfile.mkdtemp(prefix="toolkit-demo-"))
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def received(given: Any) -> Upload:
    """The file behind what a page sends for an upload: a mapping with its ``path`` and ``orig_name``.

    Gradio compares the path of a picture with its folder only when the call marks it as a file's; here it always is.

    Raises:
        ValueError: nothing was sent, or a path outside the folder of uploads.
    """
    sent = cast("Mapping[str, Any]", given) if isinstance(given, Mapping) else {}
    path = sent.get("path")
    if not isinstance(path, str) or not path:
        raise ValueError("there is no file")
    place = Path(path).resolve()
    if not place.is_relative_to(upload_folder().resolve()):
        raise ValueError("this file was not uploaded")
    return Upload(str(sent.get("orig_name") or place.name), place)


def adopt(path: Path) -> Path:
    """Copy a file of our own among the uploads, from where the page may show it: no other folder is opened to it."""
    folder = upload_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copyfile(path, Path(tempfile.mkdtemp(prefix="own-", dir=folder)) / path.name))
