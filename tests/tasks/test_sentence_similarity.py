"""Small encoders trained on every form of rows."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModel

import toolkit
from toolkit.artifact import Artifact
from toolkit.demo.comparing import CompareTab
from toolkit.errors import DataError, RecipeError
from toolkit.run import read_inputs
from toolkit.tasks.sentence_model import SentencePredictor

FAST = ("train.learning_rate=3e-3", "train.batch_size=16", "options.max_length=24", "train.device=cpu")
THINGS = ("cat", "dog", "tree", "river", "engine", "violin", "ship", "letter")
PLACES = ("roof", "garden", "kitchen", "harbour", "station", "cellar")


def facts(count: int = 120) -> list[tuple[str, str]]:
    """Questions and their answers, which share a thing."""
    choose = random.Random(0)
    return [
        (f"where is the {choose.choice(THINGS)} number {n}", f"in the {choose.choice(PLACES)} {n}")
        for n in range(count)
    ]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def train(bert: Path, data: Path, out: Path, *changes: str) -> Artifact:
    return toolkit.train("sentence-similarity", *FAST, *changes, f"model.name={bert}", data=data, out=out)


@pytest.fixture(scope="module")
def paired(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("paired")
    rows = [{"question": question, "answer": answer} for question, answer in facts()]
    return train(bert, write(folder / "pairs.jsonl", rows), folder / "run", "train.epochs=10")


def test_training_finds_more_than_the_model_found_before(paired: Artifact):
    test = paired.metrics["test"]
    assert test["mean_reciprocal_rank"]["value"] > test["mean_reciprocal_rank_before"]["value"]
    assert test["searches"] == test["rows"] == 12
    assert test["candidates"] == 12
    assert "recall_at_1_before" not in paired.metrics["validation"]
    report = paired.report.read_text()
    assert "What is found" in report
    assert "Mean reciprocal rank before training" in report


def test_a_sentence_is_compared_with_others(paired: Artifact):
    value = {
        "source_sentence": "where is the cat number 1",
        "sentences": ["in the roof 1", "a ship", "in the roof 1"],
    }
    prediction = paired.predict(value)
    near = prediction["similarities"]
    assert len(near) == 3
    assert near[0] == near[2]
    assert prediction["scores"] == {"in the roof 1": near[0], "a ship": near[1]}
    assert prediction["label"] == max(prediction["scores"], key=prediction["scores"].__getitem__)
    same = paired.predict({"source_sentence": "a ship", "sentences": ["a ship"]})
    assert same["score"] == pytest.approx(1.0, abs=1e-5)
    assert paired.explain(value).reason


def test_wrong_inputs_are_all_named(paired: Artifact):
    with pytest.raises(DataError) as caught:
        paired.predict(["a ship", {"source_sentence": " ", "sentences": ["a", 3]}, {"source_sentence": "a"}])
    message = str(caught.value)
    assert "input 1: not a sentence with others to compare: 'a ship'" in message
    assert "input 2: the source sentence is ' ', not a text" in message
    assert "input 2: sentence 2 is 3, not a text" in message
    assert "input 3: there are no sentences to compare with" in message


def test_words_of_the_command_line_are_one_comparison(paired: Artifact):
    assert read_inputs(paired, ["a", "b", "c"]) == [{"source_sentence": "a", "sentences": ["b", "c"]}]
    with pytest.raises(DataError, match="nothing to be compared with"):
        read_inputs(paired, ["a"])


def test_the_folder_opens_with_transformers_and_says_how_tokens_are_pooled(paired: Artifact):
    predictor = paired.predictor
    assert isinstance(predictor, SentencePredictor)
    texts = ["a ship", "where is the cat number 7"]
    model = AutoModel.from_pretrained(paired.model_folder).eval()
    batch = predictor.encode(texts)
    states, mask = model(**batch).last_hidden_state, batch["attention_mask"][:, :, None]
    mean = ((states * mask).sum(1) / mask.sum(1)).detach().numpy()
    vectors = predictor.embed(texts)
    assert vectors == pytest.approx(mean / np.linalg.norm(mean, axis=1, keepdims=True), abs=1e-5)
    modules = json.loads((paired.model_folder / "modules.json").read_text())
    assert [module["path"] for module in modules] == ["", "1_Pooling", "2_Normalize"]
    pooling = json.loads((paired.model_folder / "1_Pooling" / "config.json").read_text())
    assert pooling["pooling_mode_mean_tokens"] is True
    assert pooling["word_embedding_dimension"] == vectors.shape[1]
    assert "SentenceTransformer(" in (paired.model_folder / "README.md").read_text()


def test_the_demo_compares_lines(paired: Artifact):
    tab = CompareTab(paired)
    source, others = tab.pick(0)
    bars, truth = tab.answer(source, others)
    assert set(bars) == set(others.splitlines())
    assert tab.examples[0].truth in others
    assert truth["visible"]
    assert tab.answer("a ship", "a boat\n\n a car ")[0].keys() == {"a boat", "a car"}
    for wrong in (("", "a"), ("a", " \n"), ("a", "b\n" * 51)):
        with pytest.raises(Exception, match="sentence"):
            tab.answer(*wrong)


def test_triplets_scores_and_labels_are_learnt(bert: Path, tmp_path: Path):
    triplets = [{"anchor": q, "positive": a, "negative": f"not {a}"} for q, a in facts(60)]
    scored = [
        {
            "sentence1": f"the {THINGS[n % 8]} {n}",
            "sentence2": f"the {THINGS[m % 8]} {n}",
            "score": 5 * (n % 8 == m % 8),
        }
        for n, m in ((n, n + n % 2) for n in range(80))
    ]
    labelled = [{"text": f"the {THINGS[n % 4]} number {n}", "label": THINGS[n % 4]} for n in range(80)]
    forms = {"triplets": triplets, "scored": scored, "labels": labelled}
    made = {
        form: train(
            bert,
            write(tmp_path / f"{form}.jsonl", rows),
            tmp_path / form,
            "train.epochs=6",
            "options.pooling=max",
        )
        for form, rows in forms.items()
    }
    assert {form: run.manifest["form"] for form, run in made.items()} == {form: form for form in forms}
    for form in ("triplets", "labels"):
        test = made[form].metrics["test"]
        assert test["mean_reciprocal_rank"]["value"] >= test["mean_reciprocal_rank_before"]["value"]
    assert made["triplets"].metrics["test"]["candidates"] == 12
    assert made["scored"].metrics["test"]["spearman"]["value"] > 0.5
    assert "scaled to 0..1" in made["scored"].report.read_text()
    assert "Predictions and true values" in made["scored"].report.read_text()
    for run in made.values():
        loaded = toolkit.load(run.folder)
        assert loaded.evaluate() == run.metrics["test"]
        assert loaded.predictor.pooling == "max"


def test_other_rows_are_measured(paired: Artifact, tmp_path: Path):
    rows = [{"question": question, "answer": answer} for question, answer in facts(20)]
    found = paired.evaluate(write(tmp_path / "others.jsonl", rows))
    assert found["searches"] == 20
    assert "recall_at_1_before" not in found


def test_an_export_gives_the_vectors(paired: Artifact, tmp_path: Path):
    import onnxruntime

    folder = paired.export(tmp_path / "onnx")
    predictor = paired.predictor
    assert isinstance(predictor, SentencePredictor)
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    given = {name: value.numpy() for name, value in predictor.encode(["a ship", "a letter"]).items()}
    names = {entry.name for entry in session.get_inputs()}
    (vectors,) = session.run(["sentence_embedding"], {k: v for k, v in given.items() if k in names})
    assert vectors == pytest.approx(predictor.embed(["a ship", "a letter"]), abs=1e-4)


def test_a_range_without_width_and_settings_without_meaning_are_refused(bert: Path, tmp_path: Path):
    rows = [{"sentence1": f"a {n}", "sentence2": f"b {n}", "score": n / 20} for n in range(20)]
    data = write(tmp_path / "scored.jsonl", rows)
    with pytest.raises(RecipeError, match=r"\[1, 1\] has no width"):
        train(bert, data, tmp_path / "out", "options.score_range=[1, 1]")
    with pytest.raises(RecipeError, match=r"train\.batch_tokens"):
        train(bert, data, tmp_path / "out", "train.batch_tokens=100")
