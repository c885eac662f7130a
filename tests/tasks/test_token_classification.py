"""What token classification promises beyond the conformance suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from transformers import AutoModelForTokenClassification, AutoTokenizer, pipeline

import toolkit
from tests.tasks.tagging_cases import sentences, write_jsonl
from toolkit.artifact import Artifact
from toolkit.demo.flat import ROWS
from toolkit.demo.inputs import INPUTS
from toolkit.demo.outputs import OUTPUTS
from toolkit.demo.tagged import spans_of
from toolkit.errors import DataError
from toolkit.tasks.signature import Sentence, Tags
from toolkit.tasks.token_decoding import describe_tags

FAST = ("train.epochs=8", "train.learning_rate=5e-3", "train.batch_size=16", "options.max_length=24")
TEXTS = ["Mary Smith went to New York.", "John lives in Berlin and slept .", "Nobody came."]


def train(model: Path, folder: Path, *changes: str, scheme: str = "IOB2") -> Artifact:
    data = write_jsonl(folder / "rows.jsonl", sentences(200, scheme))
    return toolkit.train("token-classification", *FAST, *changes, data=data, model=model, out=folder / "run")


@pytest.fixture(scope="module")
def run(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return train(bert, tmp_path_factory.mktemp("names"))


def test_names_are_learnt_and_measured(run: Artifact):
    assert run.metrics["test"]["span_f1"]["value"] > 0.95
    assert set(run.metrics["test"]) >= {"span_precision", "span_recall", "tag_accuracy", "loss", "words"}
    assert run.manifest["scheme"] == "IOB2"
    assert run.manifest["truncation"]["train"]["words_cut"] == 0


def test_a_text_is_cut_into_words_and_entities_have_places(run: Artifact):
    text = "Mary Smith went to New York."
    found = run.predict(text)
    assert found["words"] == ["Mary", "Smith", "went", "to", "New", "York", "."]
    assert found["tags"] == ["B-PER", "I-PER", "O", "O", "B-LOC", "I-LOC", "O"]
    assert [(one["label"], text[one["start"] : one["end"]]) for one in found["entities"]] == [
        ("PER", "Mary Smith"),
        ("LOC", "New York"),
    ]
    assert found["label"] == "1 PER, 1 LOC"
    assert found["marked"] == "[PER Mary Smith] went to [LOC New York]."
    assert [text[start:end] for start, end in found["spans"]] == found["words"]
    assert run.predict([found["words"]])[0]["tags"] == found["tags"]


def test_plain_transformers_finds_the_same_entities(run: Artifact):
    plain = pipeline(
        "token-classification",
        model=AutoModelForTokenClassification.from_pretrained(run.model_folder),
        tokenizer=AutoTokenizer.from_pretrained(run.model_folder),
        aggregation_strategy="first",
    )
    ours = run.predict(TEXTS)
    for found, theirs in zip(ours, plain(TEXTS), strict=True):
        assert [(one["label"], one["start"], one["end"]) for one in found["entities"]] == [
            (one["entity_group"], one["start"], one["end"]) for one in theirs
        ]
        assert [one["score"] for one in found["entities"]] == pytest.approx(
            [float(one["score"]) for one in theirs], abs=1e-5
        )
    assert sum(len(found["entities"]) for found in ours) >= 4


def test_a_batch_and_single_texts_agree(run: Artifact):
    together, alone = run.predict(TEXTS), [run.predict(text) for text in TEXTS]
    assert [one["tags"] for one in together] == [one["tags"] for one in alone]
    for left, right in zip(together, alone, strict=True):
        assert left["probabilities"] == pytest.approx(right["probabilities"], abs=1e-5)


@pytest.mark.parametrize("value", ["", "  ", None, 7, [], ["a", ""], ["a", 3]])
def test_what_is_no_sentence_is_refused(run: Artifact, value: object):
    with pytest.raises(DataError, match="input 2: not a text or a list of words"):
        run.predict(["Mary slept", value])


def test_words_beyond_the_limit_have_no_tag(run: Artifact):
    found = run.predict([["Mary", *["slept"] * 40]])[0]
    assert found["tags"][0] == "B-PER"
    assert found["tags"][-1] is None
    assert found["probabilities"][-1] == 0
    spans, colors = spans_of(found)
    assert spans[0] == ("Mary", "PER")
    assert spans[-1] == ("slept", "not read")
    assert set(colors) == {"PER", "not read"}
    assert "".join(text for text, _ in spans) == found["text"]


def test_windows_give_every_word_a_tag(run: Artifact, tmp_path: Path):
    from dataclasses import replace

    from toolkit.data.pieces import Cut

    predictor: Any = run.predictor
    wide = replace(predictor, cut=Cut(24, 8))
    words = [word for row in sentences(12, seed=3) for word in row["tokens"]]
    (found,) = wide([words])
    assert None not in found["tags"]
    true = [tag for row in sentences(12, seed=3) for tag in row["tags"]]
    assert np.mean([left == right for left, right in zip(found["tags"], true, strict=True)]) > 0.9


def test_evaluating_on_other_rows(run: Artifact, tmp_path: Path):
    rows = sentences(9, seed=5)
    metrics = run.evaluate(write_jsonl(tmp_path / "new.jsonl", rows))
    assert metrics["rows"] == 9
    assert metrics["words"] == sum(len(row["tokens"]) for row in rows)
    assert metrics["span_f1"]["value"] > 0.95
    # Rows that hold a few of the tags only are still of the model's scheme.
    alone = run.evaluate(
        write_jsonl(tmp_path / "o.jsonl", [{"tokens": ["It", "rained"], "tags": ["O", "O"]}])
    )
    assert alone["tag_accuracy"]["value"] is not None
    with pytest.raises(DataError, match="B-DAY"):
        run.evaluate(write_jsonl(tmp_path / "odd.jsonl", [{"tokens": ["Monday"], "tags": ["B-DAY"]}]))


def test_export_gives_the_same_tags(run: Artifact, tmp_path: Path):
    import onnxruntime

    folder = run.export(tmp_path / "onnx")
    session = onnxruntime.InferenceSession(folder / "model.onnx")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    words = ["John", "lives", "in", "Berlin"]
    encoded = tokenizer(words, is_split_into_words=True, return_tensors="np")
    inputs = {node.name: encoded[node.name].astype(np.int64) for node in session.get_inputs()}
    (logits,) = session.run(["logits"], inputs)
    names = run.manifest["label_names"]
    assert [names[at] for at in logits[0].argmax(1)[1:-1]] == run.predict([words])[0]["tags"]


def test_the_report_shows_entities(run: Artifact):
    page = run.report.read_text()
    for title in ("Results", "Confusion matrix", "Labels one by one", "Worst sentences", "Truncation ledger"):
        assert f"<h2>{title}</h2>" in page
    assert "words cut" in page
    assert "Entity F1 on validation" in page


def test_what_the_demo_shows(run: Artifact):
    check = INPUTS[Sentence].check
    assert check("Mary slept") == "Mary slept"
    assert check(["Mary", "slept"]) == ["Mary", "slept"]
    for wrong in ("  ", [], ["a", None], 3):
        with pytest.raises(ValueError, match=r"empty|list of non-empty"):
            check(wrong)
    found = run.predict("Mary went to Paris.")
    shown = OUTPUTS[Tags].render(found, Tags(), "Mary went to Paris.")
    assert shown["value"] == [("Mary", "PER"), (" went to ", None), ("Paris", "LOC"), (".", None)]
    assert shown["label"] == "Prediction: 1 PER, 1 LOC"
    (row,) = ROWS[Tags].of(found)
    assert row["predicted_tags"] == "B-PER O O B-LOC O"
    assert row["predicted_entities"] == "Mary (PER); Paris (LOC)"


def test_a_whole_file_in_the_demo(run: Artifact, tmp_path: Path):
    from toolkit.demo.files import FileTab

    path = write_jsonl(
        tmp_path / "in.jsonl", [{"tokens": ["Mary", "slept"]}, {"tokens": ["John", "lives", "in", "Paris"]}]
    )
    said, table, _ = FileTab(run).predict(str(path))
    assert "2 rows" in said["value"]
    headers = table["value"]["headers"]
    column = headers.index("predicted_tags")
    assert [row[column] for row in table["value"]["data"]] == ["B-PER O", "B-PER O O B-LOC"]
    assert table["value"]["data"][0][0] == "Mary slept"


def test_the_commands_output_is_marked(run: Artifact, capsys: pytest.CaptureFixture[str]):
    from toolkit.cli import predict

    predict(str(run.folder), ["Mary went to Paris."])
    assert "[PER Mary] went to [LOC Paris]." in capsys.readouterr().out


def test_a_label_names_the_most_frequent_tags():
    tags = ["DET", "NOUN", "VERB", "DET", "NOUN", "ADP", "DET", "NOUN", "ADV", "CONJ", "NOUN"]
    assert describe_tags(tags, "plain") == "4 NOUN, 3 DET, 1 VERB, 1 ADP, 2 others"
    assert describe_tags(["B-PER", "I-PER", "O", "B-PER"], "IOB2") == "2 PER"
    assert describe_tags(["O"], "IOB2") == "nothing"


def test_tags_of_other_schemes_all_pieces_and_adapters(bert: Path, tmp_path: Path):
    """One training of what the others leave at its default."""
    changes = ("options.label_all_tokens=true", "options.stride=4", "train.lora={r: 4}", "train.epochs=4")
    artifact = train(bert, tmp_path, *changes, scheme="IOBES")
    assert artifact.manifest["scheme"] == "IOBES"
    assert artifact.evaluate() == artifact.metrics["test"]
    plain = AutoModelForTokenClassification.from_pretrained(artifact.model_folder)
    assert not [name for name, _ in plain.named_parameters() if "lora" in name]


def test_iob1_is_read_as_iob2(bert: Path, tmp_path: Path):
    artifact = train(bert, tmp_path, "train.max_steps=2", scheme="IOB1")
    repaired = artifact.manifest["data"]["tags"]["repaired"]["train"]
    assert repaired["rows"] == 200
    assert set(artifact.manifest["label_names"]) == {"B-LOC", "B-PER", "I-LOC", "I-PER", "O"}
