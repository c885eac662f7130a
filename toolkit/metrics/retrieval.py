"""How well vectors find what belongs together, as ranks of what was searched, and how well they agree with scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.measure import (
    RESAMPLES,
    Floats,
    Measure,
    Statistic,
    bootstrap,
    exact_if_unanimous,
    mean_of,
)
from toolkit.metrics.regression import regression_statistics

SEARCH = ("mean_reciprocal_rank", "recall_at_1", "recall_at_10")
"""Of searches, the headline first."""
AGREEMENT = ("spearman", "pearson")
"""Of similarities with scores, the headline first."""
BEFORE = "_before"
"""Ends the name of what was measured before training."""
_CHUNK = 512

Relevance = Callable[[slice], NDArray[np.bool_]]
"""For some queries which candidates are right: (queries, candidates)."""


def ranks(
    queries: NDArray[np.float32],
    candidates: NDArray[np.float32],
    relevant: Relevance,
    barred: Relevance | None = None,
) -> NDArray[np.int64]:
    """The place of the best right candidate of each query, from 1, when candidates are sorted by cosine.

    Of equally near candidates the wrong ones come first. 0 where no candidate is right.

    Args:
        queries: (queries, units).
        candidates: (candidates, units).
        relevant: which candidates are right.
        barred: which of them do not count, such as the query itself.
    """
    queries, candidates = unit(queries), unit(candidates)
    found: list[NDArray[np.int64]] = []
    for start in range(0, len(queries), _CHUNK):
        part = slice(start, start + _CHUNK)
        near, right = queries[part] @ candidates.T, relevant(part)
        if barred is not None:
            near[barred(part)] = -np.inf
            right = right & ~barred(part)
        best = np.where(right, near, -np.inf).max(axis=1)
        before = ((near >= best[:, None]) & ~right).sum(axis=1)
        found.append(np.where(right.any(axis=1), before + 1, 0))
    return np.concatenate(found or [np.zeros(0, np.int64)])


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (n, units) at length 1; zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.maximum(lengths, 1e-12)


def search_statistics(places: NDArray[np.int64]) -> dict[str, Statistic]:
    """Mean reciprocal rank, and the shares of searches with a right answer first, and among the first ten.

    Args:
        places: (queries,) from 1, as :func:`ranks` gives them.
    """
    return {
        "mean_reciprocal_rank": mean_of(1.0 / places),
        "recall_at_1": mean_of(places <= 1),
        "recall_at_10": mean_of(places <= 10),
    }


def agreement_statistics(
    similarities: NDArray[np.generic], scores: NDArray[np.generic]
) -> dict[str, Statistic]:
    """Spearman's and Pearson's correlation of similarities with scores, both (rows,)."""
    known = regression_statistics(similarities, scores)
    return {name: known[name] for name in AGREEMENT}


def score(
    statistics: Mapping[str, Statistic],
    rows: int,
    before: Mapping[str, Statistic] | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Measure]:
    """Each statistic with its 95% interval, those of the untrained model under names that end in ``_before``.

    Args:
        statistics: of searches or of scored pairs.
        rows: how many searches or pairs there are.
        before: the same statistics of the model before training.
        resamples: of the bootstrap; 0 gives values alone.
        seed: of its draws.
    """
    earlier = {f"{name}{BEFORE}": statistic for name, statistic in (before or {}).items()}
    measures = bootstrap({**statistics, **earlier}, rows, resamples=resamples, seed=seed)
    for name in measures:
        if name.startswith("recall"):
            measures[name] = exact_if_unanimous(measures[name], rows)
    return measures


def pairwise(left: NDArray[np.float32], right: NDArray[np.float32]) -> Floats:
    """The cosine of each vector with the one at its place in the other array: (n,)."""
    return np.einsum("nu,nu->n", unit(left), unit(right), dtype=np.float64)
