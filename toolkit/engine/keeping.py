"""The two checkpoints of a training: ``last``, to go on from, and ``best``, to end with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from toolkit.engine import checkpoint
from toolkit.engine.run import Run
from toolkit.engine.state import State
from toolkit.engine.turn import Turn


def save_last(run: Run, turns: Sequence[Turn], state: State) -> None:
    """Keep all that is needed to go on: weights, optimisers, schedules and position; the first process writes.

    Raises:
        DiskFullError: no space left.
    """
    if not run.is_main:
        return
    tensors = _weights(turns)
    data: dict[str, Any] = {"state": state.to_dict()}
    for turn in turns:
        name = turn.objective.name
        tensors[f"optimizer-{name}"], groups = checkpoint.pack_optimizer(turn.optimizer.optimizer)
        data[name] = {"optimizer": groups, "schedule": turn.schedule.state_dict()}
    if run.accelerator.scaler is not None:
        data["scaler"] = run.accelerator.scaler.state_dict()
    checkpoint.save(run.checkpoints / "last", tensors, data)


def save_best(run: Run, turns: Sequence[Turn], about: Mapping[str, Any]) -> None:
    """Keep the weights of the best evaluation so far; the first process writes.

    Raises:
        DiskFullError: no space left.
    """
    if run.is_main:
        checkpoint.save(run.checkpoints / "best", _weights(turns), about)


def resume(run: Run, turns: Sequence[Turn]) -> State | None:
    """Bring everything back to where ``last`` was kept; None when there is no checkpoint yet.

    Raises:
        ArtifactError: the checkpoint is damaged or of another model.
    """
    folder = run.checkpoints / "last"
    if run.is_main and not checkpoint.exists(folder) and run.stage.before is None:
        run.say("nothing to resume from: no checkpoint was kept yet; starting from the beginning")
    run.accelerator.wait_for_everyone()
    state = _restore_last(run, turns) if folder.exists() else None
    if run.is_main and not run.has_later_stage:
        run.history.keep_until(run.stage.steps + (state.step if state else 0))
    return state


def restore_best(run: Run, turns: Sequence[Turn]) -> None:
    """Give the models the weights of the best evaluation.

    Raises:
        ArtifactError: the checkpoint is damaged.
    """
    folder = run.checkpoints / "best"
    tensors = checkpoint.load(folder).tensors
    for turn in turns:
        checkpoint.restore_model(turn.objective.model, tensors[f"model-{turn.objective.name}"], folder)


def _restore_last(run: Run, turns: Sequence[Turn]) -> State:
    folder = run.checkpoints / "last"
    tensors, data = checkpoint.load(folder)
    for turn in turns:
        name = turn.objective.name
        checkpoint.restore_model(turn.objective.model, tensors[f"model-{name}"], folder)
        groups = data[name]["optimizer"]
        checkpoint.unpack_optimizer(turn.optimizer.optimizer, tensors[f"optimizer-{name}"], groups)
        turn.schedule.load_state_dict(data[name]["schedule"])
    if run.accelerator.scaler is not None and "scaler" in data:
        run.accelerator.scaler.load_state_dict(data["scaler"])
    return State.from_dict(data["state"])


def _weights(turns: Sequence[Turn]) -> dict[str, Mapping[str, Tensor]]:
    return {f"model-{turn.objective.name}": checkpoint.model_tensors(turn.objective.model) for turn in turns}
