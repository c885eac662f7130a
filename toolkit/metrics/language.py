"""How well a language model foretells text, as functions of bootstrap weights."""

from __future__ import annotations

import math

import numpy as np

from toolkit.metrics.measure import RESAMPLES, Floats, Measure, Statistic, bootstrap

NAMES = ("perplexity", "bits_per_byte", "loss")
"""What is measured, the headline first."""


def score(
    nats: Floats,
    tokens: Floats,
    text_bytes: Floats,
    before: Floats | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> dict[str, Measure]:
    """Perplexity, bits per byte and loss per token; with intervals over rows, whose tokens hang together.

    Args:
        nats: (rows,) sums of the losses of a row's tokens.
        tokens: (rows,) how many these are.
        text_bytes: (rows,) length of their text in UTF-8.
        before: (rows,) the sums that the model had before training: adds ``perplexity_before``, and
            ``perplexity_change``, the share by which perplexity changed on the same rows.
        resamples: of the bootstrap; 0 gives values alone.
        seed: of its draws.
    """
    loss = _ratio(nats, tokens)
    statistics: dict[str, Statistic] = {
        "perplexity": lambda weights: np.exp(loss(weights)),
        "bits_per_byte": _ratio(np.asarray(nats) / math.log(2), text_bytes),
        "loss": loss,
    }
    if before is not None:
        first = _ratio(before, tokens)
        statistics |= {
            "perplexity_before": lambda weights: np.exp(first(weights)),
            "perplexity_change": lambda weights: np.exp(loss(weights) - first(weights)) - 1,
        }
    return bootstrap(statistics, len(nats), resamples=resamples, seed=seed)


def _ratio(above: Floats, below: Floats) -> Statistic:
    above, below = np.asarray(above, np.float64), np.asarray(below, np.float64)

    def statistic(weights: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return (weights @ above) / (weights @ below)

    return statistic
