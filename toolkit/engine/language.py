"""Losses of causal language models, without ever holding the logits of all tokens."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import LinearCrossEntropyOptions, functional
from transformers import PreTrainedModel

from toolkit.engine.packing import IGNORED, model_inputs
from toolkit.engine.turn import Batch

CHUNK = 512
"""Tokens whose logits are held at a time: the output layer's weights are read anew for each such chunk."""


def plain(model: nn.Module) -> PreTrainedModel:
    """The model below its adapters, which are part of it."""
    below: Any = getattr(model, "get_base_model", None)  # peft need not be imported to see that there is none
    return model if below is None else below()  # pyright: ignore[reportReturnType]


def has_plain_head(model: PreTrainedModel) -> bool:
    """Whether logits are a linear layer on the last hidden states and nothing else, in training too.

    Some models scale or cap them, others drop some of the states before.
    """
    head = model.get_output_embeddings()
    if not isinstance(head, nn.Linear) or model.base_model is model:
        return False
    was_training = model.training
    found = all(_is_head(model.train(training), head) for training in (False, True))
    model.train(was_training)
    return found


@torch.no_grad()
def _is_head(model: PreTrainedModel, head: nn.Linear) -> bool:
    """Whether the logits of a few tokens are the layer's, with the same numbers drawn for both."""
    ids = torch.arange(4, 8, device=model.device)[None] % model.config.vocab_size
    with torch.random.fork_rng():
        torch.manual_seed(0)
        logits = model(input_ids=ids).logits
        torch.manual_seed(0)
        own = head(model.base_model(input_ids=ids)[0])
    return bool(torch.allclose(logits, own, rtol=1e-4, atol=1e-4))


def summed_loss(model: nn.Module, batch: Batch, *, plain_head: bool) -> Tensor:
    """Sum over the labelled tokens of their cross-entropy.

    Args:
        model: causal, with or without adapters.
        batch: packed or padded, with ``labels`` at the tokens' own places: they are shifted here.
        plain_head: what :func:`has_plain_head` said.
    """
    targets, wanted = _targets(batch)
    if not plain_head:
        logits = model(**model_inputs(batch)).logits[wanted]
        return functional.cross_entropy(logits.float(), targets, reduction="sum")
    inner = plain(model)
    hidden = inner.base_model(**model_inputs(batch))[0][wanted]
    head = inner.get_output_embeddings()
    assert isinstance(head, nn.Linear)
    return functional.linear_cross_entropy(
        hidden,
        head.weight,
        targets,
        linear_bias=head.bias,
        reduction="sum",
        options=LinearCrossEntropyOptions(batch_chunk_size=CHUNK, chunking_method=None),
    )


def labelled(batch: Batch) -> Tensor:
    """How many tokens of a batch have a label and something before it."""
    return (batch["labels"][:, 1:] != IGNORED).sum()


def _targets(batch: Batch) -> tuple[Tensor, Tensor]:
    """The labels of the tokens that follow, and which places have one: (tokens,) and (rows, places)."""
    following = functional.pad(batch["labels"][:, 1:], (0, 1), value=IGNORED)
    wanted = following != IGNORED
    return following[wanted], wanted


@torch.inference_mode()
def token_losses(model: nn.Module, batch: Batch, *, plain_head: bool) -> tuple[np.ndarray, np.ndarray]:
    """The cross-entropy in nats of each labelled token, float32 (tokens,), and its place in the flattened batch."""
    targets, wanted = _targets(batch)
    inner = plain(model)
    states = (
        inner.base_model(**model_inputs(batch))[0][wanted]
        if plain_head
        else model(**model_inputs(batch)).logits[wanted]
    )
    head = (inner.get_output_embeddings() if plain_head else None) or nn.Identity()
    losses = [
        functional.cross_entropy(head(part).float(), target, reduction="none")
        for part, target in zip(states.split(CHUNK), targets.split(CHUNK), strict=True)
    ]
    places = wanted.flatten().nonzero()[:, 0] + 1
    return torch.cat(losses or [states.new_zeros(0)]).cpu().numpy(), places.cpu().numpy()
