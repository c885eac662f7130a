"""The Trainer contenders on a random-weight BERT of a few thousand parameters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks.texts import write_texts

if TYPE_CHECKING:
    from pathlib import Path

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "film"]
TEXTS = [
    "good film",
    "bad",
    "good " * 9,
    "bad film film",
    "good",
    "bad " * 6,
    "film good good",
    "bad bad",
] * 8
LABELS = ["good" if text.startswith(("good", "film")) else "bad" for text in TEXTS]


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("benchmark")
    model = folder / "model"
    sizes = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(WORDS), **sizes)).save_pretrained(model)
    vocabulary = {word: number for number, word in enumerate(WORDS)}
    BertTokenizerFast(vocab=vocabulary).save_pretrained(model)
    write_texts(folder, "train", {"text": TEXTS, "label": LABELS})
    setup = {"model": str(model), "max_length": 16, "label_names": ["bad", "good"]}
    train = {"epochs": 1, "batch_size": 2, "learning_rate": 1e-4, "lr_scheduler_type": "linear"}
    train |= {"warmup_ratio": 0.06, "weight_decay": 0.01, "max_grad_norm": None}
    (folder / "setup.json").write_text(json.dumps(setup | {"train": train}))
    return folder


def test_every_peer_sees_every_row_and_pads_as_its_name_says(work: Path) -> None:
    from benchmarks.peers import SAMPLING, build

    padded: dict[str, int] = {}
    for contender in SAMPLING:
        trainer, collator = build(work, contender, seed=0)
        trainer.train()
        assert trainer.state.global_step == len(TEXTS) / 2
        padded[contender] = collator.padded_tokens
    real = sum(len(text.split()) + 2 for text in TEXTS)
    assert padded["trainer_padded"] == len(TEXTS) * 16
    assert real <= padded["trainer_grouped"] < padded["trainer"] < padded["trainer_padded"]


def test_the_share_of_the_peak_counts_the_encoders_linear_layers_alone(work: Path) -> None:
    from transformers import AutoModel

    from benchmarks.split import encoder_matmul_parameters

    counted = encoder_matmul_parameters(AutoModel.from_pretrained(work / "model"))
    assert counted == 4 * 8 * 8 + 2 * 8 * 16
