"""Every recipe that ships with the toolkit."""

from __future__ import annotations

import pytest

from toolkit import tasks
from toolkit.files import share
from toolkit.recipe.catalogue import Entry, header
from toolkit.recipe.catalogue import entries as all_entries
from toolkit.recipe.load import load_recipe

FOLDER = share("recipes").resolve()
ENTRIES = [entry for entry in all_entries() if entry.path.is_relative_to(FOLDER)]


def test_none_is_overlooked():
    assert len(ENTRIES) == len(list(FOLDER.rglob("*.y*ml"))) >= 2
    assert {"nlp/reviews", "nlp/sentiment"} <= {entry.name for entry in ENTRIES}


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_it_is_valid(entry: Entry):
    recipe = load_recipe(entry.name, options_for=tasks.options_for)
    assert recipe.task in tasks.TABLE
    assert recipe.name == entry.name


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_its_header_gives_goal_command_and_measurement(entry: Entry):
    text = entry.path.read_text(encoding="utf-8")
    goal, measured = header(text)
    assert goal.endswith(".")
    assert measured
    assert f"#   toolkit train {entry.name}\n" in text


def test_each_domain_has_one_that_runs_offline():
    assert {entry.domain for entry in ENTRIES} == {entry.domain for entry in ENTRIES if entry.offline}
