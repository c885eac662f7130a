"""Small agents, trained for a moment in real environments."""

from __future__ import annotations

import os

# Read once by mujoco when it is imported; tests run without a display.
os.environ.setdefault("MUJOCO_GL", "egl")

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from toolkit.engine import checkpoint
from toolkit.engine.rollout.agent import Agent
from toolkit.engine.rollout.play import Episode
from toolkit.engine.rollout.rollout import rollout
from toolkit.engine.run import Run
from toolkit.engine.session import FitResult
from toolkit.recipe.schema import Recipe
from toolkit.run import load_recipe
from toolkit.tasks.agent_training import prepare

RECIPE = """
task: reinforcement-learning
model: {name: "scratch:mlp"}
train: {learning_rate: 1e-3, lr_scheduler_type: constant}
options: {}
"""
SMALL = (
    "model.config={net_arch: [8]}",
    "train.device=cpu",
    "options.n_eval_episodes=1",
)
ON_POLICY = (
    *SMALL,
    "options.n_steps=16",
    "train.max_steps=128",
    "train.eval_steps=64",
    "train.save_steps=64",
)
PPO = (*ON_POLICY, "options.algorithm=ppo", "train.batch_size=16", "options.n_epochs=2")
CARTPOLE = (*PPO, "options.env=CartPole-v1", "options.n_envs=2", "train.learning_rate=1e-2")
OFF_POLICY = (
    *SMALL,
    "train.batch_size=16",
    "options.buffer_size=200",
    "options.learning_starts=20",
    "train.max_steps=120",
    "train.eval_steps=60",
    "train.save_steps=60",
)


@dataclass
class Trained:
    """What a training leaves in memory and on the disk."""

    agent: Agent
    """The policy as :func:`rollout` leaves it."""
    result: FitResult
    run: Run

    @property
    def last(self) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        """Tensors and state of the last checkpoint, without the times."""
        tensors, state = checkpoint.load(self.run.checkpoints / "last")
        clocks = {"seconds", "wall"}
        progress = {key: value for key, value in state["progress"].items() if key not in clocks}
        return tensors, state | {"progress": progress}

    @property
    def history(self) -> list[dict[str, Any]]:
        """Its lines without the times."""
        clocks = {"samples_per_second", "seconds"}
        lines = self.run.history.lines()
        return [{key: value for key, value in line.items() if key not in clocks} for line in lines]

    @property
    def evaluations(self) -> list[dict[str, Any]]:
        """Its lines that tell of an evaluation."""
        return [line for line in self.history if "validation" in line]


def agent_recipe(folder: Path, *overrides: str) -> Recipe:
    """A recipe that leaves everything to the algorithm's own defaults, with changes."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "agent.yaml"
    file.write_text(RECIPE)
    return load_recipe(file, overrides)


def train_agent(
    folder: Path,
    *overrides: str,
    resume: bool = False,
    copy: Path | None = None,
    returns: Sequence[float | Episode] | None = None,
    stop_at: float | None = None,
) -> Trained:
    """Train as the task does.

    Args:
        folder: of the run.
        overrides: of the task's defaults.
        resume: go on from the last checkpoint.
        copy: where the run is copied to as a power cut would leave it after its first checkpoint.
        returns: what evaluations find, one return or episode each; by default they play.
        stop_at: stop at this return.
    """
    recipe = agent_recipe(folder, *overrides)
    run = Run.start(recipe, folder, resume=resume)
    told = iter(returns or ())
    with prepare(recipe, run) as prepared:

        def evaluate() -> list[Episode]:
            if copy and not copy.exists() and (folder / "checkpoints" / "last").exists():
                shutil.copytree(folder, copy)
            if returns is None:
                return prepared.evaluate()
            found = next(told)
            return [found if isinstance(found, Episode) else Episode(0, found, 1)]

        result, _ = rollout(prepared.algorithm, run, prepared.total, evaluate=evaluate, stop_at=stop_at)
        agent = prepared.agent()
    run.close()
    return Trained(agent, result, run)
