"""Which rows make up each optimiser step: shuffled, of like length, under one token budget."""

from __future__ import annotations

import bisect
import math

import numpy as np
import numpy.typing as npt

from toolkit.recipe.schema import TrainSection

Rows = npt.NDArray[np.int64]
"""Row indices (0-based) of a training set."""

POOL_BATCHES = 100
"""Batches sorted by length together: enough that neighbours are of one length, few enough to stay shuffled."""


def plan_epoch(lengths: npt.NDArray[np.int32], train: TrainSection, epoch: int) -> list[Rows]:
    """The global batches of an epoch: every row once, batches in random order, their rows sorted by length.

    Depends on ``(train.seed, epoch)`` alone, so any number of processes plans the same steps.

    Args:
        lengths: (rows,) tokens of each row.
        train: gives ``seed``, ``batch_size`` and ``batch_tokens``.
        epoch: counted from 0.
    """
    random = np.random.default_rng((train.seed, epoch))
    order = random.permutation(len(lengths))
    budget = train.batch_tokens or math.ceil(train.batch_size * float(lengths.mean()))
    size = POOL_BATCHES * math.ceil(budget / float(lengths.mean()))
    pools = [order[start : start + size] for start in range(0, len(order), size)]
    plan = [batch for pool in pools for batch in _bucket(pool, lengths, budget)]
    return [plan[index] for index in random.permutation(len(plan))]


def plan_rows(lengths: npt.NDArray[np.int32], train: TrainSection, epoch: int, fewest: int = 1) -> list[Rows]:
    """The same with equally many rows in each batch, whatever their lengths: for losses that compare rows.

    Args:
        lengths: (rows,) tokens of each row.
        train: gives ``seed`` and ``batch_size``.
        epoch: counted from 0.
        fewest: rows that a batch needs; a remnant of fewer is spread over the others.
    """
    random = np.random.default_rng((train.seed, epoch))
    order, size = random.permutation(len(lengths)), train.batch_size
    count = max(1, min(math.ceil(len(order) / size), len(order) // fewest))
    plan: list[Rows] = []
    for batches in np.array_split(np.arange(count), math.ceil(count / POOL_BATCHES)):
        start, end = (round(int(at) * len(order) / count) for at in (batches[0], batches[-1] + 1))
        pool = order[start:end]
        pool = pool[np.argsort(lengths[pool], kind="stable")]
        plan += np.array_split(pool, len(batches))
    return [plan[index] for index in random.permutation(len(plan))]


def cut(rows: Rows, processes: int, accumulation: int) -> list[list[Rows]]:
    """The micro-batches of each process: nearly equal in rows and, as neighbours are dealt out in turn, in cost.

    A batch with too few rows for all pieces is cut into fewer; a process may get fewer pieces than another, or none.
    Piece ``p`` of process ``r`` is piece ``r + p * processes`` of the batch, however many processes there are.
    """
    rounds = min(accumulation, math.ceil(len(rows) / processes))
    count = rounds * processes
    pieces = [rows[start::count] for start in range(count)]
    return [[piece for piece in pieces[rank::processes] if len(piece)] for rank in range(processes)]


def _bucket(pool: Rows, lengths: npt.NDArray[np.int32], budget: int) -> list[Rows]:
    """Cut a pool, sorted by length, into as few batches as the budget allows, all about equally full."""
    pool = pool[np.argsort(lengths[pool], kind="stable")]
    ordered = lengths[pool]
    fewest = len(_ends(ordered, budget))
    # The smallest budget that needs no more batches: otherwise the last batch would be a remnant of a few rows,
    # each of which would weigh more in its step than any other row.
    even = bisect.bisect_left(range(budget), True, key=lambda tokens: len(_ends(ordered, tokens)) <= fewest)
    return np.split(pool, _ends(ordered, even)[:-1])


def _ends(ordered: npt.NDArray[np.int32], budget: int) -> list[int]:
    """Where greedy batches end: as many rows as fit when all are padded to the longest, and at least one."""
    ends: list[int] = []
    while not ends or ends[-1] < len(ordered):
        ends.append(_fill(ordered, ends[-1] if ends else 0, budget))
    return ends


def _fill(ordered: npt.NDArray[np.int32], start: int, budget: int) -> int:
    """Where a batch ends that begins at ``start``."""
    candidates = range(start + 1, len(ordered) + 1)
    fitting = bisect.bisect_right(candidates, budget, key=lambda end: int(ordered[end - 1]) * (end - start))
    return start + max(1, fitting)
