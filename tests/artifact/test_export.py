from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

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


class Bag(nn.Module):
    """A model of few operations, so that its export is quick: the mean of the tokens' embeddings."""

    def __init__(self, change=0.0):
        super().__init__()
        torch.manual_seed(0)
        self.embedding = nn.Embedding(99, 8)
        self.change = change

    def forward(self, input_ids, attention_mask):
        mask = attention_mask.unsqueeze(-1).to(self.embedding.weight.dtype)
        logits = (self.embedding(input_ids) * mask).sum(1) / mask.sum(1)
        return SimpleNamespace(logits=logits if torch.compiler.is_exporting() else logits + self.change)


def two_inputs():
    return {name: value for name, value in batch().items() if name != "token_type_ids"}


def test_a_model_whose_fast_attention_cannot_be_exported_is_exported_with_plain_attention(tmp_path):
    from transformers import T5Config, T5ForConditionalGeneration

    sizes = {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_layers": 1, "num_heads": 2, "vocab_size": 99}
    model = T5ForConditionalGeneration(T5Config(**sizes, decoder_start_token_id=0)).eval()
    inputs = batch()
    example = {name: inputs[name] for name in ("input_ids", "attention_mask")}
    example["decoder_input_ids"] = inputs["input_ids"][:, :5]
    rows = {name: {0: "batch", 1: "sequence"} for name in ("input_ids", "attention_mask")}
    done = export_onnx(
        model, example, tmp_path / "t5", axes={**rows, "decoder_input_ids": {0: "batch", 1: "written"}}
    )
    assert done["max_abs_difference"] < TOLERANCE


def test_half_precision_weights_are_exported_in_full(tmp_path):
    result = export_onnx(Bag().bfloat16(), two_inputs(), tmp_path / "onnx")
    assert result["max_abs_difference"] <= TOLERANCE
    session = onnxruntime.InferenceSession(
        tmp_path / "onnx" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    assert session.get_outputs()[0].type == "tensor(float)"


@pytest.mark.parametrize(("change", "said"), [(0.5, "0.5"), (float("nan"), "nan")])
def test_mismatch_is_an_error_and_leaves_what_was_there(tmp_path, change, said):
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "old").write_text("kept")
    with pytest.raises(ToolkitError, match=f"differ by {said} from torch's .* nothing was written"):
        export_onnx(Bag(change), two_inputs(), tmp_path / "onnx")
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
