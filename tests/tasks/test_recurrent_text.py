"""Text classification with a recurrent network and new weights."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

import toolkit
from toolkit.artifact import Artifact
from toolkit.errors import RecipeError
from toolkit.models import register

SMALL = "model.config={embedding_size: 16, hidden_size: 16, bidirectional: true, pooling: max}"
FAST = ("train.epochs=6", "train.learning_rate=1e-2", "train.batch_size=16", SMALL)


def verdicts(folder: Path) -> Path:
    choose = random.Random(0)
    words = {"yes": ("fine", "warm", "superb"), "no": ("dull", "cold", "weak")}
    labels = [choose.choice(("yes", "no")) for _ in range(160)]
    lines = [f"a {choose.choice(words[label])} film number {n},{label}" for n, label in enumerate(labels)]
    path = folder / "verdicts.csv"
    path.write_text("\n".join(["text,label", *lines]) + "\n")
    return path


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("recurrent")
    return toolkit.train(
        "text-classification", *FAST, data=verdicts(folder), model="scratch:lstm", out=folder / "run"
    )


def test_it_learns_and_a_loaded_run_is_the_same(run: Artifact) -> None:
    assert run.metrics["test"]["accuracy"]["value"] > 0.9
    loaded = toolkit.load(run.folder)
    assert loaded.evaluate() == run.metrics["test"]
    assert loaded.predict("a superb film")["label"] == "yes"


def test_the_vocabulary_is_of_the_training_rows_and_what_is_unknown_is_said(run: Artifact) -> None:
    words = AutoTokenizer.from_pretrained(run.model_folder).get_vocab()
    assert {"film", "superb", "[UNK]"} <= set(words)
    assert not {"1", "2", "3"} & set(words)  # each number is seen once
    assert "of the words in test are unknown" in run.report.read_text()


def test_plain_transformers_opens_the_model(run: Artifact) -> None:
    register()
    texts = [example["text"] for example in run.examples]
    classify = pipeline(
        "text-classification",
        model=AutoModelForSequenceClassification.from_pretrained(run.model_folder),
        tokenizer=AutoTokenizer.from_pretrained(run.model_folder),
    )
    assert [found["label"] for found in classify(texts)] == [found["label"] for found in run.predict(texts)]


def test_words_are_attributed(run: Artifact) -> None:
    weights = dict(run.explain("A superb film").pieces)
    assert list(weights) == ["A", "superb", "film"]
    assert max(weights, key=lambda word: weights[word]) == "superb"


def test_pieces_take_the_same_steps(tmp_path: Path) -> None:
    source, few = verdicts(tmp_path), ("train.max_steps=4", SMALL)
    found = [
        toolkit.train(
            "text-classification", *few, *more, data=source, model="scratch:gru", out=tmp_path / str(at)
        )
        for at, more in enumerate(((), ("train.gradient_accumulation_steps=3",)))
    ]
    whole, pieces = (artifact.metrics["test"]["loss"]["value"] for artifact in found)
    assert np.isclose(whole, pieces, atol=1e-5)


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (("train.lora={r: 4}", "train.freeze=backbone"), ("train.lora", "train.freeze", "weights are new")),
        (("model.name=scratch:lstn",), ("model.name", "did you mean 'lstm'")),
        (("model.name=sample:minilm", "options.vocabulary={size: 90}"), ("options.vocabulary", "of its own")),
        (("model.config={vocab_size: 90}",), ("model.config.vocab_size", "options.vocabulary.size")),
        (("model.config={hiden_size: 9}",), ("hiden_size", "hidden_size")),
        (("model.config={pooling: first}",), ("pooling", "last, mean, max")),
    ],
)
def test_what_makes_no_sense_is_refused(
    overrides: tuple[str, ...], said: tuple[str, ...], tmp_path: Path
) -> None:
    with pytest.raises(RecipeError) as caught:
        toolkit.train(
            "text-classification",
            "model.name=scratch:lstm",
            *overrides,
            data=verdicts(tmp_path),
            out=tmp_path / "run",
        )
    assert all(words in str(caught.value) for words in said), str(caught.value)
    assert not (tmp_path / "run").exists()


def test_adapters_need_linear_layers(run: Artifact, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"train\.lora.*no linear layers"):
        toolkit.train(
            "text-classification",
            "train.lora={r: 4}",
            data=verdicts(tmp_path),
            model=run.model_folder,
            out=tmp_path / "run",
        )


@pytest.fixture(scope="module")
def writing(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A GRU with new weights that has learnt the one sentence of its rows, with a number in it."""
    folder = tmp_path_factory.mktemp("recurrent-writer")
    lines = [f'{{"text": "Number {n} sleeps on the old mat ."}}\n' for n in range(60)]
    (folder / "texts.jsonl").write_text("".join(lines))
    changes = (
        "model={name: 'scratch:gru', config: {hidden_size: 32, embedding_size: 32, dropout: 0.1}}",
        "train={epochs: 12, batch_size: 8, learning_rate: 2e-2, device: cpu, lora: null}",
        "options={max_new_tokens: 12, vocabulary: {min_frequency: 1}}",
    )
    return toolkit.train("text-generation", *changes, data=folder / "texts.jsonl", out=folder / "run")


def test_a_recurrent_network_writes_on_until_the_end(writing: Artifact) -> None:
    written = writing.predict("Number 3 sleeps")

    assert written["text"].split() == ["on", "the", "old", "mat", "."]
    assert written["ended"]
    assert not writing.manifest["packed"]  # one sequence's state would run into the next
    test = writing.metrics["test"]
    assert test["perplexity"]["value"] < 0.5 * test["perplexity_before"]["value"]


def test_prompts_of_other_lengths_are_continued_as_alone(writing: Artifact) -> None:
    prompts = ["Number 3", "Number 3 sleeps on the old", "on"]

    assert [one["text"] for one in writing.predict(prompts)] == [
        writing.predict(prompt)["text"] for prompt in prompts
    ]


def test_a_recurrent_writer_takes_no_adapters(tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_text("one line\n" * 30)

    report = toolkit.check(
        "text-generation", "model.name=scratch:lstm", "train.lora={r: 4}", data=tmp_path / "texts.txt"
    )

    assert [finding.where for finding in report.findings if finding.level == "error"] == ["train.lora"]
