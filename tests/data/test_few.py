from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.data.conftest import sentences
from toolkit.data.few import draw_few
from toolkit.data.load import Rows, load_rows
from toolkit.data.repeats import without_repeats
from toolkit.data.roles import Role
from toolkit.errors import DataError, RecipeError
from toolkit.recipe.schema import DataSection

ROLES = (Role("text", "text", ("text",)), Role("label", "label", ("label",)))


@pytest.fixture
def rows(write: Callable[[str, str], Path]) -> Rows:
    lines = [f"{text},{'good' if at % 3 else 'bad'}" for at, text in enumerate(sentences(90))]
    data = DataSection(source=str(write("a.csv", "text,label\n" + "\n".join(lines) + "\n")))
    return load_rows(data, ROLES)


def test_so_many_rows_of_each_class_are_kept(rows: Rows):
    few = draw_few(rows, 4, 0)
    train = few.splits["train"]
    assert np.bincount(train["label"][:]).tolist() == [4, 4]
    assert set(train["row"][:]) < set(rows.splits["train"]["row"][:])
    assert few.splits["test"] is rows.splits["test"]
    assert few.manifest["rows"] == {**rows.manifest["rows"], "train": 8}
    assert few.manifest["class_balance"]["train"] == {"bad": 4, "good": 4}
    assert few.manifest["fingerprints"]["test"] == rows.manifest["fingerprints"]["test"]
    assert any("4 training rows of each class are used" in str(finding) for finding in few.findings)


def test_the_draw_depends_on_the_seed_alone(rows: Rows):
    drawn = [draw_few(rows, 4, seed) for seed in (0, 0, 1)]
    same, again, other = (few.splits["train"]["row"][:] for few in drawn)
    assert list(same) == list(again) != list(other)
    prints = [few.manifest["fingerprints"]["train"] for few in drawn]
    assert prints[0] == prints[1] != prints[2]


def test_every_class_with_too_few_rows_is_named(rows: Rows):
    with pytest.raises(DataError) as caught:
        draw_few(rows, 500, 0)
    message = str(caught.value)
    assert "class 'bad' has 24 training rows, fewer than options.few_shot=500" in message
    assert "class 'good' has 48 training rows" in message
    assert "set options.few_shot=24" in message


def test_numbers_have_no_classes_to_draw_from(write: Callable[[str, str], Path]):
    lines = [f"{text},{at}.5" for at, text in enumerate(sentences(20))]
    path = write("a.csv", "text,label\n" + "\n".join(lines) + "\n")
    with pytest.raises(RecipeError, match=r"options\.few_shot"):
        draw_few(load_rows(DataSection(source=str(path)), ROLES), 2, 0)


def test_repeated_training_rows_are_used_once(rows: Rows, write: Callable[[str, str], Path]):
    assert without_repeats(rows, ["text"]) is rows
    lines = [text for at, text in enumerate(sentences(30)) for text in (text, text.upper())[: 1 + at % 2]]
    path = write(
        "a.csv", "text,label\n" + "".join(f"{text},{'ab'[at % 2]}\n" for at, text in enumerate(lines))
    )
    data = DataSection(source=str(path), validation=0, test=0)
    once = without_repeats(load_rows(data, ROLES), ["text"])
    assert once.splits["train"]["text"][:] == sentences(30)
    assert any("15 of 45 training rows repeat another one" in str(finding) for finding in once.findings)
