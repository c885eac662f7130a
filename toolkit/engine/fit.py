"""The supervised loop: called by tasks, inherited by nobody."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence

from toolkit.engine.conditions import training_conditions
from toolkit.engine.run import Run
from toolkit.engine.session import Evaluate, FitResult, Session
from toolkit.engine.step import take_step
from toolkit.engine.turn import Batches, Objective

__all__ = ["Batches", "Evaluate", "FitResult", "Objective", "fit"]


def fit(
    objectives: Sequence[Objective],
    batches: Batches,
    run: Run,
    *,
    evaluate: Evaluate | None = None,
    best_metric: str = "-loss",
    metrics: Collection[str] = (),
) -> FitResult:
    """Train the objectives' models in turn on each batch, and leave them with the weights of the best evaluation.

    Args:
        objectives: what to train; two of them alternate, as in a GAN. Each has its own optimiser.
        batches: the training rows.
        run: gives the recipe's ``train`` section, the processes, the folder and the voice.
        evaluate: validation metrics, computed in every process; without it the last weights are kept.
        best_metric: the task's own choice, used when the recipe names none; prefix ``-`` to minimise.
        metrics: names that ``evaluate`` will give, so that a misspelt one is told before training.

    Raises:
        RecipeError: the recipe names an unknown metric, or something the models cannot do.
        TrainingError: the loss is not finite, or one row does not fit into memory.
        ArtifactError: the checkpoint to resume from is damaged or of another model.
    """
    session = Session.start(objectives, batches, run, best_metric, metrics if evaluate else None)
    with training_conditions([o.model for o in objectives], run), run.talk.steps(session.total):
        for rows in session.remaining(batches):
            started = time.perf_counter()
            reports = [take_step(turn, batches, rows, run, session.state) for turn in session.turns]
            session.count(rows, reports, time.perf_counter() - started)
            if session.log_due:
                session.log()
            if session.evaluation_due and evaluate:
                session.judge(evaluate)
            if session.save_due:
                session.save()
            if session.state.stopped:
                break
    return session.finish()
