"""What every architecture of the table that reads pictures promises."""

import subprocess
import sys
import warnings

import numpy as np
import onnxruntime
import pytest
import torch
from transformers import AutoConfig, AutoModelForImageClassification, AutoModelForSemanticSegmentation

from toolkit.engine.freeze import backbone_layers, freeze
from toolkit.engine.optim import build_optimizer
from toolkit.errors import RecipeError
from toolkit.models import TABLE, model_class, register

SMALL = {
    "cnn": {"channels": [4, 8], "convolutions": 2},
    "mlp": {"image_size": [12, 10], "hidden_sizes": [16, 8]},
    "unet": {"channels": [4, 8], "convolutions": 1},
}
AUTO = {
    "cnn": AutoModelForImageClassification,
    "mlp": AutoModelForImageClassification,
    "unet": AutoModelForSemanticSegmentation,
}

TEXTUAL = {"gru", "lstm", "rnn"}
"""Those that read texts have a test file of their own."""

each = pytest.mark.parametrize("name", sorted(SMALL))


def make(name: str, **values):
    torch.manual_seed(0)
    kind = model_class(name)
    return kind(kind.config_class(**{"num_labels": 3, "num_channels": 1, **SMALL[name], **values})).eval()


def pictures(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 1, 12, 10, generator=torch.Generator().manual_seed(1))


def labels_for(name: str) -> torch.Tensor:
    return (pictures()[:, 0] > 0).long() if name == "unet" else torch.tensor([0, 1, 2, 1])


def test_the_table_is_read_without_torch():
    code = "import sys, toolkit.models; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_no_architecture_is_overlooked():
    assert set(TABLE) == set(SMALL) | TEXTUAL


def test_an_unknown_architecture_is_answered_with_the_known_ones():
    with pytest.raises(RecipeError, match=r"unknown architecture 'cnnn'; did you mean 'cnn'\?"):
        model_class("cnnn")


@each
def test_saved_models_open_with_auto_classes_and_predict_the_same(name, tmp_path):
    register()
    register()
    model = make(name)
    model.save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    loaded, report = AUTO[name].from_pretrained(tmp_path, output_loading_info=True)
    assert type(loaded) is model_class(name)
    assert not any(report[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    assert AutoConfig.from_pretrained(tmp_path).to_diff_dict() == loaded.config.to_diff_dict()
    assert torch.equal(loaded(pictures()).logits, model(pictures()).logits)


@each
def test_a_new_head_on_a_saved_backbone(name, tmp_path):
    make(name).save_pretrained(tmp_path)
    model = model_class(name).from_pretrained(tmp_path, num_labels=5, ignore_mismatched_sizes=True).eval()
    assert model(pictures()).logits.shape[1] == 5
    old, new = make(name).base_model.state_dict(), model.base_model.state_dict()
    assert all(torch.equal(old[key], new[key]) for key in old)


@each
def test_labels_are_kept_by_name(name, tmp_path):
    make(name, id2label={0: "cat", 1: "dog"}, num_labels=2).save_pretrained(tmp_path)
    assert model_class(name).from_pretrained(tmp_path).config.id2label == {0: "cat", 1: "dog"}


@each
def test_freezing_the_backbone_leaves_the_classifier(name):
    model = make(name)
    freeze(model, "backbone")
    trainable = {key for key, parameter in model.named_parameters() if parameter.requires_grad}
    assert trainable == {"classifier.weight", "classifier.bias"}


@each
def test_layers_are_frozen_from_the_input_up(name):
    model = make(name)
    first, *others = backbone_layers(model)
    freeze(model, 1)
    assert not any(parameter.requires_grad for parameter in first.parameters())
    assert all(parameter.requires_grad for layer in others for parameter in layer.parameters())


@each
def test_a_few_steps_learn_the_labels(name):
    model = make(name).train()
    optimizer = build_optimizer(model, "adamw", learning_rate=1e-2)
    losses = []
    for _ in range(25):
        loss = model(pictures(), labels=labels_for(name)).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.requires_grad for parameter in model.parameters())


@each
def test_bfloat16_and_channels_last_give_nearly_the_same(name):
    model = make(name)
    plain = model(pictures()).logits
    other = make(name).to(memory_format=torch.channels_last)
    inputs = pictures().expand(-1, 1, -1, -1).contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(other(inputs).logits, plain, rtol=1e-4, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        rough = model(pictures(), labels=labels_for(name))
    torch.testing.assert_close(rough.logits.float(), plain, rtol=0.1, atol=0.1)
    assert torch.isfinite(rough.loss)


@each
def test_compiles_into_one_graph(name):
    model = make(name)
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(pictures()).logits, model(pictures()).logits)
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        *((name, {}) for name in sorted(SMALL)),
        ("cnn", {"channels": [4, 4, 4], "pooling": "average"}),
        ("cnn", {"channels": [4, 4, 4], "pooling": "stride", "norm": "none", "activation": "gelu"}),
    ],
)
def test_exports_to_onnx_for_any_number_of_pictures(name, values, tmp_path):
    model = make(name, **values)
    path = tmp_path / "model.onnx"
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's remarks on its own parts
        exported = torch.onnx.export(model, (pictures(2),), dynamo=True, dynamic_shapes=({0: batch},))
    exported.save(path)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    for count in (1, 3):
        given = {session.get_inputs()[0].name: pictures(count).numpy()}
        with torch.inference_mode():
            expected = model(pictures(count)).logits.numpy()
        np.testing.assert_allclose(session.run(None, given)[0], expected, rtol=1e-4, atol=1e-5)


@each
def test_the_same_seed_gives_the_same_weights_and_the_same_dropout(name):
    model, other = make(name, dropout=0.5).train(), make(name, dropout=0.5).train()
    torch.manual_seed(3)
    first = model(pictures()).logits
    torch.manual_seed(3)
    assert torch.equal(first, other(pictures()).logits)
    assert not torch.equal(first, model(pictures()).logits)


@each
def test_all_wrong_values_are_named_together(name):
    kind = model_class(name).config_class
    with pytest.raises(
        ValueError, match="activation is 'swish', choose from sigmoid, tanh, relu, gelu"
    ) as error:
        kind(activation="swish", dropout=1.5, num_channels=-1)
    assert "dropout is 1.5, give a number from 0 to below 1" in str(error.value)
    assert "num_channels is -1, give a whole number above 0" in str(error.value)
