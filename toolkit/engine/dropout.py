"""Dropout for CPUs, where torch draws its masks one number at a time: a tenth of a small BERT's step."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Generator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

LEVELS = 1 << 16
"""A mask is drawn from 16-bit numbers, four to each 64-bit one that the generator makes."""


def dropout(x: Tensor, p: float) -> Tensor:
    """Zero elements with probability ``p``, rounded to 1/65536, and scale the others so that the mean stays exact.

    Args:
        x: any shape, on the CPU.
        p: in 0..1.
    """
    dropped = round(p * LEVELS)
    if dropped == 0:
        return x
    if dropped == LEVELS:
        return x * 0.0
    words = torch.empty((x.numel() + 3) // 4, dtype=torch.int64).random_(-(2**63), None)
    drawn = words.view(torch.int16)[: x.numel()].view(x.shape)
    return x * (drawn >= dropped - LEVELS // 2).to(x.dtype).mul_(LEVELS / (LEVELS - dropped))


@contextlib.contextmanager
def fast_dropout(model: nn.Module) -> Generator[None]:
    """Let a model's dropout and its attention's dropout draw their masks faster inside the block."""
    modules = [module for module in model.modules() if type(module) is nn.Dropout]
    for module in modules:
        vars(module)["forward"] = functools.partial(_forward, module)
    AttentionInterface.register("sdpa", _attention)
    try:
        yield
    finally:
        AttentionInterface.register("sdpa", sdpa_attention_forward)
        for module in modules:
            del vars(module)["forward"]


def _forward(module: nn.Dropout, x: Tensor) -> Tensor:
    return dropout(x, module.p) if module.training and module.p and x.device.type == "cpu" else x


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Scaled dot-product attention that draws its own dropout; anything unusual goes to transformers' function.

    Nothing is lost against torch's kernel, which has no fused path with dropout on the CPU either.

    Args:
        module: the attention layer.
        query: (batch, heads, queries, size).
        key: (batch, heads, keys, size).
        value: (batch, heads, keys, size).
        attention_mask: (batch, 1 or heads, queries, keys), true or zero where a query may look; None for everywhere.
        options: ``dropout``, ``scaling``, ``is_causal`` and what some models add.
    """
    p = options.get("dropout", 0.0)
    if not (p and module.training and _is_plain(module, query, key, attention_mask, options)):
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    scaling = options.get("scaling") or query.shape[-1] ** -0.5
    scores = torch.matmul(query * scaling, key.transpose(-1, -2))
    if attention_mask is not None and attention_mask.dtype == torch.bool:
        scores = scores.masked_fill(~attention_mask, torch.finfo(scores.dtype).min)
    elif attention_mask is not None:
        scores = scores + attention_mask
    return torch.matmul(dropout(scores.softmax(-1), p), value).transpose(1, 2).contiguous(), None


def _is_plain(
    module: nn.Module, query: Tensor, key: Tensor, attention_mask: Tensor | None, options: Mapping[str, Any]
) -> bool:
    """Whether this is attention on the CPU with as many key as query heads, no bias, no cache, no implied mask."""
    causal = options.get("is_causal")
    causal = getattr(module, "is_causal", True) if causal is None else causal
    if causal and attention_mask is None and query.shape[2] > 1:
        return False
    if any(options.get(name) is not None for name in ("position_bias", "cache", "softcap")):
        return False
    return query.device.type == "cpu" and query.shape[1] == key.shape[1]
