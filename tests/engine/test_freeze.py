import pytest
import torch
from transformers import (
    AlbertConfig,
    AlbertForSequenceClassification,
    DistilBertConfig,
    DistilBertForSequenceClassification,
    T5Config,
    T5ForConditionalGeneration,
    ViTConfig,
    ViTForImageClassification,
)

from tests.engine.tiny import make_model, train_tiny
from toolkit.engine.freeze import backbone_layers, freeze
from toolkit.errors import RecipeError


def trainable(model) -> set[str]:
    return {name for name, parameter in model.named_parameters() if parameter.requires_grad}


def test_none_leaves_everything_trainable():
    model = make_model()
    freeze(model, "none")
    assert len(trainable(model)) == len(list(model.parameters()))


def test_backbone_trains_the_head_alone(tmp_path):
    model = make_model()
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    freeze(model, "backbone")
    assert trainable(model) == {"classifier.weight", "classifier.bias"}
    train_tiny(tmp_path, model=model, max_steps=3)
    changed = {name for name, p in model.named_parameters() if not torch.equal(p, before[name])}
    assert changed == {"classifier.weight", "classifier.bias"}


@pytest.mark.parametrize(("count", "expected"), [(0, {"0", "1"}), (1, {"1"}), (2, set())])
def test_a_number_freezes_embeddings_and_lowest_layers(count, expected):
    model = make_model()
    freeze(model, count)
    names = trainable(model)
    assert not any("embeddings" in name for name in names)
    assert {name.split("layer.")[1].split(".")[0] for name in names if "layer." in name} == expected
    assert {"bert.pooler.dense.weight", "classifier.weight"} <= names


def test_too_many_layers_are_refused_with_their_number():
    with pytest.raises(RecipeError, match=r"3 layers cannot be frozen: BertForSequenceClassification has 2"):
        freeze(make_model(), 3)


@pytest.mark.parametrize(
    ("model", "layers"),
    [
        (
            lambda: DistilBertForSequenceClassification(
                DistilBertConfig(n_layers=3, dim=8, hidden_dim=8, n_heads=2)
            ),
            3,
        ),
        (
            lambda: ViTForImageClassification(
                ViTConfig(num_hidden_layers=3, hidden_size=8, num_attention_heads=2)
            ),
            3,
        ),
        (
            lambda: AlbertForSequenceClassification(
                AlbertConfig(hidden_size=8, num_attention_heads=2, vocab_size=9)
            ),
            1,
        ),
        (
            lambda: T5ForConditionalGeneration(
                T5Config(d_model=8, d_kv=4, d_ff=8, num_layers=2, num_heads=2)
            ),
            4,
        ),
    ],
)
def test_layers_are_found_in_any_model(model, layers):
    built = model()
    assert len(backbone_layers(built)) == layers
    freeze(built, 1)
    assert 0 < len(trainable(built)) < len(list(built.parameters()))
