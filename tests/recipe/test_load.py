from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
from pydantic import field_validator

from toolkit.errors import RecipeError, did_you_mean
from toolkit.recipe.load import load_recipe
from toolkit.recipe.schema import Recipe, TaskOptions


class Options(TaskOptions):
    max_length: int = 128
    mode: Literal["fast", "careful"] = "fast"
    pair: tuple[float, float] = (0.0, 1.0)

    @field_validator("max_length")
    @classmethod
    def _even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("it must be even")
        return value


def options_for(task: str) -> type[TaskOptions]:
    if task != "text-classification":
        raise RecipeError(f"unknown task '{task}'; {did_you_mean(task, ['text-classification'])}")
    return Options


GOOD = """\
task: text-classification
model: {name: sample:minilm}
data:
  source: reviews.csv
train:
  epochs: 2
"""


def load(tmp_path: Path, text: str, *overrides: str) -> Recipe:
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    return load_recipe(path, overrides, options_for=options_for)


def problems(tmp_path: Path, text: str, *overrides: str) -> list[str]:
    with pytest.raises(RecipeError) as caught:
        load(tmp_path, text, *overrides)
    return [line.removeprefix(f"{tmp_path}/") for line in str(caught.value).splitlines()]


def test_defaults_are_filled_in(tmp_path: Path):
    recipe = load(tmp_path, GOOD)
    assert recipe.name == "mine"
    assert recipe.train.epochs == 2
    assert recipe.train.batch_size == 32
    assert recipe.options == {"max_length": 128, "mode": "fast", "pair": [0.0, 1.0]}


def test_mixed_precision_no_is_the_word_no(tmp_path: Path):
    recipe = load(tmp_path, GOOD + "  mixed_precision: no\n  learning_rate: 5e-4\n")
    assert recipe.train.mixed_precision == "no"
    assert recipe.train.learning_rate == 0.0005


def test_empty_sections_are_allowed(tmp_path: Path):
    assert load(tmp_path, GOOD.replace("  epochs: 2\n", "") + "options:\n").train.epochs == 3


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  learnin_rate: 1", "mine.yaml:7: unknown key 'train.learnin_rate'; did you mean 'learning_rate'?"),
        (
            "  max_length: 4",
            "mine.yaml:7: unknown key 'train.max_length'; did you mean 'options.max_length'?",
        ),
        ("  lora: {rank: 4}", "mine.yaml:7: unknown key 'train.lora.rank'; choose from"),
        ("extra: 1", "mine.yaml:7: unknown key 'extra'; "),
        (
            "options: {maxlength: 1}",
            "mine.yaml:7: unknown key 'options.maxlength'; did you mean 'max_length'?",
        ),
        ("epochs: 1", "mine.yaml:7: unknown key 'epochs'; did you mean 'train.epochs'?"),
    ],
)
def test_unknown_keys_at_every_depth(tmp_path: Path, line: str, message: str):
    (found,) = problems(tmp_path, f"{GOOD}{line}\n")
    assert found.startswith(message)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("  batch_size: many", "'train.batch_size' is 'many'; it must be a whole number"),
        ("  batch_size: true", "'train.batch_size' is true; it must be a whole number"),
        ("  batch_size: 1.5", "'train.batch_size' is 1.5; it must be a whole number"),
        ("  learning_rate: '5e-4'", "'train.learning_rate' is '5e-4'; it must be a number"),
        ("  learning_rate: 0", "'train.learning_rate' is 0; it must be more than 0"),
        ("  learning_rate: .nan", "'train.learning_rate' is NaN; it must be a finite number"),
        ("  weight_decay: .inf", "'train.weight_decay' is Infinity; it must be a finite number"),
        ("  warmup_ratio: 2", "'train.warmup_ratio' is 2; it must be 1 or less"),
        ("  mixed_precision: false", "'train.mixed_precision' is false; it must be 'no', 'fp16' or 'bf16'"),
        ("  freeze: some", "'train.freeze' is 'some'; it must be 'none' or 'backbone' or a whole number"),
        ("  report_to: trackio", "'train.report_to' is 'trackio'; it must be a list"),
        ("  lora: 4", "'train.lora' is 4; it must be a section of keys and values"),
        ("  compile: yes", "'train.compile' is 'yes'; it must be true or false"),
        ("name: 5", "'name' is 5; it must be text: put quotes around it"),
        ("name: ../up", "'name' is '../up'; it must be a relative name, such as nlp/reviews"),
        ("options: {mode: slow}", "'options.mode' is 'slow'; it must be 'fast' or 'careful'"),
        ("options: {max_length: 3}", "'options.max_length' is 3; it must be even"),
        ("options: 3", "'options' is 3; it must be a section of keys and values"),
    ],
)
def test_wrong_values_name_line_value_and_what_is_allowed(tmp_path: Path, line: str, message: str):
    assert problems(tmp_path, f"{GOOD}{line}\n") == [f"mine.yaml:7: {message}"]


def test_wrong_names_in_mappings(tmp_path: Path):
    text = GOOD.replace("reviews.csv", "reviews.csv\n  splits: {tran: x}\n  columns: {text: {a: b}}")
    assert problems(tmp_path, text) == [
        "mine.yaml:5: unknown key 'data.splits.tran'; it must be 'train', 'validation' or 'test'",
        """mine.yaml:6: 'data.columns.text' is {"a": "b"}; it must be text or a list""",
    ]


def test_missing_keys_say_what_they_are_for(tmp_path: Path):
    assert problems(tmp_path, "task: text-classification\nmodel: {revision: main}\n") == [
        "mine.yaml:2: missing key 'model.name'; Hub id, local folder, 'sample:NAME', or 'scratch:NAME' for new weights",
        "mine.yaml: missing key 'data.source'; "
        "Hub id, csv/tsv/jsonl/parquet/txt file, folder, or 'sample:NAME'",
    ]


def test_an_unknown_task(tmp_path: Path):
    assert problems(tmp_path, GOOD.replace("text-class", "text-klass")) == [
        "mine.yaml:1: unknown task 'text-klassification'; did you mean 'text-classification'?"
    ]


def test_all_errors_come_together(tmp_path: Path):
    text = GOOD + "  batch_sise: 3\noptions: {mode: slow}\n"
    found = problems(tmp_path, text, "train.epoch=1", "nonsense", "train.seed=x", "task.name=y")
    assert [line.partition(":")[0] for line in found].count("mine.yaml") == 2
    assert "override 'train.epoch=1': unknown key 'train.epoch'; did you mean 'epochs'?" in found
    assert "override 'nonsense': not an override; write KEY=VALUE, such as train.epochs=1" in found
    assert "override 'train.seed=x': 'train.seed' is 'x'; it must be a whole number" in found
    assert any(line.startswith("override 'task.name=y': 'task' is the single value") for line in found)
    assert len(found) == 6


def test_overrides(tmp_path: Path):
    recipe = load(
        tmp_path,
        GOOD,
        "train.freeze=2",
        "data.columns.text=review",
        "train.lora={r: 4}",
        "train.lora.lora_alpha=8",
    )
    assert recipe.train.freeze == 2
    assert recipe.data.columns == {"text": "review"}
    assert recipe.train.lora is not None
    assert (recipe.train.lora.r, recipe.train.lora.lora_alpha) == (4, 8)


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("my #1 file: new.csv", "my #1 file: new.csv"),
        ("@odd.csv", "@odd.csv"),
        ("a=b.csv", "a=b.csv"),
        ('"5"', "5"),
        ("'it''s.csv'", "it's.csv"),
    ],
)
def test_an_override_is_one_word_whatever_it_contains(tmp_path: Path, given: str, value: str):
    assert load(tmp_path, GOOD, f"data.source={given}").data.source == value


def test_the_last_override_wins_and_nothing_means_null(tmp_path: Path):
    recipe = load(tmp_path, GOOD, "train.max_steps=5", "train.seed=1", "train.seed=2", "train.max_steps=")
    assert recipe.train.seed == 2
    assert recipe.train.max_steps is None


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.epochs.x=1", "'train.epochs' is the single value 2, not a section; set it: train.epochs=…"),
        ("train.report_to.0=x", "'train.report_to' is a list; give all of it: train.report_to=[…]"),
        ("=1", "not an override"),
        ("train..seed=1", "not an override"),
        ("data.source=[a", "not YAML"),
        ("train.lora={r: 4, r: 5}", "duplicate key 'r'"),
    ],
)
def test_overrides_that_cannot_be(tmp_path: Path, override: str, message: str):
    (found,) = problems(tmp_path, GOOD + "  report_to: [trackio]\n", override)
    assert found.startswith(f"override '{override}': {message}")


def test_task_defaults_need_no_file():
    base = {"model": {"name": "sample:minilm"}, "train": {"epochs": 1}}
    sections = {"data": {"source": "my.csv"}}
    recipe = load_recipe(
        "text-classification", ["train.seed=3"], options_for=options_for, base=base, sections=sections
    )
    assert (recipe.task, recipe.name) == ("text-classification", "text-classification")
    assert (recipe.data.source, recipe.train.epochs, recipe.train.seed) == ("my.csv", 1, 3)
    assert base == {"model": {"name": "sample:minilm"}, "train": {"epochs": 1}}


def test_task_defaults_without_data_name_the_task():
    with pytest.raises(RecipeError, match=r"^text-classification: missing key 'data\.source'"):
        load_recipe("text-classification", options_for=options_for, base={"model": {"name": "sample:minilm"}})
