"""An encoder with a pooling and a classifier."""

from __future__ import annotations

import pytest
import torch
from transformers import AutoModelForSequenceClassification, BertConfig

from toolkit.engine.freeze import backbone_layers, freeze
from toolkit.models import HEADS, model_class, register
from toolkit.models.pooled import PooledConfig, PooledForSequenceClassification
from toolkit.models.pooling import POOLINGS, pooled

SMALL = {
    "model_type": "bert",
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 24,
}


def make(**values) -> PooledForSequenceClassification:
    torch.manual_seed(0)
    return PooledForSequenceClassification(PooledConfig(encoder=SMALL, num_labels=3, **values)).eval()


def batch() -> dict[str, torch.Tensor]:
    ids = torch.tensor([[2, 7, 9, 3], [2, 8, 3, 0]])
    return {"input_ids": ids, "attention_mask": (ids > 0).long()}


def test_states_are_pooled_over_the_text_alone():
    states = torch.tensor([[[1.0, -4.0], [3.0, -2.0], [100.0, 100.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pooled(states, mask, "mean", False).tolist() == [[2, -3]]
    assert pooled(states, mask, "max", False).tolist() == [[3, -2]]
    assert pooled(states, mask, "cls", False).tolist() == [[1, -4]]
    assert pooled(states, mask, "mean", True).norm() == pytest.approx(1)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_padding_changes_nothing(pooling):
    model = make(pooling=pooling)
    given = batch()
    longer = {name: torch.nn.functional.pad(value, (0, 5)) for name, value in given.items()}
    torch.testing.assert_close(model(**longer).logits, model(**given).logits)


def test_a_saved_one_opens_with_the_auto_class(tmp_path):
    register()
    model = make(pooling="max", normalize=False)
    model.save_pretrained(tmp_path)
    again = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    assert type(again) is model_class("pooled", HEADS) is PooledForSequenceClassification
    assert isinstance(again.config.encoder, BertConfig)
    assert (again.config.pooling, again.config.normalize, again.config.max_position_embeddings) == (
        "max",
        False,
        24,
    )
    assert again.encoder.config._attn_implementation == "sdpa"
    torch.testing.assert_close(again(**batch()).logits, model(**batch()).logits)


def test_it_has_a_backbone_with_layers_and_a_loss():
    model = make()
    assert len(backbone_layers(model)) == 2
    freeze(model, "backbone")
    assert [name for name, value in model.named_parameters() if value.requires_grad] == [
        "classifier.weight",
        "classifier.bias",
    ]
    assert model.get_input_embeddings() is model.encoder.get_input_embeddings()
    loss = model(**batch(), labels=torch.tensor([0, 2])).loss
    assert loss is not None
    assert loss.isfinite()


def test_all_wrong_values_are_named_at_once():
    with pytest.raises(
        ValueError, match=r"PooledConfig: pooling is 'sum', choose from mean, cls, max; normalize is 1"
    ):
        PooledConfig(encoder=SMALL, pooling="sum", normalize=1)
