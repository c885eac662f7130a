"""Trainings in a row: first with a part of the model frozen, then, where the recipe says so, the whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, NamedTuple

from torch import nn

from toolkit.engine.fit import fit
from toolkit.engine.run import Run, Stage
from toolkit.engine.session import Evaluate, FitResult
from toolkit.engine.turn import Batches, Objective

WHOLE = "whole"


class Part(NamedTuple):
    """What one stage trains on what."""

    objective: Objective
    batches: Batches
    evaluate: Evaluate | None


def fit_stages(
    part: Callable[[Run], Part],
    model: nn.Module,
    run: Run,
    *,
    best_metric: str = "-loss",
    metrics: Collection[str] = (),
) -> FitResult:
    """Call ``fit`` once, or a second time with everything unfrozen, and leave the best weights of all.

    Args:
        part: what a stage trains; looks at ``run.recipe.train`` for what is frozen in it.
        model: the whole model.
        run: of the whole training.
        best_metric: the task's own choice, used when the recipe names none.
        metrics: names that the evaluations will give.

    Raises:
        ToolkitError: what ``fit`` raises.
    """
    wanted = {"best_metric": best_metric, "metrics": metrics}
    result = _fit(part, run, wanted)
    train = run.recipe.train
    if train.unfreeze is None:
        return result
    model.requires_grad_(True)
    changes = {**train.unfreeze.model_dump(), "freeze": "none", "unfreeze": None, "max_steps": None}
    run.say(f"training the whole model from step {result.steps} on")
    return _fit(part, run.then(Stage(WHOLE, result), train.model_copy(update=changes)), wanted)


def _fit(part: Callable[[Run], Part], run: Run, wanted: dict[str, Any]) -> FitResult:
    """One stage; what it computes before its first step, activations for one, counts as training time."""
    started = time.perf_counter()
    objective, batches, evaluate = part(run)
    prepared = time.perf_counter() - started
    stage = replace(run.stage, prepared=prepared)
    return fit([objective], batches, replace(run, stage=stage), evaluate=evaluate, **wanted)
