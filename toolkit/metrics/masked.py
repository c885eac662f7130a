"""How well masked tokens are guessed, each score with a 95% interval over documents.

Tokens of one document are alike, so that documents are drawn, not tokens. Sums of a document add up: a resample is a
weighted sum of them.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from toolkit.metrics.measure import RESAMPLES, Floats, Measure, bootstrap

METRICS = ("perplexity", "masked_accuracy", "masked_top5_accuracy", "loss")
COLUMNS = ("loss", "tokens", "right", "among_five")
"""Sums over the masked tokens of a document: cross-entropy in nats, how many, guessed at once, among the best five."""
TOP = 5


def score(sums: NDArray[np.generic], *, seed: int = 0, resamples: int = RESAMPLES) -> dict[str, Measure]:
    """Cross-entropy of the masked tokens, its exponential, and how often the token is the first guess or among five.

    Args:
        sums: (documents, ``COLUMNS``); documents without a masked token weigh nothing.
        seed: of the bootstrap, which draws documents.
        resamples: 0 gives values without intervals, as an evaluation during training needs.
    """
    loss, tokens, right, five = np.asarray(sums, dtype=np.float64).T

    def share(of: Floats) -> Callable[[Floats], Floats]:
        return lambda weights: _ratio(weights @ of, weights @ tokens)

    statistics = {
        "perplexity": lambda weights: np.exp(_ratio(weights @ loss, weights @ tokens)),
        "masked_accuracy": share(right),
        "masked_top5_accuracy": share(five),
        "loss": share(loss),
    }
    return bootstrap(statistics, len(sums), seed=seed, resamples=resamples)


def by_document(sums: NDArray[np.generic], document: NDArray[np.integer], documents: int) -> Floats:
    """Sums of blocks (blocks, ``COLUMNS``) added up for each document, float64 (documents, ``COLUMNS``)."""
    total = np.zeros((documents, sums.shape[1]))
    np.add.at(total, document, sums)
    return total


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full(below.shape, np.nan), where=below > 0)
