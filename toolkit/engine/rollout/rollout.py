"""Let an algorithm learn in its environments: called by tasks, inherited by nobody."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any

from toolkit.engine import checkpoint
from toolkit.engine.memory import keep_freed_memory, peak_memory
from toolkit.engine.rollout.agent import threads, threads_for
from toolkit.engine.rollout.diary import Diary, Evaluate
from toolkit.engine.rollout.normalization import Normalization, give_statistics
from toolkit.engine.rollout.policies import load_weights
from toolkit.engine.rollout.saving import settle
from toolkit.engine.session import FitResult
from toolkit.errors import EnvironmentFault, TrainingError

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

    from toolkit.engine.run import Run


def rollout(
    algorithm: BaseAlgorithm, run: Run, total: int, *, evaluate: Evaluate, stop_at: float | None = None
) -> tuple[FitResult, dict[str, float]]:
    """Let the algorithm learn for so many steps, and leave it with the policy of the best evaluation.

    Args:
        algorithm: with its environments.
        run: gives the recipe's ``train`` section, the folder and the voice.
        total: steps of all environments together.
        evaluate: plays episodes with the policy as it is.
        stop_at: end early when their mean return reaches this.

    Returns:
        how it went, and the seconds spent on each part of it.

    Raises:
        TrainingError: an environment broke down, or the weights are not finite; says what was kept.
        ArtifactError: the checkpoint to resume from is damaged.
    """
    diary = Diary(run, total, evaluate, stop_at)
    settle(algorithm, run.recipe.train.seed)
    if run.resume:
        diary.resume(algorithm)
    _time_parts(algorithm, diary)
    if algorithm.device.type == "cpu":
        keep_freed_memory()
    left = total - algorithm.num_timesteps
    with threads(threads_for(algorithm.policy)), run.talk.steps(total), _breakdowns(diary):
        if left > 0 and not diary.progress.stopped:
            algorithm.learn(left, callback=diary, log_interval=None, reset_num_timesteps=False)  # pyright: ignore[reportArgumentType]
        else:
            diary.init_callback(algorithm)
        diary.require_finite()
        if diary.progress.stopped:  # the step on which it was told to stop is not learnt from
            algorithm.num_timesteps = diary.progress.step
        diary.progress.step = algorithm.num_timesteps
        diary.attend(last=True)
    _restore_best(algorithm, run)
    return _result(algorithm, run, diary), _parts(diary)


@contextlib.contextmanager
def _breakdowns(diary: Diary) -> Generator[None]:
    """Say what is kept when an environment or the policy breaks down."""
    try:
        yield
    except (TrainingError, EnvironmentFault) as error:
        raise TrainingError(f"{error} ({diary.where()})") from error
    except ValueError:
        diary.require_finite()  # torch refuses to draw from a distribution of NaN
        raise
    except RuntimeError as error:
        if "end of the first episode" not in str(error):  # how hindsight replay refuses to be asked too early
            raise
        fix = "raise options.learning_starts above the steps of an episode in all environments together"
        raise TrainingError(
            f"hindsight replay learns from whole episodes; {fix} ({diary.where()})"
        ) from error


def _time_parts(algorithm: BaseAlgorithm, diary: Diary) -> None:
    """Count the time of learning and of the environments; what is left is choosing actions."""
    owner: Any = algorithm
    owner.train = diary.clock.timed("learning", _with_threads(algorithm, owner.train))
    owner.env.step = diary.clock.timed("environment", owner.env.step)


def _with_threads(algorithm: BaseAlgorithm, train: Callable[..., None]) -> Callable[..., None]:
    owner: Any = algorithm
    rows = getattr(owner, "batch_size", 0) or owner.n_steps * owner.n_envs
    count = threads_for(algorithm.policy, rows)

    def call(*args: Any, **kwargs: Any) -> None:
        with threads(count):
            train(*args, **kwargs)

    return call


def _parts(diary: Diary) -> dict[str, float]:
    counted = dict(diary.clock.seconds)
    rest = diary.wall() - sum(counted.values())
    return {**counted, "choosing actions": max(rest, 0.0)}


def _restore_best(algorithm: BaseAlgorithm, run: Run) -> None:
    """Give the policy, and the statistics its observations are normalised with, as they were at their best."""
    folder = run.checkpoints / "best"
    if not checkpoint.exists(folder):
        return
    tensors = checkpoint.load(folder).tensors
    load_weights(algorithm.policy, tensors["policy"])
    give_statistics(algorithm, Normalization.of(tensors.get("statistics", {})))


def _result(algorithm: BaseAlgorithm, run: Run, diary: Diary) -> FitResult:
    progress = diary.progress
    wall = diary.wall()
    return FitResult(
        steps=algorithm.num_timesteps,
        epochs=0.0,
        seconds=wall,
        best_metric=progress.best,
        best_step=progress.best_step,
        stopped=progress.stopped,
        samples_per_second=algorithm.num_timesteps / wall if wall else 0.0,
        peak_memory_bytes=peak_memory(run.device),
        warnings=list(progress.warnings),
    )
