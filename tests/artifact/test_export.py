from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, DistilBertConfig
from transformers import DistilBertForSequenceClassification as DistilBert

from toolkit.artifact.export import TOLERANCE, export_onnx
from toolkit.errors import MissingExtraError, ToolkitError

onnxruntime = pytest.importorskip("onnxruntime")


@pytest.fixture(scope="module")
def bert():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=99,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
        initializer_range=0.5,  # logits of the size that training gives, so that a difference shows
        num_labels=3,
    )
    return BertForSequenceClassification(config)


def batch(rows=2, length=9):
    shape = (rows, length)
    ids = torch.randint(5, 99, shape, generator=torch.Generator().manual_seed(0))
    return {
        "input_ids": ids,
        "attention_mask": torch.ones(shape, dtype=torch.long),
        "token_type_ids": torch.zeros(shape, dtype=torch.long),
    }


@pytest.fixture(scope="module")
def exported(bert, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    (folder / "tokenizer.json").write_text("{}")
    bert.train()
    bert.set_attn_implementation("eager")
    result = export_onnx(bert, batch(), folder / "onnx", files=[folder / "tokenizer.json"])
    assert bert.training, "the model is left in its mode"
    assert bert.config._attn_implementation == "eager", "the model is left with its attention"
    return folder / "onnx", result


def test_exported_model_gives_torchs_logits_at_sizes_it_was_not_exported_with(bert, exported):
    folder, result = exported
    assert result["max_abs_difference"] <= TOLERANCE
    assert result["compared"] == 12
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    inputs = batch(rows=4, length=21)
    inputs["attention_mask"][2, 11:] = 0
    with torch.inference_mode():
        expected = bert.eval()(**inputs).logits.numpy()
    (got,) = session.run(["logits"], {name: value.numpy() for name, value in inputs.items()})
    np.testing.assert_allclose(got, expected, atol=1e-4)
    assert np.ptp(expected) > 0.1


def test_folder_holds_the_model_and_the_files_given_and_names_its_free_dimensions(exported):
    folder, result = exported
    assert sorted(path.name for path in folder.iterdir()) == ["model.onnx", "tokenizer.json"]
    session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])
    assert [entry.name for entry in session.get_inputs()] == list(batch())
    assert all(entry.shape == ["batch", "sequence"] for entry in session.get_inputs())
    assert result["opset"] >= 18


def test_half_precision_weights_and_inputs_without_token_types(tmp_path):
    config = DistilBertConfig(
        vocab_size=99, dim=16, n_layers=1, n_heads=2, hidden_dim=32, max_position_embeddings=32
    )
    inputs = batch()
    del inputs["token_type_ids"]
    result = export_onnx(DistilBert(config).bfloat16(), inputs, tmp_path / "onnx")
    assert result["max_abs_difference"] <= TOLERANCE


class Changing(BertForSequenceClassification):
    """Answers something else each time, as no exported graph can."""

    def forward(self, *inputs, **named):
        output = super().forward(*inputs, **named)
        output.logits = output.logits + (0.0 if torch.compiler.is_exporting() else 0.5)
        return output


def test_mismatch_is_an_error_and_leaves_what_was_there(bert, tmp_path):
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "old").write_text("kept")
    with pytest.raises(ToolkitError, match=r"differ by 0\.5 from torch's .* nothing was written"):
        export_onnx(Changing(bert.config), batch(), tmp_path / "onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["onnx"]
    assert (tmp_path / "onnx" / "old").read_text() == "kept"


class Branching(BertForSequenceClassification):
    def forward(self, input_ids, **named):
        if input_ids.sum() % 2 == 0:
            input_ids = input_ids + 0
        return super().forward(input_ids, **named)


def test_model_that_cannot_be_exported_says_so(bert, tmp_path):
    with pytest.raises(ToolkitError, match="Branching cannot be exported to ONNX: "):
        export_onnx(Branching(bert.config), batch(), tmp_path / "onnx")
    assert list(tmp_path.iterdir()) == []


def test_missing_extra_names_its_command(bert, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # what an import of a missing package does
    with pytest.raises(MissingExtraError, match=r'pip install "transfer-toolkit\[export\]"'):
        export_onnx(bert, batch(), tmp_path / "onnx")
