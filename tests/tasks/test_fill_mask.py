from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import AutoModelForMaskedLM, AutoTokenizer, pipeline

import toolkit
from tests.tasks.fill_mask_cases import small_albert, without_head, without_mask
from toolkit.artifact import Artifact
from toolkit.data.blocks import NO_WORD, block_rows
from toolkit.errors import DataError, ModelError, RecipeError
from toolkit.hub.samples import open_sample
from toolkit.metrics.masked import score
from toolkit.tasks.fill_mask_batches import NOT_MASKED, MaskedBatches, Masking
from toolkit.tasks.fill_mask_examples import take_words_out
from toolkit.tasks.fill_mask_model import logits_at

RECIPE = "nlp/mask-molecules"
FEW = ("data.limit=120", "train.max_steps=3", "options.max_length=24")


@pytest.fixture(scope="module")
def albert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_albert(tmp_path_factory.mktemp("albert"))


@pytest.fixture(scope="module")
def run(albert: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return toolkit.train(
        RECIPE, *FEW, model=albert, data="sample:solubility", out=tmp_path_factory.mktemp("run")
    )


@pytest.fixture(scope="module")
def words() -> object:
    return AutoTokenizer.from_pretrained(open_sample("minilm"))


def test_fillings_are_those_of_the_pipeline(run: Artifact) -> None:
    texts = [example["text"] for example in run.examples]
    fill = pipeline(
        "fill-mask",
        model=AutoModelForMaskedLM.from_pretrained(run.model_folder),
        tokenizer=AutoTokenizer.from_pretrained(run.model_folder),
    )
    for text, prediction in zip(texts, run.predict(texts), strict=True):
        expected = fill(text)
        assert list(prediction["scores"]) == [one["token_str"] for one in expected]
        assert list(prediction["scores"].values()) == pytest.approx(
            [one["score"] for one in expected], abs=1e-5
        )
        assert (prediction["label"], prediction["score"]) == next(iter(prediction["scores"].items()))
        assert prediction["text"] == text.replace("[MASK]", prediction["label"])


def test_several_gaps_are_filled_each_by_itself(run: Artifact) -> None:
    prediction = run.predict("CC[MASK]C[MASK]C")
    assert len(prediction["fillings"]) == 2
    assert prediction["labels"] == [gap[0]["label"] for gap in prediction["fillings"]]
    assert len(prediction["scores"]) == 10
    assert prediction["score"] == min(gap[0]["score"] for gap in prediction["fillings"])
    assert "[MASK]" not in prediction["text"]


def test_inputs_without_a_gap_and_too_long_ones_are_refused_together(run: Artifact) -> None:
    with pytest.raises(DataError) as caught:
        run.predict(["CC[MASK]", "CCO", "C" * 40 + "[MASK]"])
    said = str(caught.value)
    assert "input 2: nothing to fill: no [MASK] in 'CCO'" in said
    assert "input 3: 43 tokens, more than the 24" in said
    assert "input 1" not in said
    with pytest.raises(DataError, match="input 1: not a text"):
        run.predict([7])


def test_what_it_guessed_before_is_in_metrics_and_report(run: Artifact) -> None:
    before = run.metrics["before"]["test"]
    assert before.keys() == {"perplexity", "masked_accuracy", "masked_top5_accuracy", "loss"}
    assert before["perplexity"]["value"] > run.metrics["test"]["perplexity"]["value"]
    assert before["perplexity"]["low"] < before["perplexity"]["value"] < before["perplexity"]["high"]
    page = run.report.read_text()
    assert all(title in page for title in ("Before and after", "Gaps and their fillings", "Blocks of text"))
    assert "[MASK]" in page


def test_the_demo_and_the_card_say_what_stands_for_a_gap(run: Artifact) -> None:
    from toolkit.demo.summary import describe

    assert describe(run).endswith("Write &#91;MASK&#93; where a word is missing.")
    assert 'print(model("Some [MASK] text."))' in (run.model_folder / "README.md").read_text()


def test_export_computes_the_same(run: Artifact, tmp_path: Path) -> None:
    folder = run.export(tmp_path / "onnx")
    assert (folder / "model.onnx").is_file()
    assert (folder / "tokenizer.json").is_file()


def test_other_rows_are_measured_with_the_same_masks_each_time(run: Artifact, tmp_path: Path) -> None:
    path = tmp_path / "new.csv"
    path.write_text("smiles\n" + "\n".join("CCO" + "C" * n for n in range(4, 16)) + "\n")
    first = run.evaluate(path)
    assert first["rows"] == 12
    assert run.evaluate(path) == first


def test_a_new_head_is_trained_only_when_asked_for_and_that_is_said(tmp_path: Path) -> None:
    bare = without_head(tmp_path)
    with pytest.raises(ModelError, match=r"no masked language model head.*options\.new_head=true"):
        toolkit.train(RECIPE, *FEW, model=bare, data="sample:solubility", out=tmp_path / "run")
    artifact = toolkit.train(
        RECIPE, *FEW, "options.new_head=true", model=bare, data="sample:solubility", out=tmp_path / "run"
    )
    assert artifact.manifest["new_head"] is True
    assert "Its head was new" in artifact.report.read_text()


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (without_mask, ModelError, "no mask token.*distilbert"),
        (lambda folder: "scratch:lstm", RecipeError, "nothing that could be adapted"),
    ],
)
def test_models_that_fill_no_gaps(
    make: Callable[[Path], object], error: type[Exception], said: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=said):
        toolkit.train(RECIPE, *FEW, f"model.name={make(tmp_path)}", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_an_architecture_without_such_a_head(tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = AutoTokenizer.from_pretrained(open_sample("smiles-albert"))
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=8, n_layer=1, n_head=1)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt")
    tokenizer.save_pretrained(tmp_path / "gpt")
    with pytest.raises(ModelError, match=r"cannot fill gaps.*distilbert"):
        toolkit.train(RECIPE, *FEW, model=tmp_path / "gpt", out=tmp_path / "run")


def test_long_documents_become_blocks_and_nothing_is_lost(words: object) -> None:
    texts = ["one two three " * 20, "short", "unbelievably " * 3]
    blocks, ledger = block_rows(Dataset.from_dict({"text": texts}), words, "text", 16)
    told = ledger.to_dict()
    assert (told["samples"], told["blocks"], told["tokens_cut"], told["limit"]) == (3, len(blocks), 0, 16)
    assert max(blocks["length"][:]) <= 16
    for at, text in enumerate(texts):
        mine = [n for n, document in enumerate(blocks["document"][:]) if document == at]
        inside = [
            i for n in mine for i, w in zip(blocks[n]["input_ids"], blocks[n]["word"], strict=True) if w >= 0
        ]
        assert inside == words(text, add_special_tokens=False)["input_ids"]
    assert told["tokens"] == sum(blocks["length"][:])


def test_tokens_are_masked_as_often_as_in_the_paper() -> None:
    ids = np.arange(1000, 1000 + 40_000)
    words_of = np.where(np.arange(len(ids)) % 10 == 0, NO_WORD, np.arange(len(ids)))
    read, labels = Masking(3, 900).apply(ids, words_of, np.random.default_rng(0))
    chosen = labels != NOT_MASKED
    assert chosen[~(words_of == NO_WORD)].mean() == pytest.approx(0.15, abs=0.01)
    assert not chosen[words_of == NO_WORD].any()
    assert (read[chosen] == 3).mean() == pytest.approx(0.8, abs=0.02)
    assert (read[chosen] == ids[chosen]).mean() == pytest.approx(0.1, abs=0.02)
    assert (labels[chosen] == ids[chosen]).all()
    assert (read[~chosen] == ids[~chosen]).all()


def test_whole_words_are_masked_with_all_their_pieces() -> None:
    words_of = np.repeat(np.arange(5000), 3)
    _, labels = Masking(3, 900, whole_words=True).apply(words_of + 10, words_of, np.random.default_rng(0))
    chosen = (labels != NOT_MASKED).reshape(-1, 3)
    assert (chosen.all(1) == chosen.any(1)).all()
    assert chosen.mean() == pytest.approx(0.15, abs=0.02)


def test_masks_belong_to_a_block_and_an_epoch(words: object) -> None:
    texts = [f"document number {n} with several words in it" for n in range(6)]
    blocks, _ = block_rows(Dataset.from_dict({"text": texts}), words, "text", 16)
    batches = MaskedBatches(blocks, words, Masking(words.mask_token_id, len(words)), 1)
    together, alone = batches.collate(np.arange(6), 2), batches.collate(np.array([4]), 2)
    assert torch.equal(together["input_ids"][4], alone["input_ids"][0])
    assert torch.equal(together["labels"][4], alone["labels"][0])
    assert not torch.equal(batches.collate(np.arange(6), 3)["labels"], together["labels"])


def test_logits_of_some_tokens_are_those_of_all(albert: Path) -> None:
    model = AutoModelForMaskedLM.from_pretrained(albert).eval()
    ids = torch.randint(20, 60, (3, 9))
    chosen = torch.rand(3, 9) < 0.3
    with torch.no_grad():
        torch.testing.assert_close(logits_at(model, {"input_ids": ids}, chosen), model(ids).logits[chosen])
        assert model(ids).logits.shape == (3, 9, 591)


def test_words_are_taken_out_where_the_rest_reads_the_same(words: object) -> None:
    texts = ["The committee discussed the unbelievable proposal. " * 9, "A [MASK] already.", "Yes."]
    gaps = take_words_out(texts, words, 3)
    assert gaps
    assert all(gap.text.count("[MASK]") == 1 for gap in gaps)
    assert gaps == take_words_out(texts, words, 3)
    assert gaps[0].truth in words.tokenize(texts[0])


def test_scores_are_of_tokens_and_intervals_of_documents() -> None:
    sums = np.array([[2.0, 4, 2, 3], [6.0, 4, 0, 1], [0.0, 0, 0, 0]])
    found = score(sums)
    assert found["loss"]["value"] == 1.0
    assert found["perplexity"]["value"] == pytest.approx(np.e)
    assert (found["masked_accuracy"]["value"], found["masked_top5_accuracy"]["value"]) == (0.25, 0.5)
    assert found["loss"]["low"] == pytest.approx(0.5)
    assert found["loss"]["high"] == pytest.approx(1.5)
    assert json.dumps(score(np.zeros((3, 4)))["loss"]["value"]) == "null"
