from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

import toolkit
from toolkit.artifact import Artifact
from toolkit.data.labels import LabelSpace
from toolkit.errors import DataError, ModelError, RecipeError
from toolkit.tasks.evaluation import values_of
from toolkit.tasks.problem import Problem
from toolkit.tasks.text_model import positions_of

FAST = ("train.epochs=8", "train.learning_rate=5e-3", "train.batch_size=16", "options.max_length=24")
THINGS = ("fast", "cheap", "pretty", "loud")


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def several_labels(folder: Path) -> Path:
    choose = random.Random(0)
    picks = [choose.sample(THINGS, choose.randint(1, 3)) for _ in range(300)]
    rows = [{"text": f"number {n} is {' and '.join(p)}", "labels": p} for n, p in enumerate(picks)]
    return write_rows(folder / "several.jsonl", rows)


def ratings(folder: Path) -> Path:
    choose = random.Random(0)
    words = ("awful", "weak", "fair", "good", "superb")
    points = [choose.randrange(len(words)) for _ in range(300)]
    rows = [{"text": f"thing {n} is {words[p]}", "score": p / 2 - 0.5} for n, p in enumerate(points)]
    return write_rows(folder / "ratings.jsonl", rows)


def verdicts(folder: Path) -> Path:
    choose = random.Random(0)
    words = {"yes": ("fine", "warm", "superb"), "no": ("dull", "cold", "weak")}
    labels = [choose.choice(("yes", "no")) for _ in range(240)]
    rows = [
        {"text": f"a {choose.choice(words[v])} film, number {n}", "label": v} for n, v in enumerate(labels)
    ]
    return write_rows(folder / "verdicts.jsonl", rows)


def test_several_labels_a_text(bert: Path, tmp_path: Path) -> None:
    artifact = toolkit.train(
        "text-classification",
        *FAST,
        "train.epochs=25",
        "train.learning_rate=2e-3",
        data=several_labels(tmp_path),
        model=bert,
        out=tmp_path / "run",
    )
    assert artifact.metrics["test"]["micro_f1"]["value"] > 0.9
    prediction = artifact.predict("number 7 is fast and loud")
    assert prediction["labels"] == [name for name, score in prediction["scores"].items() if score >= 0.5]
    assert prediction["scores"].keys() == set(THINGS)


def test_a_number_for_a_text(bert: Path, tmp_path: Path) -> None:
    artifact = toolkit.train(
        "text-classification", *FAST, data=ratings(tmp_path), model=bert, out=tmp_path / "run"
    )
    assert artifact.metrics["test"]["r2"]["value"] > 0.8
    assert artifact.predict("thing 5 is superb")["value"] > artifact.predict("thing 5 is weak")["value"] + 0.5
    assert "ece" not in artifact.metrics["test"]


def test_adapters_are_merged_into_the_saved_model(bert: Path, tmp_path: Path) -> None:
    artifact = toolkit.train(
        "text-classification",
        *FAST,
        "train.lora={r: 4}",
        data=verdicts(tmp_path),
        model=bert,
        out=tmp_path / "run",
    )
    plain = AutoModelForSequenceClassification.from_pretrained(artifact.model_folder)
    assert not [name for name, _ in plain.named_parameters() if "lora" in name]
    assert artifact.metrics["test"]["accuracy"]["value"] > 0.9
    assert artifact.evaluate() == artifact.metrics["test"]


def test_a_frozen_backbone_stays_as_it_was(bert: Path, tmp_path: Path) -> None:
    options = (*FAST, "train.max_steps=4", "train.freeze=backbone")
    artifact = toolkit.train(
        "text-classification", *options, data=verdicts(tmp_path), model=bert, out=tmp_path / "run"
    )
    before = AutoModelForSequenceClassification.from_pretrained(bert).base_model.state_dict()
    after = AutoModelForSequenceClassification.from_pretrained(artifact.model_folder).base_model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before if "pooler" not in name)


@pytest.fixture(scope="module")
def run(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("verdicts")
    return toolkit.train("text-classification", *FAST, data=verdicts(folder), model=bert, out=folder / "run")


def test_plain_transformers_opens_the_model(run: Artifact) -> None:
    texts = [example["text"] for example in run.examples]
    classify = pipeline(
        "text-classification",
        model=AutoModelForSequenceClassification.from_pretrained(run.model_folder),
        tokenizer=AutoTokenizer.from_pretrained(run.model_folder),
    )
    assert [found["label"] for found in classify(texts)] == [found["label"] for found in run.predict(texts)]


def test_words_are_attributed(run: Artifact) -> None:
    attribution = run.explain("A superb film, number 12")
    weights = dict(attribution.pieces)
    assert list(weights) == ["A", "superb", "film", ",", "number", "12"]
    assert max(weights, key=lambda word: weights[word]) == "superb"
    assert np.abs(list(weights.values())).max() == pytest.approx(1)


def test_a_batch_and_single_texts_agree(run: Artifact) -> None:
    texts = ["a dull film, number 3", "a warm and superb film, number 4, and a long text about it", "fine"]
    together, alone = run.predict(texts), [run.predict(text) for text in texts]
    assert [p["label"] for p in together] == [p["label"] for p in alone]
    assert [p["score"] for p in together] == pytest.approx([p["score"] for p in alone], abs=1e-5)


@pytest.mark.parametrize("value", ["", "  ", None, 7])
def test_what_is_no_text_is_refused(run: Artifact, value: object) -> None:
    with pytest.raises(DataError, match="input 2: not a text"):
        run.predict(["a film", value])


def test_evaluating_on_other_rows(run: Artifact, tmp_path: Path) -> None:
    rows = [{"text": f"a superb film, number {n}", "label": "yes"} for n in range(9)]
    metrics = run.evaluate(write_rows(tmp_path / "new.jsonl", rows))
    assert metrics["accuracy"]["value"] == 1
    assert metrics["rows"] == 9
    with pytest.raises(DataError, match="maybe"):
        run.evaluate(write_rows(tmp_path / "odd.jsonl", [*rows, {"text": "a film", "label": "maybe"}]))


def test_export_gives_the_same_labels(run: Artifact, tmp_path: Path) -> None:
    import onnxruntime

    folder = run.export(tmp_path / "onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [example["text"] for example in run.examples]
    encoded = tokenizer(texts, padding=True, return_tensors="np")
    inputs = {node.name: encoded[node.name].astype(np.int64) for node in session.get_inputs()}
    (logits,) = session.run(["logits"], inputs)
    names = run.manifest["label_names"]
    assert [names[best] for best in logits.argmax(1)] == [found["label"] for found in run.predict(texts)]


def _without_config(folder: Path) -> None:
    (folder / "config.json").unlink()


def _without_tokenizer(folder: Path) -> None:
    for path in folder.glob("token*"):
        path.unlink()
    (folder / "vocab.txt").unlink(missing_ok=True)


def _with_own_code(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModel": "modeling.Model"}
    (folder / "config.json").write_text(json.dumps(config))


def _with_cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_without_config, "config.json"),
        (_without_tokenizer, "tokenizer"),
        (_with_own_code, "model.trust_remote_code"),
        (_with_cut_weights, "cannot classify text"),
    ],
)
def test_models_that_cannot_be_opened(
    bert: Path, tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    import shutil

    model = Path(shutil.copytree(bert, tmp_path / "model"))
    damage(model)
    with pytest.raises(ModelError, match=said):
        toolkit.train("text-classification", data=verdicts(tmp_path), model=model, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kept", ["validation", "train"])
def test_splits_that_were_not_held_out_are_missed_nowhere(
    bert: Path, tmp_path: Path, kept: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from toolkit.cli import _print_trained
    from toolkit.demo.summary import quality

    without = ["data.test=0", *(["data.validation=0"] if kept == "train" else [])]
    more = ["train.metric_for_best_model=macro_f1"] if kept == "validation" else []
    few = ("train.max_steps=2", "options.max_length=24")
    rows = verdicts(tmp_path)
    artifact = toolkit.train(
        "text-classification", *few, *without, *more, data=rows, model=bert, out=tmp_path / "run"
    )
    assert "test" not in artifact.metrics
    _print_trained(artifact)
    assert capsys.readouterr().out.startswith(kept)
    assert quality(artifact.metrics).startswith("Validation accuracy" if kept == "validation" else "")
    assert ("Macro F1 on validation" in artifact.report.read_text()) == (kept == "validation")
    with pytest.raises(DataError, match="held out no test rows"):
        artifact.evaluate()


def test_positions_behind_the_padding_are_not_counted() -> None:
    from transformers import RobertaConfig, RobertaForSequenceClassification

    small = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 1, "intermediate_size": 4}
    config = RobertaConfig(vocab_size=9, max_position_embeddings=20, pad_token_id=1, **small)
    assert positions_of(RobertaForSequenceClassification(config)) == 18


def test_an_undefined_metric_of_an_evaluation_is_not_a_number() -> None:
    problem = Problem(LabelSpace("regression", ("stars",)))
    values = values_of(problem, np.array([[1.0], [2.0]]), np.array([3.0, 3.0]))
    assert values["mse"] == 2.5
    assert np.isnan(values["pearson"])


def test_an_unknown_metric_is_told_before_training(bert: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="did you mean 'accuracy'"):
        toolkit.train(
            "text-classification",
            "train.metric_for_best_model=acuracy",
            data=verdicts(tmp_path),
            model=bert,
            out=tmp_path / "run",
        )
