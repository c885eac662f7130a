"""How fast a trained model answers, on this machine."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from toolkit.metrics.measure import Floats, Measure, bootstrap, median_of


def measure(
    predict: Callable[[list[Any]], Any],
    inputs: Sequence[Any],
    *,
    batch_size: int = 32,
    seconds: float = 3.0,
    seed: int = 0,
) -> dict[str, Measure]:
    """Median time for a single input, and inputs a second in batches, each with a 95% bootstrap interval.

    ``predict`` takes raw inputs and returns when the answers are there, so preprocessing counts. Inputs
    come in random order, and again from the start where there are few; both measurements take about half of
    ``seconds``.

    Returns:
        ``latency_seconds`` and ``throughput_per_second``; empty without inputs.
    """
    if not inputs:
        return {}
    order = np.random.default_rng(seed).permutation(len(inputs))
    shuffled = [inputs[i] for i in order]
    single = _timed(predict, _batches(shuffled, 1), seconds / 2)
    batched = _timed(predict, _batches(shuffled, batch_size), seconds / 2)
    rows, times = batched[:, 0], batched[:, 1]

    def throughput(weights: Floats) -> Floats:
        return (weights @ rows) / (weights @ times)

    latency = bootstrap({"latency_seconds": median_of(single[:, 1])}, len(single), seed=seed)
    return latency | bootstrap({"throughput_per_second": throughput}, len(batched), seed=seed)


def _batches(inputs: list[Any], size: int) -> Iterator[list[Any]]:
    endless = itertools.cycle(inputs)
    return (list(itertools.islice(endless, size)) for _ in itertools.count())


def _timed(predict: Callable[[list[Any]], Any], batches: Iterator[list[Any]], seconds: float) -> Floats:
    """Rows and seconds of each call, (calls, 2); one call first that does not count, to warm up."""
    end = time.perf_counter() + seconds
    predict(next(batches))
    calls: list[tuple[float, float]] = []
    while not calls or (time.perf_counter() < end and len(calls) < 1000):
        batch = next(batches)
        start = time.perf_counter()
        predict(batch)
        calls.append((len(batch), time.perf_counter() - start))
    return np.asarray(calls, dtype=np.float64)
