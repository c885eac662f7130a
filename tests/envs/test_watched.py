"""A watched environment knows where it is, comes back there, and tells what went wrong."""

from __future__ import annotations

import json
import os

# Read once by mujoco when it is imported; tests run without a display.
os.environ.setdefault("MUJOCO_GL", "egl")

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.envs.faulty import write_faulty
from toolkit.envs.making import EnvSpec, make
from toolkit.envs.vector import make_environments, require_sound
from toolkit.envs.watched import FAULT, Watched, all_finite, digest, episode_seed, make_watched
from toolkit.errors import TrainingError

MANY = {
    "classic": EnvSpec("CartPole-v1"),
    "equations": EnvSpec("Acrobot-v1"),
    "continuous": EnvSpec("Pendulum-v1"),
    "box2d": EnvSpec("LunarLander-v3"),
    "mujoco": EnvSpec("HalfCheetah-v5"),
    "atari": EnvSpec(
        "ALE/Pong-v5",
        {"frameskip": 1, "repeat_action_probability": 0.25},
        [("AtariPreprocessing", {"noop_max": 30}), ("FrameStackObservation", {"stack_size": 4})],
    ),
    "highway": EnvSpec("parking-v0"),
}


def play(env: Watched, steps: int) -> Any:
    """Random steps, on into the next episode; gives what is seen last."""
    observation = None
    for _ in range(steps):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        if terminated or truncated:
            observation, _ = env.reset()
    return observation


@pytest.mark.parametrize("kind", MANY)
def test_it_comes_back_to_where_it_was(kind: str) -> None:
    first, second = make_watched(MANY[kind], 3, 1), make_watched(MANY[kind], 3, 1)
    first.reset()
    first.action_space.seed(0)
    seen = play(first, 60)
    where = json.loads(json.dumps(first.where()))
    assert second.go_to(where)
    assert second.where() == where
    actions = [first.action_space.sample() for _ in range(5)]
    for action in actions:
        one, other = first.step(action), second.step(action)
        assert digest(one[0]) == digest(other[0])
        assert one[1:4] == other[1:4]
    assert digest(seen) == where["seen"]
    first.close()
    second.close()


def test_episodes_follow_from_seed_index_and_number() -> None:
    plain = make(EnvSpec("CartPole-v1"))
    for seed, index in ((0, 0), (0, 1), (1, 0)):
        env = make_watched(EnvSpec("CartPole-v1"), seed, index)
        for episode in range(3):
            expected, _ = plain.reset(seed=episode_seed(seed, index, episode))
            assert np.array_equal(env.reset(seed=7)[0], expected)
            assert env.where()["episode"] == episode
    seeds = {episode_seed(*position) for position in np.ndindex(4, 4, 4)}
    assert len(seeds) == 64


def test_an_episode_that_ends_is_summed_up() -> None:
    env = make_watched(EnvSpec("CartPole-v1"), 0, 0)
    env.reset()
    total, length, over, info = 0.0, 0, False, dict[str, Any]()
    while not over:
        _, reward, terminated, truncated, info = env.step(0)
        total, length, over = total + float(reward), length + 1, terminated or truncated
        assert over == ("episode" in info)
    assert info["episode"] == {"r": total, "l": length}


def test_hidden_randomness_is_found_out(tmp_path: Path) -> None:
    spec = EnvSpec(write_faulty(tmp_path), {"fault": "hidden"})
    first, second = make_watched(spec, 0, 0), make_watched(spec, 0, 0)
    first.reset()
    play(first, 5)
    assert not second.go_to(first.where())
    assert second.where()["episode"] == first.where()["episode"] + 1
    assert second.where()["actions"] == []


FAULTS = {
    "raise": (3, "step raised ValueError: no such move"),
    "no-reward": (3, "step raised TypeError"),
    "nan-reward": (3, "step gave the reward nan"),
    "nan-observation": (3, "step gave an observation that is not finite"),
    "infinite-observation": (3, "step gave an observation that is not finite"),
    "reset": (11, "reset raised RuntimeError: the robot fell over"),
    "nan-reset": (11, "reset gave an observation that is not finite"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_ends_the_episode_and_is_told(fault: str, tmp_path: Path) -> None:
    env = make_watched(EnvSpec(write_faulty(tmp_path), {"fault": fault}), 5, 2)
    env.reset()
    step, said = FAULTS[fault]
    for _ in range(step - 1):
        observation, reward, _, truncated, info = env.step(1)
    assert FAULT not in info
    if step > 10:
        assert truncated
        observation, info = env.reset()
        place = "environment 2, episode 1, step 0"
    else:
        observation, reward, terminated, _, info = env.step(1)
        assert (reward, terminated) == (0.0, True)
        place = "environment 2, episode 0, step 2"
    assert env.observation_space.contains(observation)
    with pytest.raises(TrainingError) as caught:
        require_sound([{}, info])
    assert str(caught.value).startswith(f"{place}: {said}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "place"),
    [("raise", "dummy"), ("nan-reset", "dummy"), ("raise", "subproc"), ("reset", "subproc")],
)
def test_a_fault_stops_a_training(fault: str, place: Any, tmp_path: Path) -> None:
    envs = make_environments(EnvSpec(write_faulty(tmp_path), {"fault": fault}), 2, 0, place)
    envs.reset()
    step, said = FAULTS[fault]
    # The episode after a whole one is begun in the step that ends it.
    for _ in range(step - 1 if step < 10 else 9):
        envs.step(np.zeros(2, np.int64))
    with pytest.raises(TrainingError, match=said):
        envs.step(np.zeros(2, np.int64))
    envs.close()


def test_only_numbers_can_be_infinite() -> None:
    good = np.array([3e38, 3e38], np.float32)  # finite, though their sum is not
    assert all_finite({"picture": np.zeros((2, 2), np.uint8), "numbers": good, "choice": 3})
    assert not all_finite({"numbers": good, "more": np.array([np.inf, -np.inf])})
