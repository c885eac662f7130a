from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.errors import RecipeError
from toolkit.files import share
from toolkit.recipe.catalogue import entries, find, header, recipe_name


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "recipes"
    (folder / "shop").mkdir(parents=True)
    return folder


def test_bundled_recipes_are_listed(own: Path):
    listed = {entry.name: entry for entry in entries()}
    reviews = listed["nlp/reviews"]
    assert (reviews.task, reviews.domain, reviews.offline) == ("text-classification", "nlp", True)
    assert (reviews.model, reviews.data) == ("sample:minilm", "sample:movie-reviews")
    assert reviews.summary.startswith("Tell positive film reviews from negative ones")
    assert not listed["nlp/sentiment"].offline
    assert list(listed) == sorted(listed)


def test_the_users_own_come_first(own: Path):
    (own / "shop" / "stars.yaml").write_text(
        "# Rate goods.\ntask: t\nmodel: {name: a/b}\ndata: {source: c/d}\n"
    )
    (own / "shop" / "reviews.yml").write_text("task: t\n")
    (own / "nlp").mkdir()
    (own / "nlp" / "reviews.yaml").write_text("# Mine.\ntask: t\n")
    listed = {entry.name: entry for entry in entries()}
    assert listed["shop/stars"].summary == "Rate goods."
    assert listed["shop/reviews"].domain == "shop"
    assert listed["nlp/reviews"].summary == "Mine."
    assert find("shop/stars") == own / "shop" / "stars.yaml"
    assert recipe_name(own / "shop" / "stars.yaml") == "shop/stars"


def test_another_folder_by_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "mine.yaml").write_text("task: t\n")
    monkeypatch.setenv("TOOLKIT_RECIPES", str(tmp_path))
    assert find("mine") == tmp_path / "mine.yaml"


def test_a_broken_file_is_listed_with_the_reason(own: Path):
    (own / "broken.yaml").write_text("- a list\n")
    (broken,) = [entry for entry in entries() if entry.name == "broken"]
    assert broken.summary.startswith("cannot be read: recipes/broken.yaml:1: a recipe is a mapping")
    assert not broken.offline


def test_local_files_are_offline(own: Path):
    (own / "mine.yaml").write_text("task: t\nmodel: {name: sample:minilm}\ndata: {source: ./rows.csv}\n")
    assert next(entry for entry in entries() if entry.name == "mine").offline


def test_a_path_wins_over_a_name(own: Path):
    Path("mine.yaml").write_text("task: t\n")
    assert find("mine.yaml") == Path("mine.yaml")
    assert find("nlp/reviews.yaml") == (share("recipes") / "nlp" / "reviews.yaml").resolve()
    assert recipe_name(Path("mine.yaml")) == "mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nlp/revews", "unknown recipe 'nlp/revews'; did you mean 'nlp/reviews'?"),
        ("text-clasification", "unknown recipe 'text-clasification'; did you mean 'text-classification'?"),
        ("nowhere.yaml", "no such recipe file 'nowhere.yaml'; choose from"),
        ("recipes", "recipes: a folder, not a recipe"),
    ],
)
def test_unknown_recipes(own: Path, name: str, message: str):
    with pytest.raises(RecipeError) as caught:
        find(name, also=["text-classification"])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "# Do this.\n#   toolkit train a/b      measured: 86% (2 seeds)\ntask: t\n",
            ("Do this.", "86% (2 seeds)"),
        ),
        (
            "# Do this\n# and that.\n#\n# More.\n#\n# measured: 86%,\n#   in 90 s\ntask: t\n",
            ("Do this and that.", "86%, in 90 s"),
        ),
        ("# Do this.\n# measured: 1\n#\n# A note.\n", ("Do this.", "1")),
        ("# Do this.\n", ("Do this.", "")),
        ("task: t  # measured: no\n", ("", "")),
    ],
)
def test_headers(text: str, expected: tuple[str, str]):
    assert header(text) == expected
