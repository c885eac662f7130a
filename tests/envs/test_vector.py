"""Environments that step together do what stable-baselines3's own do."""

from __future__ import annotations

import os

# Read once by mujoco when it is imported; tests run without a display.
os.environ.setdefault("MUJOCO_GL", "egl")

import signal
import time
from functools import partial
from typing import Any

import numpy as np
import pytest
from gymnasium.wrappers import TimeLimit, TransformReward
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnv

from toolkit.envs.making import EnvSpec
from toolkit.envs.vector import Environments, make_environments
from toolkit.envs.watched import make_watched
from toolkit.errors import TrainingError

SPECS = {
    "ends": EnvSpec("CartPole-v1"),
    "is_cut": EnvSpec("CartPole-v1", max_episode_steps=7),
    "continuous": EnvSpec("Pendulum-v1", max_episode_steps=9),
    "dict": EnvSpec("parking-v0", max_episode_steps=9),
}


def makers(spec: EnvSpec, count: int) -> list[Any]:
    return [partial(make_watched, spec, 4, index) for index in range(count)]


def require_equal(one: Any, other: Any) -> None:
    if isinstance(other, dict):
        assert one.keys() == other.keys()
        for key in other:
            require_equal(one[key], other[key])
    elif isinstance(other, np.ndarray):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)
    else:
        assert one == other


def require_same_steps(one: VecEnv, other: VecEnv, steps: int) -> int:
    """Play both; gives how many episodes have ended."""
    ended = 0
    require_equal(one.reset(), other.reset())
    one.action_space.seed(0)
    for _ in range(steps):
        actions = np.stack([one.action_space.sample() for _ in range(one.num_envs)])
        (seen, rewards, dones, infos), (*others, other_infos) = one.step(actions), other.step(actions)
        for mine, theirs in zip((seen, rewards, dones), others, strict=True):
            require_equal(mine, theirs)
        for info, other_info in zip(infos, other_infos, strict=True):
            require_equal(info, other_info)
        ended += int(sum(dones))
    return ended


@pytest.mark.parametrize("kind", SPECS)
def test_they_step_as_stable_baselines3_does(kind: str) -> None:
    own, theirs = Environments(makers(SPECS[kind], 3)), DummyVecEnv(makers(SPECS[kind], 3))
    assert (own.observation_space, own.action_space) == (theirs.observation_space, theirs.action_space)
    assert require_same_steps(own, theirs, 40) >= 3
    own.close()
    theirs.close()


def test_an_episode_that_is_cut_is_told_from_one_that_ends() -> None:
    envs = make_environments(SPECS["is_cut"], 1, 0)
    begun = envs.reset()
    infos: list[dict[str, Any]] = []
    for step in range(7):
        seen, _, dones, infos = envs.step(np.array([step % 2]))
    assert dones[0]
    assert infos[0]["TimeLimit.truncated"]
    assert not np.array_equal(infos[0]["terminal_observation"], seen[0])
    assert infos[0]["episode"]["l"] == 7
    assert not np.array_equal(seen, begun)
    envs.close()


def test_what_was_seen_does_not_change_afterwards() -> None:
    envs = make_environments(EnvSpec("parking-v0"), 2, 0)
    first = envs.reset()
    before = {key: value.copy() for key, value in first.items()}
    envs.step(np.ones((2, 2), np.float32))
    require_equal(first, before)
    envs.close()


def test_processes_of_their_own_make_no_difference() -> None:
    spec = SPECS["dict"]
    workers, here = make_environments(spec, 2, 4, "subproc"), make_environments(spec, 2, 4)
    assert require_same_steps(workers, here, 12) == 2
    assert workers.env_method("where") == here.env_method("where")
    workers.close()
    here.close()


def test_a_process_that_dies_is_named() -> None:
    envs = make_environments(EnvSpec("CartPole-v1"), 2, 0, "subproc")
    envs.reset()
    process = envs.processes[1]
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with pytest.raises(TrainingError) as caught:
        envs.step(np.zeros(2, np.int64))
    assert str(caught.value) == f"process {process.pid} of environment 1 died (exit code -9)"
    with pytest.raises(TrainingError, match="of environment 1 died"):
        envs.env_method("where")
    started = time.monotonic()
    envs.close()
    envs.close()
    assert time.monotonic() - started < 5
    assert not any(process.is_alive() for process in envs.processes)


def test_each_can_be_asked_and_changed() -> None:
    envs = make_environments(EnvSpec("Pendulum-v1", {"g": 3.0}), 2, 0)
    assert envs.get_attr("g") == [3.0, 3.0]
    envs.set_attr("note", "here", indices=[1])
    assert envs.envs[1].note == "here"
    assert envs.env_is_wrapped(TimeLimit) == [True, True]
    assert envs.env_is_wrapped(TransformReward, indices=0) == [False]
    envs.close()
