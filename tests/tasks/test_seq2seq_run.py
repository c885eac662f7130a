"""What a training leaves that learnt 24 pairs by heart: texts, metrics, report, card, demo, ONNX."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import toolkit
from tests.tasks.seq2seq_cases import PAIRS, table
from toolkit.artifact import Artifact
from toolkit.errors import DataError

CONFIG = (
    "{d_model: 64, encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 2, decoder_attention_heads: 2, "
    "encoder_ffn_dim: 128, decoder_ffn_dim: 128, dropout: 0.0}"
)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("learnt")
    (folder / "pairs.csv").write_text(table("stone " * 20 + "here,piedra allí", "key here," + "llave " * 20))
    return toolkit.train(
        "translation",
        f"model.config={CONFIG}",
        "train.batch_size=24",
        "train.learning_rate=5e-3",
        "train.max_steps=140",
        "train.eval_steps=70",
        "train.label_smoothing_factor=0",
        "train.metric_for_best_model=loss",
        "options.vocab_size=400",
        "options.max_source_length=16",
        "options.max_target_length=16",
        "options.predict_with_generate=2",
        "data.columns={source: source, target: target}",
        data=folder / "pairs.csv",
        out=folder / "run",
    )


@pytest.fixture(scope="module")
def plain(learnt: Artifact):
    """The same folder opened with transformers alone."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    folder = str(learnt.model_folder)
    return AutoModelForSeq2SeqLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)


def test_it_writes_what_it_learnt(learnt: Artifact):
    assert learnt.metrics["train"]["exact_match"]["value"] > 0.8
    assert learnt.metrics["train"]["chrf"]["value"] > 80
    known = dict(PAIRS)
    right = [
        one["label"] == known[text] for text, one in zip(known, learnt.predict(list(known)), strict=True)
    ]
    assert np.mean(right) > 0.7


def test_plain_transformers_writes_the_same(learnt: Artifact, plain):
    model, tokenizer = plain
    for source, _ in PAIRS[:6]:
        written = model.generate(**tokenizer(source, return_tensors="pt"))
        text = tokenizer.decode(written[0], skip_special_tokens=True)
        assert text == learnt.predict(source)["translation"]
    assert model.generation_config.num_beams == 4


def test_a_prediction_has_the_text_under_the_tasks_word_and_a_probability(learnt: Artifact):
    one = learnt.predict(PAIRS[0][0])
    assert one["label"] == one["translation"]
    assert 0.5 < one["score"] <= 1


def test_many_at_once_are_as_one_by_one(learnt: Artifact):
    texts = [source for source, _ in PAIRS[:7]] + ["stone", "one two three four fish key light wall here"]
    together = learnt.predict(texts)
    for text, one in zip(texts, together, strict=True):
        alone = learnt.predict(text)
        assert alone["label"] == one["label"]
        assert alone["score"] == pytest.approx(one["score"], abs=1e-5)


def test_no_text_and_empty_texts_are_refused_by_number(learnt: Artifact):
    with pytest.raises(DataError) as caught:
        learnt.predict(["one fish here", " ", 7])
    assert [problem.where for problem in caught.value.problems] == ["input 2", "input 3"]


def test_other_rows_are_measured_and_equal_ones_equally(learnt: Artifact, tmp_path: Path):
    path = tmp_path / "held.csv"
    path.write_text("source,target\n" + "\n".join(",".join(pair) for pair in PAIRS) + "\n")
    measured = learnt.evaluate(path)
    assert measured["rows"] == 24
    assert measured["exact_match"]["value"] > 0.7
    assert measured["loss"]["value"] == pytest.approx(np.log(measured["perplexity"]["value"]))


def test_signatures_stand_in_metrics_card_and_report(learnt: Artifact):
    signature = learnt.metrics["signatures"]["bleu"]
    assert "tok:13a" in signature
    assert signature in (learnt.model_folder / "README.md").read_text()
    assert signature in learnt.report.read_text()


def test_the_card_shows_code_that_works(learnt: Artifact):
    card = (learnt.model_folder / "README.md").read_text()
    code = card.split("```python\n")[1].split("```")[0].replace("USER/NAME", str(learnt.model_folder))
    assert "pipeline" not in code
    exec(code, {"print": lambda texts: texts[0]})


def test_the_report_shows_texts_and_what_was_cut(learnt: Artifact):
    report = learnt.report.read_text()
    assert all(f"<h2>{title}" in report or title in report for title in ("Examples", "Worst rows", "Lengths"))
    assert learnt.examples[0]["label"] in report
    assert "options.max_source_length or options.max_target_length" in report
    ledger = learnt.manifest["truncation"]
    cut = {side: sum(ledger[f"{split}, {side}"]["samples_cut"] for split in ("train", "validation", "test"))
           for side in ("source", "target")}  # fmt: skip
    assert cut == {"source": 1, "target": 1}


def test_evaluations_write_texts_where_they_are_asked_to(learnt: Artifact):
    lines = [json.loads(line) for line in (learnt.folder / "history.jsonl").read_text().splitlines()]
    scores = [line["validation"] for line in lines if "validation" in line]
    assert scores
    assert {"loss", "perplexity", "chrf", "bleu", "exact_match"} <= scores[0].keys()


def test_the_demo_takes_a_text_and_gives_one(learnt: Artifact):
    demo = toolkit.load(learnt.folder).demo()
    endpoint = next(function for function in demo.fns.values() if function.api_name == "predict")
    assert endpoint.fn(PAIRS[0][0]) == learnt.predict(PAIRS[0][0])["label"]
    written = next(block for block in demo.blocks.values() if getattr(block, "elem_id", "") == "prediction")
    assert written.label == "Translation"


def test_the_forward_pass_is_exported_and_compared(learnt: Artifact, tmp_path: Path):
    import onnxruntime

    done = learnt.task.export(learnt, tmp_path / "onnx")
    assert done["max_abs_difference"] < 1e-4
    assert "forward pass" in done["exported"]
    session = onnxruntime.InferenceSession(str(tmp_path / "onnx" / "model.onnx"))
    assert {given.name for given in session.get_inputs()} == {
        "input_ids",
        "attention_mask",
        "decoder_input_ids",
    }
    assert (tmp_path / "onnx" / "generation_config.json").is_file()
