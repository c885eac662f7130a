import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from toolkit.engine import checkpoint
from toolkit.errors import ArtifactError


def save(folder, value: float = 1.0) -> None:
    checkpoint.save(folder, {"model": {"weight": torch.full((2, 3), value)}}, {"step": 7, "rate": 0.1 + 0.2})


def test_what_is_saved_comes_back(tmp_path):
    save(tmp_path / "last")
    tensors, state = checkpoint.load(tmp_path / "last")
    assert torch.equal(tensors["model"]["weight"], torch.ones(2, 3))
    assert state == {"step": 7, "rate": 0.1 + 0.2}


def test_there_is_no_pickle_in_it(tmp_path):
    save(tmp_path / "last")
    assert {path.suffix for path in (tmp_path / "last").iterdir()} == {".safetensors", ".json"}


def test_a_checkpoint_half_way_through_its_replacement_is_brought_back(tmp_path):
    save(tmp_path / "last")
    (tmp_path / "last").rename(tmp_path / ".last.old")
    assert checkpoint.exists(tmp_path / "last")
    assert checkpoint.load(tmp_path / "last").state["step"] == 7
    assert not checkpoint.exists(tmp_path / "best")


@pytest.mark.parametrize("name", ["model.safetensors", "state.json", "sha256.json"])
def test_every_missing_file_is_noticed(tmp_path, name):
    save(tmp_path / "last")
    (tmp_path / "last" / name).unlink()
    with pytest.raises(ArtifactError, match=f"{name}.*start again"):
        checkpoint.load(tmp_path / "last")


def test_one_flipped_bit_is_noticed(tmp_path):
    save(tmp_path / "last")
    path = tmp_path / "last" / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.safetensors"):
        checkpoint.load(tmp_path / "last")


def test_tied_weights_are_kept_once_and_stay_tied(tmp_path):
    config = BertConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8
    )
    model, other = BertForMaskedLM(config), BertForMaskedLM(config)
    checkpoint.save(tmp_path / "last", {"model": checkpoint.model_tensors(model)}, {})
    checkpoint.restore_model(other, checkpoint.load(tmp_path / "last").tensors["model"], tmp_path)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name]), name
    assert other.cls.predictions.decoder.weight is other.bert.embeddings.word_embeddings.weight


def test_frozen_weights_are_left_out_and_buffers_are_kept():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model[0].requires_grad_(False)
    assert set(checkpoint.model_tensors(model)) == {
        *("1.weight", "1.bias", "1.running_mean", "1.running_var", "1.num_batches_tracked"),
    }


@pytest.mark.parametrize("kind", [torch.optim.AdamW, torch.optim.SGD])
def test_an_optimizer_goes_on_as_if_never_stopped(kind, tmp_path):
    def step(model, optimizer):
        model(torch.ones(1, 3)).square().sum().backward()
        optimizer.step()
        optimizer.zero_grad()

    options = {"lr": 0.1} | ({"momentum": 0.9} if kind is torch.optim.SGD else {})
    model = nn.Linear(3, 2)
    optimizer = kind(model.parameters(), **options)
    step(model, optimizer)
    tensors, groups = checkpoint.pack_optimizer(optimizer)
    checkpoint.save(tmp_path / "last", {"optimizer": tensors, "model": model.state_dict()}, groups)
    saved = checkpoint.load(tmp_path / "last")
    twin = nn.Linear(3, 2)
    twin.load_state_dict(saved.tensors["model"])
    other = kind(twin.parameters(), **options)
    checkpoint.unpack_optimizer(other, saved.tensors["optimizer"], saved.state)
    step(model, optimizer)
    step(twin, other)
    assert torch.equal(model.weight, twin.weight)
