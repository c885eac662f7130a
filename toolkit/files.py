"""Files that are either whole or not there: atomic writes, hashes, and what ships with the toolkit."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from toolkit.errors import disk_full


def share(kind: str) -> Path:
    """The folder of bundled ``recipes`` or ``apps``, in an installed wheel or in a checkout."""
    package = Path(__file__).parent
    installed = package / "_share" / kind
    return installed if installed.is_dir() else package.parent / kind


@contextlib.contextmanager
def atomic_folder(target: Path) -> Generator[Path]:
    """Yield a temporary sibling folder that replaces ``target`` when the block ends well and vanishes otherwise.

    A killed process leaves at most a ``.NAME.*`` sibling, never a half-written ``target``.

    Raises:
        DiskFullError: no space left.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        yield temporary
        _open_up(temporary)
        _replace_folder(temporary, target)
    except Exception as error:  # whatever library wrote into the folder, a full disk is told as one
        told = disk_full(error, target)
        if told is error:
            raise
        raise told from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _open_up(folder: Path) -> None:
    """Make a temporary folder and its files as readable as others: some libraries write private ones."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _replace_folder(temporary: Path, target: Path) -> None:
    if not target.exists():
        temporary.rename(target)
        return
    old = target.with_name(f".{target.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    temporary.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` so that ``path`` holds either the old or the new content, never a part.

    Raises:
        DiskFullError: no space left.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_full(error, path) from error


def write_json(path: Path, data: Any) -> None:
    """Write JSON atomically, two-space indented, keys in the order given."""
    write_text(path, json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def sha256(path: Path) -> str:
    """Hex digest of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
