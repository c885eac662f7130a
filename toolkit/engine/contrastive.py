"""Losses that draw texts which belong together closer than texts which do not."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from toolkit.engine.batching import Rows

StepLoss = Callable[[Tensor, Rows], Tensor]
"""From the vectors of a step's rows and the rows' numbers to the sum of their losses: of :class:`Coupled`."""


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


def pair_loss(keys: np.ndarray, temperature: float, symmetric: bool) -> StepLoss:
    """The loss of finding each row's positive among those of the step, and its negatives where it has some.

    Args:
        keys: (rows, parts) hashes of the training rows' texts.
        temperature: divides the cosines.
        symmetric: also find the first text from the second, and take the mean of both.
    """

    def one_way(vectors: Sequence[Tensor], texts: Tensor) -> Tensor:
        near = cosines(vectors[0], torch.cat(list(vectors[1:])))
        return in_batch_loss(near, counted_candidates(texts), temperature)

    def loss(outputs: Tensor, rows: Rows) -> Tensor:
        vectors = outputs.chunk(keys.shape[1], dim=1)
        texts = torch.from_numpy(keys[rows]).to(outputs.device)
        forth = one_way(vectors, texts)
        if not symmetric:
            return forth
        return (forth + one_way((vectors[1], vectors[0]), texts[:, [1, 0]])) / 2

    return loss


def label_loss(labels: np.ndarray, temperature: float) -> StepLoss:
    """The loss of drawing rows of one label together.

    Args:
        labels: (rows,) class numbers of the training rows.
        temperature: divides the cosines.
    """

    def loss(outputs: Tensor, rows: Rows) -> Tensor:
        known = torch.from_numpy(labels[rows]).to(outputs.device)
        return supervised_contrastive_loss(cosines(outputs, outputs), known, temperature)

    return loss
