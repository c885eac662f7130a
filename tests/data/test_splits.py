from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from toolkit.data import splits
from toolkit.data.load import Rows
from toolkit.data.splits import hold_out

Write = Callable[[str, str | bytes], Path]
Load = Callable[..., Rows]
Refusal = Callable[..., str]
Table = Callable[..., str]


def sides(rows: Rows) -> dict[str, set[str]]:
    return {split: set(one["text"]) for split, one in rows.splits.items()}


def shuffled(table: str, seed: int) -> str:
    header, *lines = table.splitlines(keepends=True)
    random.Random(seed).shuffle(lines)
    return header + "".join(lines)


def test_the_split_does_not_depend_on_the_order_or_format_of_the_rows(write: Write, load: Load, table: Table):
    first = sides(load(write("a.csv", table(200))))
    assert {split: len(texts) for split, texts in first.items()} == {
        "train": 160,
        "validation": 20,
        "test": 20,
    }
    assert sides(load(write("b.csv", shuffled(table(200), 1)))) == first
    assert sides(load(write("c.tsv", table(200).replace(",", "\t")))) == first


def test_more_rows_move_few_others(write: Write, load: Load, table: Table):
    before = sides(load(write("a.csv", table(200))))["test"]
    after = sides(load(write("b.csv", table(220))))["test"]
    assert len(before & after) >= 15


def test_another_seed_is_another_split(write: Write, load: Load, table: Table):
    path = write("a.csv", table(200))
    assert sides(load(path))["test"] != sides(load(path, split_seed=1))["test"]
    assert sides(load(path, split_seed=1)) == sides(load(path, split_seed=1))


def test_rows_of_a_split_stay_in_the_order_of_the_source(write: Write, load: Load, table: Table):
    rows = load(write("a.csv", table(100)))
    assert all(one["row"][:] == sorted(one["row"]) for one in rows.splits.values())


def test_equal_texts_never_part(write: Write, load: Load, table: Table):
    lines = table(60).splitlines(keepends=True)
    doubled = (
        lines[0]
        + "".join(lines[1:])
        + "".join(line.upper().replace("GOOD", "good").replace("BAD", "bad") for line in lines[1:])
    )
    rows = load(write("a.csv", doubled))
    assert rows.manifest["leaks"]["exact"] == 0
    lower = {split: {text.lower() for text in texts} for split, texts in sides(rows).items()}
    assert not lower["train"] & lower["test"]


def test_every_class_gets_its_share(write: Write, load: Load, table: Table):
    many = load(write("a.csv", table(400, lambda row: f"class {row % 50}")))
    balance = many.manifest["class_balance"]
    assert all(balance["train"][name] >= 6 for name in balance["train"])
    assert many.manifest["rows"] == {"train": 320, "validation": 40, "test": 40}


def test_a_class_of_one_row_is_trained_on(write: Write, load: Load, table: Table):
    balance = load(write("a.csv", table(40) + "the only one of its kind,unique\n")).manifest["class_balance"]
    assert balance["train"]["unique"] == 1


def test_a_held_out_share_of_nothing_gives_no_split(write: Write, load: Load, table: Table):
    assert set(load(write("a.csv", table(40)), validation=0, test=0.25).manifest["rows"]) == {"train", "test"}


def test_a_tiny_source_still_has_every_split(write: Write, load: Load, table: Table):
    assert all(load(write("a.csv", table(6))).manifest["rows"].values())


def test_too_few_rows_to_split_are_refused(write: Write, refusal: Refusal):
    assert "no rows are left for validation and test (2 usable rows in all)" in refusal(
        write("a.csv", "text,label\na,x\nb,y\n")
    )


def test_groups_stay_on_one_side(write: Write, load: Load, table: Table):
    header, *lines = table(300).splitlines()
    content = f"{header},speaker\n" + "".join(f"{line},s{(at * 7) % 30}\n" for at, line in enumerate(lines))
    speaker = {line.split(",")[0]: f"s{(at * 7) % 30}" for at, line in enumerate(lines)}
    rows = load(write("a.csv", content), group="speaker")
    groups = {split: {speaker[text] for text in texts} for split, texts in sides(rows).items()}
    assert sum(map(len, groups.values())) == 30
    assert len(groups["test"]) == len(groups["validation"]) == 3
    assert "speaker" not in rows.splits["train"].column_names


def test_named_splits_that_share_a_group_are_refused(write: Write, refusal: Refusal):
    write(
        "data/train.csv",
        "text,label,speaker\n" + "".join(f"text {row},{'ab'[row % 2]},{row % 5}\n" for row in range(20)),
    )
    path = write("data/test.csv", "text,label,speaker\nother,a,4\n")
    assert "1 values of 'speaker' are in both train and test" in refusal(
        path.parent, group="speaker", validation=0
    )


def test_validation_is_held_out_of_train_when_the_source_names_a_test(write: Write, load: Load, table: Table):
    header, *lines = table(130).splitlines(keepends=True)
    write("data/train.csv", header + "".join(lines[:100]))
    path = write("data/test.csv", header + "".join(lines[100:]))
    rows = load(path.parent)
    assert rows.manifest["rows"] == {"train": 90, "validation": 10, "test": 30}


def test_slices_choose_rows(write: Write, load: Load, refusal: Refusal, table: Table):
    path = write("a.csv", table(100))
    rows = load(path, splits={"train": "train[:60%]", "test": "train[80:]"}, validation=0)
    assert rows.splits["train"]["row"][:] == list(range(1, 61))
    assert rows.splits["test"]["row"][:] == list(range(81, 101))
    assert "10 rows are in both train and test" in refusal(
        path, splits={"train": "train[:60%]", "test": "train[50%:]"}
    )
    said = refusal(path, splits={"train": "trian[:60%]", "test": "train[a]"})
    assert "data.splits.train: 'trian[:60%]'" in said
    assert "did you mean 'train'?" in said
    assert "data.splits.test: 'train[a]'" in said


def test_a_limit_draws_the_same_rows_again(write: Write, load: Load, table: Table):
    path = write("a.csv", table(300))
    rows = load(path, limit=100)
    assert sum(rows.manifest["rows"].values()) == 100
    assert rows.manifest["fingerprints"] == load(path, limit=100).manifest["fingerprints"]
    assert rows.manifest["fingerprints"] != load(path, limit=100, split_seed=3).manifest["fingerprints"]


def test_splits_of_other_names_need_a_choice(write: Write, refusal: Refusal, load: Load, table: Table):
    write("data/test.csv", table(20))
    path = write("data/validation.csv", table(20)).parent
    assert (
        "no split to train on (there are validation, test); choose one: data.splits.train=validation"
        in refusal(path)
    )


@pytest.mark.parametrize("exact", [True, False])
def test_large_data_meets_its_shares_too(exact: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(splits, "MOST_EXACT", 10**6 if exact else 10)
    keys = np.random.default_rng(0).integers(0, 2**64, 100_000, dtype=np.uint64)
    masks = hold_out(keys, keys.astype(np.int64) % 2, {"validation": 0.1, "test": 0.2}, 5)
    assert np.sum([mask for mask in masks.values()]) == len(keys)
    assert abs(masks["test"].mean() - 0.2) < 0.005
    assert abs(masks["validation"].mean() - 0.1) < 0.005
