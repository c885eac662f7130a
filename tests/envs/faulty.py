"""A user's environment that goes wrong in ways a test chooses."""

from __future__ import annotations

from pathlib import Path

FAULTY = '''
import random

import gymnasium
import numpy as np
from gymnasium import spaces


class Mine(gymnasium.Env):
    """Goes on for ten steps."""

    def __init__(self, fault="", at=3):
        self.observation_space = spaces.Box(-5, 5, (2,))
        self.action_space = spaces.Discrete(2)
        self.fault, self.at, self.begun = fault, at, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.begun += 1
        self.steps = 0
        self.seen = self.np_random.uniform(-1, 1, 2).astype(np.float32)
        if self.fault == "reset" and self.begun > 1:
            raise RuntimeError("the robot fell over")
        if self.fault == "nan-reset" and self.begun > 1:
            self.seen[0] = np.nan
        return self.seen.copy(), {}

    def step(self, action):
        self.steps += 1
        self.seen[0] += 0.01 * float(action)
        reward = 1.0
        if self.fault == "hidden":
            self.seen[1] = random.random()
        elif self.steps == self.at and self.fault == "raise":
            raise ValueError("no such move\\nand more")
        elif self.steps == self.at and self.fault == "nan-reward":
            reward = float("nan")
        elif self.steps == self.at and self.fault == "no-reward":
            reward = None
        elif self.steps == self.at and self.fault == "nan-observation":
            self.seen[1] = np.nan
        elif self.steps == self.at and self.fault == "infinite-observation":
            self.seen[1] = np.inf
        return self.seen.copy(), reward, False, self.steps == 10, {}
'''


def write_faulty(folder: Path) -> str:
    """The name of that environment in a file of its own."""
    folder.mkdir(exist_ok=True)
    (folder / "mine.py").write_text(FAULTY)
    return f"{folder / 'mine.py'}:Mine"
