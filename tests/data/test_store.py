"""What is kept in the cache, and for how long."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from toolkit.data import store
from toolkit.data.store import cached_folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))
    return tmp_path


def built(name: str) -> Path:
    def build(folder: Path) -> None:
        (folder / "content").write_text(name)

    return cached_folder("rows", {"name": name}, build)


def aged(folder: Path, days: float) -> Path:
    then = time.time() - days * 24 * 3600
    os.utime(folder, (then, then))
    return folder


def test_a_folder_is_built_once():
    first = built("a")
    cached_folder("rows", {"name": "a"}, lambda _: pytest.fail("built again"))
    assert (first / "content").read_text() == "a"


def test_what_nobody_opened_for_long_makes_room_for_new():
    old, used = aged(built("old"), 61), aged(built("used"), 61)
    built("used")  # opened today
    built("new")
    assert not old.exists()
    assert used.exists()


def test_what_was_opened_of_late_stays():
    recent = aged(built("recent"), store.UNUSED.days - 1)
    built("new")
    assert recent.exists()
