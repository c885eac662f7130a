from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import Dataset

from toolkit.data import leaks
from toolkit.data.leaks import find_leaks
from toolkit.data.load import Rows


def rows_of(texts: list[str]) -> Dataset:
    return Dataset.from_dict({"text": texts, "row": list(range(1, len(texts) + 1))})


LONG = "It was a dark and stormy night, and the rain fell in torrents on the empty streets of the town"
TRAIN = [LONG, "Something else altogether happens here", "A third text without a twin", "Grüße aus  Köln"]


def test_exact_leaks_are_found_across_case_space_and_unicode_form():
    report = find_leaks(
        {"train": rows_of(TRAIN), "test": rows_of(["GRÜSSE aus Köln", "quite new"])}, ["text"]
    )
    assert (report.exact, report.near) == (1, 0)
    leak = report.examples[0]
    assert (leak.split, leak.row, leak.other_split, leak.other_row, leak.similarity) == (
        "test",
        1,
        "train",
        4,
        1.0,
    )


def test_near_leaks_are_found_and_near_misses_are_not():
    held_out = [
        "Quite new.",
        LONG.replace("empty", "empty,") + "!",
        LONG[: len(LONG) // 2] + " but then it went on in another way",
    ]
    report = find_leaks({"train": rows_of(TRAIN), "validation": rows_of(held_out)}, ["text"])
    assert (report.exact, report.near) == (0, 1)
    assert report.examples[0].row == 2
    assert 0.8 <= report.examples[0].similarity < 1


def test_test_is_compared_with_validation_too():
    report = find_leaks(
        {"train": rows_of(TRAIN), "validation": rows_of(["twin"]), "test": rows_of(["Twin"])}, ["text"]
    )
    assert report.exact == 1
    assert report.examples[0].other_split == "validation"


def test_a_pair_leaks_only_as_a_whole():
    one = Dataset.from_dict({"a": ["premise", "premise"], "b": ["first", "second"], "row": [1, 2]})
    other = Dataset.from_dict({"a": ["premise", "premise"], "b": ["third", "second"], "row": [1, 2]})
    assert find_leaks({"train": one, "test": other}, ["a", "b"]).exact == 1


def test_leaks_of_named_splits_are_warnings(
    tmp_path: Path, load: Callable[..., Rows], table: Callable[..., str]
):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "train.csv").write_text(table(40))
    (tmp_path / "data" / "test.csv").write_text("".join(table(40).splitlines(keepends=True)[:11]))
    rows = load(tmp_path / "data")
    assert rows.manifest["leaks"]["exact"] == 10
    assert any("10 held-out rows repeat a text" in str(f) and f.level == "warning" for f in rows.findings)


def test_large_data_is_sampled_and_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(leaks, "MOST_TRAIN", 100)
    splits = {"train": rows_of([f"text number {row}" for row in range(300)]), "test": rows_of(["new"])}
    report = find_leaks(splits, ["text"])
    assert report.compared["train"]["rows"] == 300
    assert report.compared["train"]["compared"] <= 100
    assert any("near-duplicates were sought in a sample" in str(finding) for finding in report.findings())


def test_texts_that_are_all_alike_do_not_take_for_ever():
    alike = {name: rows_of([f"{LONG} {name} {row}" for row in range(1500)]) for name in ("train", "test")}
    start = time.perf_counter()
    assert find_leaks(alike, ["text"]).near > 1200
    assert time.perf_counter() - start < 60
