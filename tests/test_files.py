from __future__ import annotations

import errno
from pathlib import Path

import pytest

from toolkit.errors import DiskFullError
from toolkit.files import atomic_folder, read_json, write_json


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "made"
    with pytest.raises(FileNotFoundError), atomic_folder(target) as folder:
        (folder / "half").write_text((folder / "missing").read_text())
    assert list(tmp_path.iterdir()) == []
    with atomic_folder(target) as folder:
        (folder / "whole").write_text("1")
    with atomic_folder(target) as folder:
        (folder / "newer").write_text("2")
    assert [path.name for path in tmp_path.rglob("*")] == ["made", "newer"]


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        ValueError("Error while serializing: I/O error: No space left on device (os error 28)"),
    ],
)
def test_a_full_disk_is_told_as_one(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(DiskFullError, match="made: no space left"), atomic_folder(tmp_path / "made"):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_json_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": float("nan")})
    assert read_json(path) == {"a": 1}
