"""A small writer trained for real, and what becomes of it."""

from __future__ import annotations

import json
import shutil
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import toolkit
from tests.tasks.writers import chats, conversation, small_tokenizer, small_writer
from toolkit.artifact import Artifact
from toolkit.errors import DataError, RecipeError
from toolkit.tasks import generation_training
from toolkit.tasks.evaluation import sample_positions
from toolkit.tasks.generation_model import Manner, Writer

QUICK = ("train.max_steps=4", "options.max_new_tokens=8", "train.device=cpu")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_writer(tmp_path_factory.mktemp("writer"))


@pytest.fixture(scope="module")
def chatting(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A chat model with adapters, trained until it has learnt the one answer that the data gives."""
    folder = tmp_path_factory.mktemp("chat")
    rows = [{"messages": conversation(f"number {n}", "my name is a secret")} for n in range(40)]
    (folder / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = (
        f"model.name={model}",
        "train.epochs=12",
        "train.batch_size=8",
        "train.learning_rate=2e-2",
        "train.lora={r: 8, lora_alpha: 16}",
        "train.device=cpu",
        "options.max_new_tokens=24",
    )
    return toolkit.train("text-generation", *changes, data=folder / "chats.jsonl", out=folder / "run")


def texts(folder: Path, count: int = 30) -> Path:
    path = folder / "texts.jsonl"
    lines = [
        {"text": f"the cat number {n} sleeps on the mat, and where does the dog sleep"} for n in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_it_answers_as_the_data_does_and_stops_at_the_end_token(chatting: Artifact) -> None:
    answer = chatting.predict("number 77")

    assert answer["text"] == answer["label"] == "my name is a secret"
    assert answer["ended"]
    assert answer["tokens"] < 24


def test_figures_before_and_after_are_of_the_same_rows(chatting: Artifact) -> None:
    test = chatting.metrics["test"]

    assert test["perplexity"]["value"] < test["perplexity_before"]["value"]
    expected = test["perplexity"]["value"] / test["perplexity_before"]["value"] - 1
    assert test["perplexity_change"]["value"] == pytest.approx(expected)
    assert "perplexity_before" not in chatting.metrics["train"]
    assert chatting.metrics["performance"]["tokens_per_second"]["value"] > 0
    assert chatting.manifest["packed"]


def test_the_merged_model_is_plain_transformers(chatting: Artifact) -> None:
    from transformers import pipeline

    weights = load_file(chatting.model_folder / "model.safetensors")
    assert not any("lora" in name for name in weights)
    told = pipeline("text-generation", model=str(chatting.model_folder), device="cpu")
    answer = told([{"role": "user", "content": "number 77"}])[0]["generated_text"][-1]

    assert answer == {"role": "assistant", "content": chatting.predict("number 77")["text"]}


def test_losses_are_those_of_transformers(chatting: Artifact) -> None:
    """The loss of the test split, computed by ``labels=`` of the loaded model, a row at a time."""
    from transformers import AutoModelForCausalLM

    from toolkit.data.load import load_rows
    from toolkit.tasks.text_generation import ROLES

    model = AutoModelForCausalLM.from_pretrained(chatting.model_folder)
    writing = chatting.predictor.writing
    nats = tokens = 0.0
    for row in load_rows(chatting.recipe.data, ROLES).splits["test"]:
        ids, learnt = writing(row)
        labels = torch.tensor([[i if wanted else -100 for i, wanted in zip(ids, learnt, strict=True)]])
        with torch.no_grad():
            loss = model(input_ids=torch.tensor([ids]), labels=labels).loss.item()
        nats, tokens = nats + loss * sum(learnt), tokens + sum(learnt)

    assert chatting.metrics["test"]["loss"]["value"] == pytest.approx(nats / tokens, rel=1e-4)


def test_several_prompts_are_answered_as_each_alone(chatting: Artifact) -> None:
    questions = ["number 5", "number 123456, which is much longer", "what"]

    assert chatting.predict(questions) == [chatting.predict([question])[0] for question in questions]


def test_a_whole_conversation_is_answered(chatting: Artifact) -> None:
    messages = conversation("number 1", "my name is a secret", "number 2", system="be brief")

    assert chatting.predict([messages]) == chatting.predict([json.dumps(messages)])


def test_words_come_one_after_the_other_and_stop_when_told(chatting: Artifact) -> None:
    writer: Any = chatting.predictor
    over = threading.Event()
    seen = list(writer.stream("number 3", Manner(24), over))

    assert seen[-1].strip() == "my name is a secret"
    assert len(set(seen)) >= 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(seen))

    stopping = threading.Event()
    stream = writer.stream("number 3", Manner(200, temperature=2.0), stopping)
    next(stream)
    stopping.set()
    assert len(list(stream)) < 100


def test_drawing_follows_the_temperature(chatting: Artifact) -> None:
    writer: Any = chatting.predictor
    prompt = writer.prompts(["number 4"])
    torch.manual_seed(0)
    free = {writer.write(prompt, Manner(8, temperature=2.0))[0].text for _ in range(5)}

    assert len(free) > 1
    assert {writer.write(prompt, Manner(8))[0].text for _ in range(3)} == {
        writer.write(prompt, Manner(8))[0].text
    }


def test_the_report_shows_what_it_writes(chatting: Artifact) -> None:
    page = chatting.report.read_text()

    assert "What it writes" in page
    assert "before training" in page
    assert "my name is a secret" in page
    assert "Truncation ledger" in page
    assert chatting.explain("number 1").reason


def test_a_prompt_that_is_no_text_or_too_long_is_named(chatting: Artifact) -> None:
    with pytest.raises(DataError) as caught:
        chatting.predict(["number 1", "", 7, "long " * 300])

    places = [problem.where for problem in caught.value.problems]
    assert places == ["input 2", "input 3", "input 4"]
    assert "the model can take 232" in str(caught.value)


def test_texts_are_gone_on_with(model: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    artifact = toolkit.train(
        "text-generation", *QUICK, "train.lora=null", f"model.name={model}", data=texts(tmp_path), out=out
    )

    assert artifact.manifest["form"] == "text"
    assert artifact.predict("the cat")["tokens"] <= 8
    assert toolkit.load(out).evaluate() == artifact.metrics["test"]
    assert "Truncation ledger" not in artifact.report.read_text()
    assert artifact.export().is_dir()


def test_other_rows_are_measured(chatting: Artifact, tmp_path: Path) -> None:
    measured = chatting.evaluate(chats()(tmp_path))

    assert measured["rows"] == 20
    assert "perplexity_before" not in measured


def test_some_rows_of_a_large_training_split_are_measured(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generation_training, "SCORED", 5)
    data = tmp_path / "data"
    data.mkdir()
    lines = texts(tmp_path).read_text().splitlines(keepends=True)
    for split, part in {"train": lines[:24], "validation": lines[24:27], "test": lines[27:]}.items():
        (data / f"{split}.jsonl").write_text("".join(part))
    artifact = toolkit.train(
        "text-generation", *QUICK, "train.lora=null", f"model.name={model}", data=data, out=tmp_path / "run"
    )

    measured = artifact.metrics["train"]
    assert (measured["rows"], measured["rows_available"]) == (5, 24)
    same = tmp_path / "same.jsonl"
    same.write_text("".join(lines[at] for at in sample_positions(24, 5)))
    assert artifact.evaluate(same)["loss"]["value"] == pytest.approx(measured["loss"]["value"], rel=1e-5)


def test_padding_gives_the_losses_of_packing(model: Path, tmp_path: Path) -> None:
    data = texts(tmp_path)
    runs = [
        toolkit.train(
            "text-generation",
            *QUICK,
            "train.lora=null",
            "train.learning_rate=1e-9",
            f"options.packing={packing}",
            f"model.name={model}",
            data=data,
            out=tmp_path / packing,
        )
        for packing in ("true", "false")
    ]

    assert [run.manifest["packed"] for run in runs] == [True, False]
    losses = [run.metrics["test"]["loss"]["value"] for run in runs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_the_padding_token_may_be_the_end_token(model: Path) -> None:
    """No label is left out because its token is what batches are padded with."""
    from datasets import Dataset

    from toolkit.recipe.schema import TrainSection
    from toolkit.tasks.generation_batches import SequenceBatches

    rows = Dataset.from_dict(
        {"input_ids": [[5, 6, 0], [7, 0]], "labels": [[5, 6, 0], [7, 0]], "length": [3, 2]}
    )
    batch = SequenceBatches(rows, TrainSection(), packed=False, padding=0).collate(np.array([0, 1]))

    assert batch["labels"].tolist() == [[5, 6, 0], [7, 0, -100]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]


def test_a_template_of_ones_own_is_used_and_kept(tmp_path: Path) -> None:
    bare = small_writer(tmp_path / "bare", template=None)
    (tmp_path / "chat.jinja").write_text(
        "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}assistant: {% endif %}"
    )
    artifact = toolkit.train(
        "text-generation",
        *QUICK,
        f"model.name={bare}",
        f"options.chat_template={tmp_path / 'chat.jinja'}",
        data=chats()(tmp_path),
        out=tmp_path / "run",
    )

    writer: Any = toolkit.load(artifact.folder).predictor
    assert writer.tokenizer.decode(writer.writing.prompt("hi")) == "user: hi<|end|>assistant: "


def test_rows_without_room_for_an_answer_are_named_or_left_out(model: Path, tmp_path: Path) -> None:
    data = chats(conversation("what is this " * 60, "no idea"))(tmp_path)
    changes = (*QUICK, f"model.name={model}", "options.max_length=64", "data.validation=0.2")
    with pytest.raises(DataError, match=r"row 21: nothing .* first 64 tokens"):
        toolkit.train("text-generation", *changes, data=data, out=tmp_path / "stopped")

    artifact = toolkit.train(
        "text-generation", *changes, "data.on_error=skip", data=data, out=tmp_path / "skipped"
    )
    assert "nothing of what is to be learnt" in artifact.report.read_text()


def test_more_than_the_model_can_take_is_refused(model: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"options\.max_new_tokens"):
        toolkit.train(
            "text-generation",
            "options.max_new_tokens=256",
            f"model.name={model}",
            data=chats()(tmp_path),
            out=tmp_path / "out",
        )


def test_a_window_of_text_is_opened_again_as_it_was(chatting: Artifact, tmp_path: Path) -> None:
    shutil.copytree(chatting.model_folder, tmp_path / "model")
    (tmp_path / "model" / "decoding.json").unlink()
    from toolkit.errors import ModelError
    from toolkit.recipe.schema import ModelSection

    with pytest.raises(ModelError, match="not a saved text generator"):
        Writer.load(ModelSection(name=str(tmp_path / "model")))


def test_the_small_tokenizer_has_no_padding_of_its_own() -> None:
    assert small_tokenizer().pad_token is None
