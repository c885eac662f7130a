"""A small environment of a user's own, with settings that break it."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces


class Corridor(gymnasium.Env[Any, Any]):
    """Walk from one end of a corridor to the other."""

    metadata: ClassVar[dict[str, Any]] = {
        "render_modes": ["rgb_array"],
        "render_fps": 20,
        "actions": ["left", "right"],
    }

    def __init__(
        self,
        length: int = 10,
        wind: float = 0.1,
        breaks_at: int = -1,
        sees_more: bool = False,
        render_mode: str | None = None,
    ) -> None:
        self.length, self.wind, self.breaks_at, self.render_mode = length, wind, breaks_at, render_mode
        self.observation_space = spaces.Box(0.0, 1.0, (1 + sees_more,), np.float32)
        self.action_space = spaces.Discrete(2)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        """Begin in the first half."""
        super().reset(seed=seed)
        self.place, self.steps = int(self.np_random.integers(self.length // 2)), 0
        return self._seen(), {}

    def step(self, action: Any) -> Any:
        """One place on, or back where the wind blows."""
        if self.steps == self.breaks_at:
            raise RuntimeError("the floor broke")
        blown = self.np_random.random() < self.wind
        self.place = min(max(self.place + (1 if action == 1 and not blown else -1), 0), self.length)
        self.steps += 1
        there = self.place == self.length
        return self._seen(), 1.0 if there else -0.01, there, self.steps >= 100, {}

    def _seen(self) -> Any:
        return np.full(self.observation_space.shape, self.place / self.length, np.float32)

    def render(self) -> Any:
        """The corridor from above."""
        picture = np.full((40, 20 * (self.length + 1), 3), 230, np.uint8)
        picture[:, 20 * self.place : 20 * (self.place + 1)] = (20, 120, 110)
        return picture
