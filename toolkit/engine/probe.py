"""What a training will cost, found by a few real optimiser steps."""

from __future__ import annotations

import time
from collections.abc import Collection
from typing import Any

import numpy as np

from toolkit.engine.conditions import training_conditions
from toolkit.engine.memory import peak_memory
from toolkit.engine.run import Run
from toolkit.engine.session import Session
from toolkit.engine.step import take_step
from toolkit.engine.turn import Batches, Objective

STEPS = 4
"""Steps that are timed, spread evenly from the cheapest to the dearest batch of the first epoch."""


def predict_cost(
    objective: Objective, batches: Batches, run: Run, *, best_metric: str, metrics: Collection[str] | None
) -> dict[str, Any]:
    """Predict a training's ``seconds`` and peak ``memory_bytes``, with ``steps`` and ``how`` it was done.

    The dearest batch is run once first: it warms up and decides the memory. The mean time of the timed steps is
    taken for all steps of the training; evaluations are not counted.

    Args:
        objective: what to train.
        batches: the training rows.
        run: gives the recipe and the processes.
        best_metric: the task's own choice of metric.
        metrics: names the evaluations would give, or None when there would be none.

    Raises:
        RecipeError: what ``fit`` would refuse.
    """
    session = Session.start([objective], batches, run, best_metric, metrics)
    plan = sorted(batches.plan(0), key=lambda rows: (_cost(batches, rows), len(rows)))
    chosen = [plan[int(at)] for at in np.linspace(0, len(plan) - 1, STEPS)]
    (turn,) = session.turns
    with training_conditions([objective.model], run):
        take_step(turn, batches, plan[-1], run, session.state)
        started = time.perf_counter()
        for rows in chosen:
            take_step(turn, batches, rows, run, session.state)
        seconds = (time.perf_counter() - started) / STEPS
    return {
        "seconds": seconds * session.total,
        "memory_bytes": peak_memory(run.device),
        "steps": session.total,
        "how": (
            f"mean time of {STEPS} real steps, from the cheapest batch to the dearest ({seconds:.3f} s), times "
            f"{session.total:,} steps, evaluations not counted; memory is the peak after the dearest batch"
        ),
    }


def _cost(batches: Batches, rows: Any) -> int:
    """Numbers in the collated batch: what its time grows with."""
    return sum(tensor.numel() for tensor in batches.collate(rows).values())
