"""Actions have names where somebody watches."""

from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.envs.making import EnvSpec
from toolkit.envs.stage import Stage, stage_of

MINE = """
import gymnasium
from gymnasium import spaces


class Mine(gymnasium.Env):
    metadata = {"actions": ["left", "right"]}
    observation_space = spaces.Discrete(2)

    def __init__(self, kind=0):
        kinds = [spaces.Discrete(2), spaces.MultiDiscrete([2, 3]), spaces.MultiBinary(2), spaces.Discrete(3)]
        self.action_space = kinds[kind]
"""


def test_what_is_known_of_the_registrys() -> None:
    assert stage_of(EnvSpec("CartPole-v1")) == Stage(("push left", "push right"), 50.0)
    assert stage_of(EnvSpec("ALE/Pong-v5")).actions[:2] == ("noop", "fire")


@pytest.mark.parametrize("kind", range(4))
def test_ones_own_may_name_them(kind: int, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(MINE)
    stage = stage_of(EnvSpec(f"{tmp_path / 'mine.py'}:Mine", {"kind": kind}))
    assert stage == Stage(() if kind == 3 else ("left", "right"))
