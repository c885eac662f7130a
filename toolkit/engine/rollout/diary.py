"""What happens between two rollouts: history, evaluation, best and last checkpoint, and when to stop."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from stable_baselines3.common.callbacks import BaseCallback

from toolkit.engine import checkpoint
from toolkit.engine.metric import Goal
from toolkit.engine.rollout.clock import Clock
from toolkit.engine.rollout.normalization import normalization_of
from toolkit.engine.rollout.policies import distinct_weights
from toolkit.engine.rollout.saving import pack, settle, unpack
from toolkit.errors import TrainingError
from toolkit.metrics.glossary import show
from toolkit.metrics.returns import info_metric

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from toolkit.engine.rollout.play import Episode
    from toolkit.engine.run import Run
    from toolkit.recipe.schema import TrainSection

EVALUATIONS = 20
"""In a training whose recipe does not say how many."""
BEST_METRIC = "mean_return"
"""Of evaluations, where the recipe names no other."""
LINES = 100
"""Of history, at most: rollouts may be a single step."""

Evaluate = Callable[[], Sequence["Episode"]]


@dataclass
class Progress:
    """Where a training is, as far as its checkpoint has to tell."""

    step: int = 0
    best: float | None = None
    best_step: int = 0
    best_return: float = 0.0
    """Of that evaluation, whatever it was judged by."""
    misses: int = 0
    """Evaluations since the best one."""
    stopped: str = ""
    warnings: list[str] = field(default_factory=list[str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    wall: float = 0.0
    saved: int = 0
    logged: int = 0
    judged: int = 0

    def improves(self, goal: Goal, told: Mapping[str, float]) -> bool:
        """Whether an evaluation is to be kept; counts the misses.

        Of equal values the one with the higher return, and of those the one that has learnt longer.
        """
        value, sign = goal.value(told), -1 if goal.minimise else 1
        now = (sign * value, told[BEST_METRIC])
        before = (-math.inf, -math.inf) if self.best is None else (sign * self.best, self.best_return)
        self.misses = 0 if now > before else self.misses + 1
        return now >= before


def goal_of(train: TrainSection) -> Goal:
    """What evaluations are judged by; all that an environment tells of its episodes is known at the first only."""
    goal = Goal.of(train, BEST_METRIC, ())
    assert goal is not None  # an agent is always evaluated
    return goal


class Diary(BaseCallback):
    """Looks after a training at the beginning of each rollout, when the last one has been learnt from.

    Args:
        run: gives the recipe, the folder and the voice.
        total: steps of the whole training.
        evaluate: plays the evaluation's episodes with the policy as it is.
        stop_at: end when their mean return reaches this.
    """

    def __init__(self, run: Run, total: int, evaluate: Evaluate, stop_at: float | None) -> None:
        super().__init__()
        self.run = run
        self.total = total
        self.evaluate = evaluate
        self.stop_at = stop_at
        self.progress = Progress()
        self.clock = Clock()
        train = run.recipe.train
        self.goal = goal_of(train)
        self.judging = train.eval_steps or max(1, math.ceil(total / EVALUATIONS))
        self.saving = train.save_steps or self.judging
        self.logging = max(train.logging_steps, math.ceil(total / LINES))
        self._started = self._lined = time.perf_counter()
        self._before = 0.0
        self._unsettled = False

    @property
    def algorithm(self) -> BaseAlgorithm:
        """What learns."""
        return self.model

    def _on_rollout_start(self) -> None:
        step = self.algorithm.num_timesteps
        self.run.talk.advance(step)
        if self._unsettled:  # only here: the algorithm may have drawn numbers on its way to its first rollout
            settle(self.algorithm, self.run.recipe.train.seed)
            self._unsettled = False
        if step > self.progress.step:
            self.progress.step = step
            self.attend()

    def _on_step(self) -> bool:
        return not self.progress.stopped

    def attend(self, last: bool = False) -> None:
        """Do what is due at this step."""
        progress, step = self.progress, self.algorithm.num_timesteps
        if step > progress.logged and (last or _passed(progress.logged, step, self.logging)):
            self._log()
        if step > progress.judged and (last or _passed(progress.judged, step, self.judging)):
            with self.clock.on("evaluation"):
                self._judge()
        if step > progress.saved and (last or _passed(progress.saved, step, self.saving)):
            with self.clock.on("checkpoints"):
                self._save()

    def _log(self) -> None:
        """The means since the last line."""
        algorithm, now = self.algorithm, time.perf_counter()
        step = algorithm.num_timesteps
        speed = (step - self.progress.logged) / max(now - self._lined, 1e-9)
        self.progress.logged, self._lined = step, now
        line: dict[str, Any] = {"step": step, "epoch": 0.0}
        recent = list(algorithm.ep_info_buffer or ())
        if recent:
            line["episode_return"] = sum(info["r"] for info in recent) / len(recent)
            line["episode_length"] = sum(info["l"] for info in recent) / len(recent)
        values = algorithm.logger.name_to_value
        line |= {
            key.removeprefix("train/"): float(v) for key, v in values.items() if key.startswith("train/")
        }
        values.clear()
        line |= {"samples_per_second": speed, "seconds": self.wall()}
        self.run.record(line)
        returns = f"return {line['episode_return']:.1f}" if recent else "no episode has ended yet"
        left = max(self.total - step, 0) * self.wall() / max(step, 1)
        self.run.talk.figures(step, returns, speed, left, unit="steps")

    def _judge(self) -> None:
        """Play, keep the best policy, and decide whether to stop."""
        progress, step = self.progress, self.algorithm.num_timesteps
        progress.judged = step
        episodes = self.evaluate()
        told = _means(episodes)
        returned, value = told[BEST_METRIC], self.goal.value(told)
        returns = [episode.total for episode in episodes]
        self.run.record(
            {"step": step, "epoch": 0.0, "seconds": self.wall(), "validation": told, "returns": returns}
        )
        name = self.goal.name
        judged_by = "" if name == BEST_METRIC else f", {name} {show(name, value)}"
        self.run.say(
            f"step {step}: evaluation return {returned:.1f}{judged_by} over {len(episodes)} episodes"
        )
        if progress.improves(self.goal, told):
            progress.best, progress.best_step, progress.best_return = value, step, returned
            self._keep_best({"step": step, BEST_METRIC: returned, name: value})
        self._stop_if_done(returned)

    def _stop_if_done(self, returned: float) -> None:
        progress, patience = self.progress, self.run.recipe.train.early_stopping_patience
        if self.stop_at is not None and returned >= self.stop_at:
            progress.stopped = f"the evaluation return reached {self.stop_at:g}"
        elif patience and progress.misses >= patience:
            what = "return" if self.goal.name == BEST_METRIC else self.goal.name
            progress.stopped = f"no better evaluation {what} in {patience} evaluations"
        if progress.stopped:
            self.run.say(f"stopping at step {self.algorithm.num_timesteps}: {progress.stopped}")

    def _keep_best(self, about: Mapping[str, Any]) -> None:
        groups = {"policy": distinct_weights(self.algorithm.policy)}
        statistics = normalization_of(self.algorithm).tensors()
        if statistics:
            groups["statistics"] = statistics
        checkpoint.save(self.run.checkpoints / "best", groups, about)

    def _save(self) -> None:
        """Write ``checkpoints/last``, and go on from there as a resumed run would."""
        progress = self.progress
        progress.saved = self.algorithm.num_timesteps
        progress.seconds, progress.wall = dict(self.clock.seconds), self.wall()
        tensors, state = pack(self.algorithm)
        checkpoint.save(self.run.checkpoints / "last", tensors, {**state, "progress": asdict(progress)})
        settle(self.algorithm, self.run.recipe.train.seed)

    def resume(self, algorithm: BaseAlgorithm) -> None:
        """Bring the algorithm back to ``checkpoints/last``, where there is one.

        Raises:
            ArtifactError: the checkpoint is damaged.
        """
        folder = self.run.checkpoints / "last"
        if not checkpoint.exists(folder):
            self.run.say("nothing to resume from: no checkpoint was kept yet; starting from the beginning")
            self.run.history.keep_until(0)
            return
        kept = checkpoint.load(folder)
        lost = unpack(algorithm, kept)
        self.progress = Progress(**kept.state["progress"])
        self._before, self.clock.seconds = self.progress.wall, dict(self.progress.seconds)
        self.run.history.keep_until(self.progress.step)
        self.run.say(f"resuming at step {self.progress.step} of {self.total}")
        if lost:
            self._warn(
                "the environments do not repeat themselves: the resumed run began new episodes in them"
            )
        self._unsettled = True

    def _warn(self, text: str) -> None:
        self.progress.warnings.append(text)
        self.run.say(f"warning: {text}")

    def wall(self) -> float:
        """Seconds of the whole training so far, those before an interruption included."""
        return self._before + time.perf_counter() - self._started

    def where(self) -> str:
        """What is kept of a training that breaks down."""
        if not self.progress.saved:
            return "nothing was kept yet"
        return f"kept up to step {self.progress.saved}: mend it, then go on with --resume"

    def require_finite(self) -> None:
        """Refuse to go on with weights that are not numbers.

        Raises:
            TrainingError: they are not.
        """
        if not all(bool(torch.isfinite(p).all()) for p in self.algorithm.policy.parameters()):
            raise TrainingError(
                f"the policy's weights are not finite any more; lower train.learning_rate ({self.where()})"
            )


def _means(episodes: Sequence[Episode]) -> dict[str, float]:
    """What an evaluation comes to, named as the finished agent's metrics."""
    told: dict[str, Sequence[bool | float]] = {
        BEST_METRIC: [episode.total for episode in episodes],
        "mean_length": [episode.length for episode in episodes],
    }
    successes = [episode.success for episode in episodes if episode.success is not None]
    if successes:
        told["success_rate"] = successes
    for key in episodes[0].info:
        values = [episode.info[key] for episode in episodes]
        told[info_metric(key, values)] = values
    return {name: sum(values) / len(values) for name, values in told.items()}


def _passed(before: int, step: int, interval: int) -> bool:
    """Whether a multiple of the interval lies between two steps."""
    return step // interval > before // interval
