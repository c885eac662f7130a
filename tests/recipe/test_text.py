from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import DataSection, ModelSection, Recipe, TaskOptions, TrainSection
from toolkit.recipe.text import dump

TRICKY = [
    "no",
    "5e-4",
    "5",
    "null",
    "~",
    "true",
    "0o17",
    "0x1F",
    ".inf",
    "1_000",
    "2024-01-01",
    "a: b",
    "x #y",
    "*star",
    "@at",
    "{brace",
    "=",
    " space ",
    "two\nlines",
    "'quoted'",
    "für élise 🎬",
    "word " * 60,
]


class Options(TaskOptions):
    word: str = ""


@pytest.mark.parametrize("word", TRICKY)
def test_what_is_written_is_read_back(tmp_path: Path, word: str):
    recipe = Recipe(
        task="text-classification",
        model=ModelSection(name=word),
        data=DataSection(source=word, columns={word: [word, "b"]}),
        train=TrainSection(learning_rate=5e-5, mixed_precision="no", lora=None),
        options={"word": word},
        name="mine",
    )
    path = tmp_path / "recipe.yaml"
    path.write_text(dump(recipe), encoding="utf-8")
    assert load_recipe(path, options_for=lambda _: Options) == recipe
    assert YAML(typ="safe").load(path)["model"]["name"] == word


def test_every_default_is_pinned():
    recipe = Recipe(task="t", model=ModelSection(name="m"), data=DataSection(source="s"))
    text = dump(recipe)
    assert "mixed_precision: no\n" in text
    assert "lora: null\n" in text
    assert text.index("task:") < text.index("model:") < text.index("data:") < text.index("train:")
