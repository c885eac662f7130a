"""What recurrent networks promise: as classifiers and as language models, whatever the cell."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from toolkit.artifact.export import export_onnx
from toolkit.engine.freeze import backbone_layers, freeze
from toolkit.engine.optim import build_optimizer
from toolkit.engine.peak import training_flops
from toolkit.errors import ToolkitError
from toolkit.models import LANGUAGE_MODELS, PRESETS, TABLE, model_class, register
from toolkit.models.rnn import RecurrentConfig
from toolkit.models.rnn_heads import RecurrentForCausalLM, RecurrentForSequenceClassification

CELLS = ("gru", "lstm", "rnn")
SMALL: dict[str, Any] = {
    "vocab_size": 30,
    "embedding_size": 8,
    "hidden_size": 6,
    "num_hidden_layers": 2,
    "num_labels": 3,
}

each = pytest.mark.parametrize("cell", CELLS)


def classifier(**values: Any) -> RecurrentForSequenceClassification:
    torch.manual_seed(0)
    return RecurrentForSequenceClassification(RecurrentConfig(**{**SMALL, **values})).eval()


def writer(**values: Any) -> RecurrentForCausalLM:
    torch.manual_seed(0)
    return RecurrentForCausalLM(RecurrentConfig(**{**SMALL, **values})).eval()


def texts() -> tuple[torch.Tensor, torch.Tensor]:
    """Three texts: a whole one, one padded at its end, one padded at its beginning."""
    ids = torch.randint(2, 30, (3, 7), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, 4:], mask[2, :3] = 0, 0
    return ids * mask, mask


def test_names_of_the_table_are_cells() -> None:
    assert {name for name in TABLE if name in PRESETS} == set(LANGUAGE_MODELS) == set(CELLS)
    for name in CELLS:
        kind: Any = model_class(name)
        assert kind(kind.config_class(**SMALL, **PRESETS[name])).config.cell == name


@pytest.mark.parametrize(
    ("cell", "bidirectional", "pooling"), list(product(CELLS, [False, True], ["last", "mean", "max"]))
)
def test_padding_never_changes_a_result(cell: str, bidirectional: bool, pooling: str) -> None:
    model = classifier(cell=cell, bidirectional=bidirectional, pooling=pooling)
    ids, mask = texts()
    with torch.no_grad():
        together = model(ids, mask).logits
        alone = torch.cat([model(ids[:1]).logits, model(ids[1:2, :4]).logits, model(ids[2:, 3:]).logits])
    torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-6)


@each
def test_weights_begin_orthogonal_and_an_lstm_remembers(cell: str) -> None:
    layer = classifier(cell=cell).recurrent.layers[1]
    for gate in layer.weight_hh_l0.detach().split(6):
        torch.testing.assert_close(gate @ gate.T, torch.eye(6))
    biases = layer.bias_ih_l0.detach() + layer.bias_hh_l0.detach()
    forget = biases[6:12] if cell == "lstm" else torch.ones(6)
    assert torch.equal(forget, torch.ones(6))
    assert float(biases.sum()) == (6 if cell == "lstm" else 0)


@each
def test_saved_models_open_with_auto_classes_and_predict_the_same(cell: str, tmp_path: Path) -> None:
    register()
    ids, mask = texts()
    for model, auto in (
        (classifier(cell=cell), AutoModelForSequenceClassification),
        (writer(cell=cell), AutoModelForCausalLM),
    ):
        model.save_pretrained(tmp_path / auto.__name__)
        loaded, told = auto.from_pretrained(tmp_path / auto.__name__, output_loading_info=True)
        assert type(loaded) is type(model)
        assert not any(told[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
        torch.testing.assert_close(loaded(ids, mask).logits, model(ids, mask).logits)


@each
def test_a_few_steps_learn_the_labels(cell: str) -> None:
    model = classifier(cell=cell, bidirectional=True, pooling="max").train()
    optimizer = build_optimizer(model, "adamw", learning_rate=2e-2)
    ids, mask = texts()
    losses: list[float] = []
    for _ in range(20):
        loss = model(ids, mask, labels=torch.tensor([0, 1, 2])).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]


def test_words_are_dropped_in_training_alone() -> None:
    model = classifier(word_dropout=0.5)
    ids, mask = texts()
    assert torch.equal(model(ids, mask).logits, model(ids, mask).logits)
    model.train()
    torch.manual_seed(1)
    first = model(ids, mask).logits
    assert not torch.equal(first, model(ids, mask).logits)
    torch.manual_seed(1)
    assert torch.equal(first, model(ids, mask).logits)


def test_layers_are_frozen_from_the_input_up() -> None:
    model = classifier()
    freeze(model, 1)
    first, second = backbone_layers(model)
    assert not any(p.requires_grad for p in [*first.parameters(), *model.recurrent.embeddings.parameters()])
    assert all(p.requires_grad for p in second.parameters())


def test_operations_of_recurrent_layers_are_counted() -> None:
    weights = 4 * 6 * (8 + 6) + 4 * 6 * (6 + 6)
    assert training_flops(classifier(cell="lstm")) == 6 * weights


@each
def test_writing_on_carries_the_state(cell: str) -> None:
    model = writer(cell=cell)
    ids, mask = texts()
    with torch.no_grad():
        whole = model(ids[:1]).logits[:, -1]
        begun = model(ids[:1, :4])
        gone_on = model(ids[:1, 4:], state=begun.state).logits[:, -1]
    torch.testing.assert_close(gone_on, whole)
    settings: dict[str, Any] = {"max_new_tokens": 5, "do_sample": False}
    prompts, left = torch.stack([ids[0], ids[2]]), torch.stack([mask[0], mask[2]])
    written = model.generate(prompts, attention_mask=left, **settings)
    slowly = model.generate(prompts, attention_mask=left, use_cache=False, **settings)
    alone = model.generate(ids[2:, 3:], attention_mask=mask[2:, 3:], **settings)
    assert torch.equal(written, slowly)
    assert torch.equal(written[1, 7:], alone[0, 4:])


def test_sampling_follows_the_seed() -> None:
    model = writer()
    ids, mask = texts()
    settings: dict[str, Any] = {"attention_mask": mask[:1], "max_new_tokens": 12, "do_sample": True}
    drawn = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        drawn.append(model.generate(ids[:1], **settings))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


def test_padding_counts_in_no_loss_and_tied_weights_are_one(tmp_path: Path) -> None:
    register()
    model = writer(embedding_size=6, tie_word_embeddings=True)
    ids, mask = texts()
    labels = ids.masked_fill(mask == 0, -100)
    expected = torch.nn.functional.cross_entropy(
        model(ids, mask).logits[:, :-1].reshape(-1, 30), labels[:, 1:].reshape(-1)
    )
    torch.testing.assert_close(model(ids, mask, labels=labels).loss, expected)
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert loaded.lm_head.weight is loaded.recurrent.embeddings.weight
    torch.testing.assert_close(loaded(ids, mask).logits, model(ids, mask).logits)


@pytest.mark.parametrize(("cell", "pooling"), [("lstm", "max"), ("gru", "last")])
def test_exports_to_onnx_for_texts_of_any_length(cell: str, pooling: str, tmp_path: Path) -> None:
    ids, mask = texts()
    example = {"input_ids": ids[:2], "attention_mask": mask[:2]}
    model = classifier(cell=cell, pooling=pooling, bidirectional=True)
    assert export_onnx(model, example, tmp_path / "onnx")["compared"] == 12


def test_plain_cells_are_not_exported_and_that_is_said(tmp_path: Path) -> None:
    ids, mask = texts()
    with pytest.raises(ToolkitError, match="train a gru or lstm"):
        export_onnx(
            classifier(cell="rnn"), {"input_ids": ids[:2], "attention_mask": mask[:2]}, tmp_path / "onnx"
        )
    assert not (tmp_path / "onnx").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cell": "transformer"}, "cell is 'transformer', choose from rnn, lstm, gru"),
        ({"pooling": "first"}, "pooling is 'first', choose from last, mean, max"),
        ({"hidden_size": 0, "dropout": 1.0}, "hidden_size is 0.*dropout is 1.0"),
        ({"bidirectional": 1}, "bidirectional is 1, give true or false"),
    ],
)
def test_wrong_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        RecurrentConfig(**values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"bidirectional": True}, "reads forwards only"),
        ({"tie_word_embeddings": True}, "embedding_size is 8, hidden_size 6"),
    ],
)
def test_what_a_language_model_cannot_be(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        writer(**values)
