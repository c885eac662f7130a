"""One vector for a text: its tokens' states, pooled."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Pooling = Literal["mean", "cls", "max"]
"""The mean of the tokens, the first token, or the largest value of each dimension over the tokens."""
POOLINGS: tuple[Pooling, ...] = ("mean", "cls", "max")


def pooled(states: Tensor, attention_mask: Tensor, pooling: Pooling, normalize: bool) -> Tensor:
    """One vector for each text (Reimers & Gurevych 2019, arXiv:1908.10084, section 3): float32 (texts, units).

    Args:
        states: (texts, tokens, units).
        attention_mask: (texts, tokens); 0 at padding, which does not count.
        pooling: how.
        normalize: to length 1.
    """
    states = states.float()
    mask = attention_mask[:, :, None].to(states.dtype)
    if pooling == "cls":
        vectors = states[:, 0]
    elif pooling == "max":
        vectors = states.masked_fill(mask == 0, torch.finfo(states.dtype).min).amax(1)
    else:
        vectors = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
    return functional.normalize(vectors, dim=-1) if normalize else vectors
