from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
)

from toolkit.engine.language import has_plain_head, labelled, summed_loss, token_losses
from toolkit.engine.packing import IGNORED, can_pack, model_inputs, pack, packed_attention, plan_packs
from toolkit.recipe.schema import TrainSection

SEQUENCES = ([5, 6, 7, 8, 9], [10, 11, 12], [13, 14, 15, 16])
LABELS = ([IGNORED, IGNORED, 7, 8, 9], [10, 11, 12], [IGNORED, 14, IGNORED, 16])


def llama() -> LlamaForCausalLM:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        bos_token_id=None,
        eos_token_id=None,
    )
    return LlamaForCausalLM(config)


def gpt2() -> GPT2LMHeadModel:
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=64, n_embd=32, n_layer=2, n_head=2, n_positions=32, bos_token_id=None, eos_token_id=None
    )
    return GPT2LMHeadModel(config)


MODELS = pytest.mark.parametrize("make", [llama, gpt2])


def alone(model: torch.nn.Module) -> list[torch.Tensor]:
    """The summed loss of each sequence by itself, as transformers and torch compute it."""
    found = []
    for ids, labels in zip(SEQUENCES, LABELS, strict=True):
        logits = model(input_ids=torch.tensor([ids])).logits[0, :-1]
        found.append(functional.cross_entropy(logits, torch.tensor(labels[1:]), reduction="sum"))
    return found


@MODELS
@pytest.mark.parametrize("plain_head", [True, False])
def test_packed_losses_and_gradients_are_those_of_the_sequences_alone(make, plain_head) -> None:
    model = make().eval()
    expected = sum(alone(model))
    gradients = torch.autograd.grad(expected, list(model.parameters()))
    with packed_attention(model):
        loss = summed_loss(model, pack(SEQUENCES, LABELS), plain_head=plain_head)
        packed = torch.autograd.grad(loss, list(model.parameters()))

    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    for one, other in zip(gradients, packed, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


@MODELS
def test_the_losses_of_tokens_add_up_to_those_of_sequences(make) -> None:
    model = make().eval()
    batch = pack(SEQUENCES, LABELS)
    with packed_attention(model):
        losses, places = token_losses(model, batch, plain_head=True)

    owners = np.searchsorted(batch["cu_seq_lens"].numpy(), places, "right") - 1
    sums = np.bincount(owners, losses)
    assert sums == pytest.approx([loss.item() for loss in alone(model)], rel=1e-5)
    assert len(losses) == labelled(batch) == 3 + 2 + 2


def test_no_label_crosses_from_one_sequence_to_the_next() -> None:
    batch = pack(SEQUENCES, SEQUENCES)

    assert batch["labels"].tolist() == [[IGNORED, 6, 7, 8, 9, IGNORED, 11, 12, IGNORED, 14, 15, 16]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2, 3]]
    assert batch["cu_seq_lens"].tolist() == [0, 5, 8, 12]


@MODELS
def test_whether_a_model_can_pack_is_tried(make) -> None:
    model = make()
    before = model.config._attn_implementation

    assert can_pack(model, 32)
    assert has_plain_head(model)
    assert model.config._attn_implementation == before
    assert model.training


def test_a_window_shorter_than_sequences_cannot_pack() -> None:
    config = MistralConfig(
        vocab_size=64,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=4,
        num_key_value_heads=2,
        sliding_window=16,
        bos_token_id=None,
        eos_token_id=None,
    )
    model = MistralForCausalLM(config)

    assert can_pack(model, 16)
    assert not can_pack(model, 17)


def test_a_model_that_cannot_keep_sequences_apart_is_found_out() -> None:
    model = llama()
    model.model.layers[0].self_attn.forward = lambda hidden_states, **_: (hidden_states.cumsum(1), None)

    assert not can_pack(model, 32)


def test_a_head_that_scales_logits_is_not_plain() -> None:
    model = llama()
    forward = model.forward
    model.forward = lambda *args, **kwargs: _scaled(forward(*args, **kwargs))

    assert not has_plain_head(model)


def _scaled(output):
    output.logits = output.logits * 0.5
    return output


def test_packs_hold_every_sequence_once_and_about_as_many_tokens() -> None:
    lengths = np.random.default_rng(0).integers(3, 200, 500).astype(np.int32)
    train = TrainSection(batch_tokens=2000, seed=1)

    packs = plan_packs(lengths, train, 0)

    assert sorted(np.concatenate(packs).tolist()) == list(range(500))
    tokens = [int(lengths[one].sum()) for one in packs]
    assert max(tokens) <= 2000 + 200
    assert min(tokens) >= 2000 - 400
    assert [one.tolist() for one in plan_packs(lengths, train, 0)] == [one.tolist() for one in packs]
    assert [one.tolist() for one in plan_packs(lengths, train, 1)] != [one.tolist() for one in packs]


def test_one_sequence_is_one_pack() -> None:
    assert [one.tolist() for one in plan_packs(np.array([7], np.int32), TrainSection(batch_size=4), 0)] == [
        [0]
    ]


def test_packed_rows_are_given_in_the_words_of_transformers() -> None:
    inputs = model_inputs(pack(SEQUENCES, LABELS))

    assert inputs["max_length_q"] == inputs["max_length_k"] == 5
    assert inputs["cu_seq_lens_q"].tolist() == [0, 5, 8, 12]
    assert "labels" not in inputs
