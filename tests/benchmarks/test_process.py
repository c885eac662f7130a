from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.process import ChildError, measure

if TYPE_CHECKING:
    from pathlib import Path


def test_a_childs_time_memory_and_output_are_its_own(tmp_path: Path) -> None:
    log = tmp_path / "out"
    usage = measure("timeit", "-n", 1, "-r", 1, "len(bytearray(b'x') * 200_000_000)", log=log)
    assert "loop" in log.read_text()
    assert 190e6 < usage.peak_memory_bytes < 2e9
    assert 0 < usage.seconds < 30
    assert 0 <= usage.others <= 1


def test_a_failed_child_is_an_error_that_shows_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(ChildError, match=r"(?s)timeit.* exited with 1:.*ZeroDivisionError"):
        measure("timeit", "1 / 0", log=tmp_path / "out")
