"""What an environment does wrong is found before training, and said with the way out."""

from __future__ import annotations

import os

# Read once by mujoco when it is imported; tests run without a display.
os.environ.setdefault("MUJOCO_GL", "egl")

from pathlib import Path

import pytest

from tests.envs.faulty import write_faulty
from toolkit.envs.checking import check_environment, repeats_itself
from toolkit.envs.making import EnvSpec
from toolkit.errors import EnvironmentFault

MINE = """
import gymnasium
import numpy as np
from gymnasium import spaces


class Mine(gymnasium.Env):
    def __init__(self):
        self.observation_space = spaces.Box(-1, 1, (2,))
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self.see(), {}

    def see(self):
        return self.np_random.uniform(-1, 1, 2).astype(np.float32)

    def step(self, action):
        self.steps += 1
        return self.see(), 1.0, self.steps == 40, False, {}
"""
SEE = "self.np_random.uniform(-1, 1, 2).astype(np.float32)"
STEP = "self.see(), 1.0, self.steps == 40, False, {}"
WRONG = {
    "no observation space": (
        "spaces.Box(-1, 1, (2,))",
        "None",
        "Mine.observation_space: is NoneType, no space",
    ),
    "action space of text": (
        "spaces.Discrete(2)",
        "spaces.Text(3)",
        "Mine.action_space: a space of the kind Text",
    ),
    "actions from 1": (
        "Discrete(2)",
        "Discrete(2, start=1)",
        "Mine.action_space: Discrete(2, start=1) does not count",
    ),
    "a dict in a dict": (
        "spaces.Box(-1, 1, (2,))",
        "spaces.Dict(a=spaces.Dict(b=spaces.Discrete(2)))",
        "use Box, Discrete, MultiDiscrete, MultiBinary or a flat Dict of them",
    ),
    "reset without info": (
        "return self.see(), {}",
        "return self.see()",
        "Mine.reset: returns ndarray; return obs",
    ),
    "reset with too much": ("return self.see(), {}", "return 1, 2, 3", "Mine.reset: returns 3 values"),
    "four values": (
        STEP,
        "self.see(), 1.0, False, {}",
        "Mine.step: returns 4 values; return observation, reward,",
    ),
    "a reward of text": (
        STEP,
        STEP.replace("1.0", '"high"'),
        "Mine.step: gives the reward 'high'; give a number",
    ),
    "no reward": (STEP, STEP.replace("1.0", "None"), "Mine.step: gives the reward None; give a number"),
    "an infinite reward": (
        STEP,
        STEP.replace("1.0", 'float("inf")'),
        "Mine.step: gives the reward inf; give a finite",
    ),
    "not finite": (SEE, f"{SEE} * np.nan", "Mine.reset: gives an observation that is not finite"),
    "other shape": (SEE, "np.zeros(3, np.float32)", "observation outside its space: float32 of shape (3,)"),
    "other kind": (SEE, "np.zeros(2)", "observation outside its space: float64 of shape (2,)"),
    "out of bounds": (
        SEE,
        "np.full(2, 7, np.float32)",
        "of shape (2,) with values 7 to 7; the space is Box(-1.0, 1.0",
    ),
    "raises at once": (
        "self.steps += 1",
        "self.step_count += 1",
        "Mine: raised AttributeError: 'Mine' object has no",
    ),
    "raises later": (
        "self.steps += 1",
        "self.steps += 1; 1 / (self.steps - 20)",
        "Mine: raised ZeroDivisionError: di",
    ),
    "no seed": (
        "*, seed=None, options=None):\n        super().reset(seed=seed)",
        "):",
        "Mine: raised TypeError",
    ),
    "a tuple": (
        "spaces.Box(-1, 1, (2,))",
        "spaces.Tuple([spaces.Discrete(2)])",
        "of the kind Tuple is not supported; use Box, Discrete, MultiDiscrete, MultiBinary or a flat Dict of them; "
        "options.wrappers=[FlattenObservation] makes one Box",
    ),
    "seed not used": ("super().reset(seed=seed)", "super().reset()", "Mine: breaks gymnasium's rules: "),
}


def named(folder: Path, text: str) -> EnvSpec:
    (folder / "mine.py").write_text(text)
    return EnvSpec(f"{folder / 'mine.py'}:Mine")


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said(wrong: str, tmp_path: Path) -> None:
    right, mistake, said = WRONG[wrong]
    assert MINE.count(right) == 1
    with pytest.raises(EnvironmentFault) as caught:
        check_environment(named(tmp_path, MINE.replace(right, mistake)))
    assert said in str(caught.value)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    wrong = MINE.replace("spaces.Discrete(2)", "2").replace("spaces.Box(-1, 1, (2,))", "None")
    with pytest.raises(EnvironmentFault) as caught:
        check_environment(named(tmp_path, wrong))
    assert [problem.where for problem in caught.value.problems] == [
        "Mine.observation_space",
        "Mine.action_space",
    ]
    with pytest.raises(EnvironmentFault) as caught:
        check_environment(named(tmp_path, MINE.replace(STEP, "np.full(2, np.nan), None, False, False, {}")))
    assert len(caught.value.problems) == 2


def test_a_good_one_is_left_in_peace(tmp_path: Path) -> None:
    assert check_environment(named(tmp_path, MINE)) == []
    assert check_environment(EnvSpec("CartPole-v1")) == []


def test_what_is_unusual_is_a_warning(tmp_path: Path) -> None:
    (warning,) = check_environment(named(tmp_path, MINE.replace("spaces.Box(-1, 1", "spaces.Box(-np.inf, 1")))
    assert warning.level == "warning"
    assert "minimum value is -infinity" in warning.message
    assert "\x1b" not in warning.message
    assert "WARN" not in warning.message


def test_an_environment_that_remembers_is_told_from_one_that_does_not(tmp_path: Path) -> None:
    assert repeats_itself(EnvSpec("CartPole-v1"))
    assert repeats_itself(EnvSpec("LunarLander-v3"))
    assert not repeats_itself(EnvSpec("BipedalWalker-v3"))
    assert not repeats_itself(EnvSpec(write_faulty(tmp_path), {"fault": "hidden"}))
    (warning,) = check_environment(EnvSpec("BipedalWalker-v3"))
    assert warning.level == "warning"
    assert "does not follow from its seed and actions alone" in warning.message
