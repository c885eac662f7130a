"""Sequences laid end to end in one row: no padding, and no token sees another sequence.

Positions begin at 0 in each sequence, and attention is computed sequence by sequence (Krell et al. 2021,
arXiv:2107.02027), so that losses are those of the sequences alone.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv

from toolkit.engine.batching import Rows
from toolkit.engine.turn import Batch
from toolkit.recipe.schema import TrainSection

NAME = "toolkit_packed"
IGNORED = -100
TOLERANCE = 1e-3
"""By how much logits of a packed and of a single sequence may differ through rounding."""


def plan_packs(lengths: np.ndarray, train: TrainSection, epoch: int) -> list[Rows]:
    """The global batches of an epoch: every sequence once, in random order, about equally many tokens each.

    Depends on ``(train.seed, epoch)`` alone, so any number of processes plans the same steps.

    Args:
        lengths: (rows,) tokens of each sequence.
        train: gives ``seed``, ``batch_size`` and ``batch_tokens``.
        epoch: counted from 0.
    """
    order = np.random.default_rng((train.seed, epoch)).permutation(len(lengths))
    budget = train.batch_tokens or math.ceil(train.batch_size * float(lengths.mean()))
    total = int(lengths.sum())
    count = max(1, min(len(lengths), math.ceil(total / budget)))
    ends = np.searchsorted(np.cumsum(lengths[order]), total * np.arange(1, count) / count)
    return [pack for pack in np.split(order, np.unique(ends + 1)) if len(pack)]


def pack(input_ids: Sequence[Sequence[int]], labels: Sequence[Sequence[int]]) -> Batch:
    """Sequences as one row.

    Returns:
        ``input_ids``, ``position_ids`` and ``labels``, int64 (1, tokens), and ``cu_seq_lens``, int32 (sequences + 1,),
        where each sequence begins and the last one ends. The first label of each is ``IGNORED``: nothing is before it.
    """
    lengths = [len(ids) for ids in input_ids]
    starts = np.cumsum([0, *lengths])
    targets = np.concatenate([np.asarray(part, np.int64) for part in labels])
    targets[starts[:-1]] = IGNORED
    return {
        "input_ids": torch.from_numpy(np.concatenate([np.asarray(ids, np.int64) for ids in input_ids]))[None],
        "position_ids": torch.from_numpy(np.concatenate([np.arange(length) for length in lengths]))[None],
        "labels": torch.from_numpy(targets)[None],
        "cu_seq_lens": torch.from_numpy(starts.astype(np.int32)),
    }


def model_inputs(batch: Batch) -> dict[str, Any]:
    """What a model is called with; the names are those of transformers' ``FlashAttentionKwargs``."""
    inputs: dict[str, Any] = {
        name: batch[name] for name in ("input_ids", "position_ids", "attention_mask") if name in batch
    }
    if "cu_seq_lens" in batch:
        bounds = batch["cu_seq_lens"]
        longest = int(bounds.diff().max())
        inputs |= {
            "cu_seq_lens_q": bounds,
            "cu_seq_lens_k": bounds,
            "max_length_q": longest,
            "max_length_k": longest,
        }
    return inputs


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *_: Any,
    dropout: float = 0.0,
    scaling: float | None = None,
    **given: Any,
) -> tuple[Tensor, None]:
    """Causal attention within each sequence of a packed row; shapes as transformers' ``AttentionInterface``."""
    bounds = given.get("cu_seq_lens_q")
    if bounds is None or given.get("softcap") is not None:
        raise ValueError("this architecture does not say where packed sequences begin")
    groups = getattr(module, "num_key_value_groups", 1)
    key, value = repeat_kv(key, groups), repeat_kv(value, groups)
    sizes = bounds.diff().tolist()
    parts = [
        functional.scaled_dot_product_attention(*one, dropout_p=dropout, scale=scaling, is_causal=True)
        for one in zip(*(tensor.split(sizes, dim=2) for tensor in (query, key, value)), strict=True)
    ]
    return torch.cat(parts, dim=2).transpose(1, 2).contiguous(), None


@contextmanager
def packed_attention(model: PreTrainedModel, packed: bool = True) -> Generator[None]:
    """Let a model take packed rows, and no others, in a block."""
    if not packed:
        yield
        return
    AttentionInterface.register(NAME, _attention)
    before = model.config._attn_implementation or "sdpa"  # pyright: ignore[reportPrivateUsage]
    model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        model.set_attn_implementation(before)


def can_pack(model: PreTrainedModel, max_length: int) -> bool:
    """Whether a model gives packed sequences the logits that it gives each of them alone: it is tried."""
    window = getattr(model.config, "sliding_window", None)
    if window is not None and window < max_length:
        return False
    ids = torch.arange(4, 11, device=model.device) % model.config.vocab_size
    parts = [ids, ids[2:6]]
    labels = [part.tolist() for part in parts]
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            alone = torch.cat([model(input_ids=part[None]).logits[0] for part in parts])
            with packed_attention(model):
                batch = {name: value.to(model.device) for name, value in pack(labels, labels).items()}
                together = model(**model_inputs(batch)).logits[0]
    except (ValueError, TypeError, RuntimeError, KeyError):  # how architectures refuse what they do not know
        return False
    finally:
        model.train(was_training)
    return bool(torch.allclose(alone, together, rtol=TOLERANCE, atol=TOLERANCE))
