"""Losses that draw texts which belong together closer than texts which do not."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def cosines(left: Tensor, right: Tensor) -> Tensor:
    """Cosine of each vector (n, units) with each of others (m, units): (n, m)."""
    return functional.normalize(left, dim=-1) @ functional.normalize(right, dim=-1).T


def in_batch_loss(similarities: Tensor, counted: Tensor, temperature: float) -> Tensor:
    """Sum over rows of the cross-entropy of finding the row's own candidate among all of the batch.

    InfoNCE (van den Oord et al. 2018, arXiv:1807.03748, eq. 4) with in-batch negatives (Henderson et al. 2017,
    arXiv:1705.00652, section 4.4).

    Args:
        similarities: (rows, candidates), candidate ``i`` being the positive of row ``i``; the others come after.
        counted: bool, the same shape: whether a candidate is a negative of the row, or its positive.
        temperature: divides the similarities.
    """
    logits = (similarities / temperature).masked_fill(~counted, -torch.inf)
    own = torch.arange(len(logits), device=logits.device)
    return functional.cross_entropy(logits, own, reduction="sum")


def counted_candidates(texts: Tensor) -> Tensor:
    """Which candidates count for which rows: the row's own ones, and those that say something else.

    A candidate is no negative where it repeats the row's first text or its positive, or where it is the positive of a
    row with the same first text.

    Args:
        texts: (rows, parts) of hashes, equal where texts are: first text, positive, and further negatives.

    Returns:
        bool (rows, rows * (parts - 1)): the positives of all rows, then their negatives.
    """
    first, positive = texts[:, 0], texts[:, 1]
    candidates = texts[:, 1:].T.flatten()
    same = (candidates[None] == positive[:, None]) | (candidates[None] == first[:, None])
    same[:, : len(texts)] |= first[None] == first[:, None]
    same[:, : len(texts)].fill_diagonal_(False)
    return ~same


def supervised_contrastive_loss(similarities: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Sum over rows of how far their like are from being nearer than the others; 0 for a row without its like.

    Supervised contrastive learning (Khosla et al. 2020, arXiv:2004.11362, eq. 2).

    Args:
        similarities: (rows, rows).
        labels: (rows,) class numbers.
        temperature: divides the similarities.
    """
    own = torch.eye(len(labels), dtype=torch.bool, device=similarities.device)
    alike = (labels[:, None] == labels[None]) & ~own
    logs = (similarities / temperature).masked_fill(own, -torch.inf).log_softmax(1).masked_fill(~alike, 0.0)
    return -(logs.sum(1) / alike.sum(1).clamp(min=1)).sum()


def cosine_loss(left: Tensor, right: Tensor, scores: Tensor) -> Tensor:
    """Sum over rows of the squared distance of the cosine of two vectors from their score.

    As in Reimers & Gurevych 2019 (arXiv:1908.10084), section 3.

    Args:
        left: (rows, units).
        right: (rows, units).
        scores: (rows,) in 0..1.
    """
    similarities = functional.cosine_similarity(left, right)
    return functional.mse_loss(similarities, scores.float(), reduction="sum")
