"""Text classification of pairs: the texts are read together, from the file to the demo."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import pipeline

import toolkit
from tests.tasks.cases import small_bert
from toolkit.artifact import Artifact
from toolkit.demo.app import build
from toolkit.errors import DataError
from toolkit.run import read_inputs

WORDS = ("cat", "dog", "house", "tree", "river", "stone")
PAIR = {"text": "the cat", "text_pair": "the cat"}


def rows(folder: Path) -> Path:
    """Whether two texts name the same thing: neither text alone says it."""
    path = folder / "pairs.csv"
    lines = [
        f"the {first} number {n},the {second} number {n},{'same' if first == second else 'other'}"
        for n in range(8)
        for first in WORDS
        for second in (first, WORDS[(WORDS.index(first) + n % 5 + 1) % 6])
    ]
    path.write_text("\n".join(["sentence1,sentence2,label", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("pairs")
    changes = (
        f"model.name={small_bert(folder / 'bert')}",
        "train={epochs: 2, batch_size: 16, learning_rate: 1e-3, device: cpu}",
        "options.max_length=32",
    )
    return toolkit.train("text-classification", *changes, data=rows(folder), out=folder / "run")


def test_both_columns_are_found_and_said(run: Artifact) -> None:
    assert run.manifest["data"]["columns"] == {
        "text": "sentence1",
        "text_pair": "sentence2",
        "label": "label",
    }
    assert set(run.examples[0]["text"]) == {"text", "text_pair"}
    report = run.report.read_text()
    assert "text_pair from column “sentence2”" in report


def test_both_texts_are_read_as_transformers_reads_them(run: Artifact) -> None:
    classify = pipeline("text-classification", model=str(run.model_folder))
    other = {**PAIR, "text_pair": "the stone number 3"}
    run.predictor.temperature = 1.0  # which plain transformers does not know

    found = run.predict([PAIR, other])

    assert found[0]["score"] != found[1]["score"]
    for pair, one in zip((PAIR, other), found, strict=True):
        assert classify(pair)["score"] == pytest.approx(one["score"], abs=1e-4)


def test_a_loaded_run_measures_the_same(run: Artifact) -> None:
    again = toolkit.load(run.folder)

    assert again.evaluate() == run.metrics["test"]
    assert again.explain(PAIR).reason


def test_one_text_is_not_a_pair(run: Artifact) -> None:
    with pytest.raises(DataError, match=r'input 2: not a pair.*"text_pair"'):
        run.predict([PAIR, "the cat"])


def test_files_and_json_are_inputs(run: Artifact, tmp_path: Path) -> None:
    (tmp_path / "more.jsonl").write_text(json.dumps({"sentence1": "a", "sentence2": "b"}) + "\n")

    given = read_inputs(run, [json.dumps(PAIR), str(tmp_path / "more.jsonl")])

    assert given == [PAIR, {"text": "a", "text_pair": "b"}]


def test_the_page_asks_for_both(run: Artifact) -> None:
    boxes = [one["props"].get("label") for one in build(run).config["components"] if one["type"] == "textbox"]

    assert boxes[:2] == ["Text", "Second text"]


def test_a_text_alone_stays_a_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\n" + "".join(f"row {n},{n % 2}\n" for n in range(30)))

    report = toolkit.check(
        "text-classification",
        f"model.name={small_bert(tmp_path / 'bert')}",
        "train.max_steps=1",
        data=tmp_path / "a.csv",
    )

    assert report.ok
    assert not any("text_pair" in str(finding) for finding in report.findings)
