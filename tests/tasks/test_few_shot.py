"""Text classification from a few labelled texts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datasets import Dataset, Features, Value
from safetensors.numpy import load_file

import toolkit
from toolkit.artifact import Artifact
from toolkit.errors import DataError, RecipeError
from toolkit.tasks.text_contrastive import named_by, with_texts

CHANGES = ("data.limit=400", "options.max_length=32", "train.device=cpu", "train.logging_steps=1")


@pytest.fixture(scope="module")
def few(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return train(bert, tmp_path_factory.mktemp("few") / "run", "train.learning_rate=1e-3")


def train(bert: Path, out: Path, *changes: str) -> Artifact:
    return toolkit.train("nlp/few-shot-reviews", *CHANGES, *changes, f"model.name={bert}", out=out)


def train_on(rows: list[dict[str, Any]], bert: Path, folder: Path, *changes: str) -> Artifact:
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = (*changes, f"model.name={bert}")
    return toolkit.train("text-classification", *changes, data=folder / "rows.jsonl", out=folder / "out")


def test_it_is_a_text_classifier_like_any_other(few: Artifact):
    assert few.manifest["data"]["rows"]["train"] == 16
    assert few.manifest["data"]["class_balance"]["train"] == {"negative": 8, "positive": 8}
    losses = [
        line["loss"] for line in map(json.loads, (few.folder / "history.jsonl").read_text().splitlines())
    ]
    assert losses[-1] < 0.9 * losses[0]
    assert few.metrics["train"]["accuracy"]["value"] >= 0.9, "the classifier is fitted to these very texts"
    assert few.metrics["temperature"] == 1.0
    loaded = toolkit.load(few.folder)
    texts = [example["text"] for example in few.examples]
    assert loaded.predict(texts) == few.predict(texts)
    assert loaded.evaluate() == few.metrics["test"]
    assert loaded.explain(texts[0]).pieces
    assert "register()" in (few.model_folder / "README.md").read_text()
    assert "8 training rows of each class are used" in few.report.read_text()
    assert "4 texts that say the names of the classes are learnt" in few.report.read_text()


def test_pieces_take_the_same_steps(bert: Path, few: Artifact, tmp_path: Path):
    pieces = train(bert, tmp_path / "run", "train.learning_rate=1e-3", "train.gradient_accumulation_steps=3")
    whole, parts = (load_file(run.model_folder / "model.safetensors") for run in (few, pieces))
    encoder = [name for name in whole if name.startswith("encoder.")]
    assert encoder
    assert max(float(np.abs(whole[name] - parts[name]).max()) for name in encoder) < 1e-3


def test_three_classes_have_a_logit_each(bert: Path, tmp_path: Path):
    rows = [
        {"text": f"the {kind} number {n}", "label": kind}
        for n in range(30)
        for kind in ("cat", "dog", "ship")
    ]
    changes = ("options.few_shot=4", "options.contrastive={}", "train.max_steps=4", "train.batch_size=12")
    run = train_on(rows, bert, tmp_path, *changes)
    assert run.metrics["test"]["accuracy"]["value"] > 0.8
    assert run.metrics["test"]["rows"] == 9


def test_what_cannot_be_done_is_said(bert: Path, tmp_path: Path):
    with pytest.raises(
        DataError, match=r"class 'negative' has \d+ training rows, fewer than options.few_shot=1000"
    ):
        train(bert, tmp_path / "out", "options.few_shot=1000")
    with pytest.raises(RecipeError) as caught:
        train(bert, tmp_path / "out", "train.batch_size=1", "train.label_smoothing_factor=0.1")
    assert "train.batch_size" in str(caught.value)
    assert "train.label_smoothing_factor" in str(caught.value)
    numbers = [{"text": f"a {n}", "label": n / 7} for n in range(40)]
    with pytest.raises(RecipeError, match=r"options.contrastive.*regression"):
        train_on(numbers, bert, tmp_path, "options.contrastive={}")
    with pytest.raises(RecipeError, match=r"options.contrastive.templates.*'A film' has no \{\} where"):
        train(bert, tmp_path / "out", "options.contrastive.templates=['A film']")
    pairs = [{"text": f"a {n}", "text_pair": f"b {n}", "label": "yn"[n % 2]} for n in range(60)]
    with pytest.raises(RecipeError, match=r"options.contrastive.templates.*no pair of texts"):
        train_on(pairs, bert, tmp_path, "options.contrastive.templates=['A {}']")
    assert not (tmp_path / "out").exists()


def test_names_of_the_classes_are_learnt_beside_the_rows():
    rows = Dataset.from_dict(
        {"text": ["well", "oh no"], "label": [1, 0], "row": [4, 9]},
        Features(text=Value("string"), label=Value("int64"), row=Value("int64")),
    )
    learnt = with_texts(rows, named_by(["A {} film.", "{}!"], ("bad", "good")))
    assert learnt["text"] == ["well", "oh no", "A bad film.", "A good film.", "bad!", "good!"]
    assert learnt["label"] == [1, 0, 0, 1, 0, 1]
