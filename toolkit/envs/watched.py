"""The outermost wrapper of every environment: it seeds and counts episodes, can repeat them, and names faults."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, SupportsFloat

import gymnasium
import numpy as np

from toolkit.envs.making import EnvSpec, make
from toolkit.errors import first_line

FAULT = "fault"
"""In ``info``: what went wrong inside the environment. A worker process cannot raise it where it would be seen."""


class Watched(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment whose position is known and can be returned to.

    Episode ``k`` of environment ``i`` is reset with a seed that follows from ``(seed, i, k)``, and the actions since
    are kept. An environment whose episode follows from its seed and its actions, as gymnasium asks, is thereby brought
    back to any position by repeating them: no environment has to hand out its state, and no pickle is needed.

    When an episode ends, ``info["episode"]`` holds its return ``r`` and length ``l``. An exception of the environment,
    a reward or an observation that is not finite ends the episode with a ``FAULT`` in ``info``.

    Args:
        env: what is watched.
        seed: of all environments of a training.
        index: which of them this is.
    """

    def __init__(self, env: gymnasium.Env[Any, Any], seed: int, index: int) -> None:
        super().__init__(env)
        self.position = (seed, index)
        self.episode = -1
        self.actions: list[Any] = []
        self.rewards: list[float] = []
        self._observation: Any = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin the next episode, with the seed of its position; one that is given would make it unrepeatable."""
        self.episode += 1
        self.actions, self.rewards = [], []
        seed = episode_seed(*self.position, self.episode)
        try:
            observation, info = self.env.reset(seed=seed, options=options)
        except Exception as error:  # whatever a user's environment raises is told with its place in the run
            return self._unbegun(f"reset raised {type(error).__name__}: {first_line(error)}")
        if not all_finite(observation):
            return self._unbegun("reset gave an observation that is not finite (NaN or infinite)")
        self._observation = observation
        return observation, info

    def step(self, action: Any) -> tuple[Any, SupportsFloat, bool, bool, dict[str, Any]]:
        """One step; faults are told in ``info``."""
        taken = np.array(action)  # a copy: an environment may change what it is given
        try:
            observation, reward, terminated, truncated, info = self.env.step(action)
            value = float(reward)
        except Exception as error:  # whatever a user's environment raises is told with its place in the run
            return self._faulty(f"step raised {type(error).__name__}: {first_line(error)}")
        if not math.isfinite(value):
            return self._faulty(f"step gave the reward {value}")
        if not all_finite(observation):
            return self._faulty("step gave an observation that is not finite (NaN or infinite)")
        self.actions.append(taken)
        self.rewards.append(value)
        self._observation = observation
        if terminated or truncated:
            info = {**info, "episode": {"r": sum(self.rewards), "l": len(self.rewards)}}
        return observation, value, bool(terminated), bool(truncated), info

    def _faulty(self, what: str) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self._observation, 0.0, True, False, self._fault(what)

    def _unbegun(self, what: str) -> tuple[Any, dict[str, Any]]:
        """A fault where an episode should have begun, with an observation that the others can be stacked with."""
        seen = self.observation_space.sample() if self._observation is None else self._observation
        return seen, self._fault(what)

    def _fault(self, what: str) -> dict[str, Any]:
        where = f"environment {self.position[1]}, episode {self.episode}, step {len(self.actions)}"
        return {FAULT: f"{where}: {what}"}

    def where(self) -> dict[str, Any]:
        """The position, as JSON data: the episode, the actions taken in it, and a hash of what is seen there."""
        actions = [np.asarray(action).tolist() for action in self.actions]
        return {"episode": self.episode, "actions": actions, "seen": digest(self._observation)}

    def go_to(self, where: dict[str, Any]) -> bool:
        """Repeat an episode up to a position that :meth:`where` gave.

        Returns:
            whether the same is seen there; an environment that goes another way, because something besides seed and
            actions decides, begins its next episode instead.
        """
        self.episode = where["episode"] - 1
        self.reset()
        for action in where["actions"]:
            self.step(_as_before(self.action_space, action))
        same = digest(self._observation) == where["seen"]
        if not same:
            self.reset()
        return same


def _as_before(space: gymnasium.Space[Any], action: Any) -> Any:
    """An action of JSON data with the type that the policy gave it."""
    return np.asarray(action, dtype=space.dtype) if space.shape else np.dtype(space.dtype).type(action)


def episode_seed(*position: int) -> int:
    """The seed of an episode, from what tells it apart from all others."""
    return int(np.random.SeedSequence(position).generate_state(1)[0])


def all_finite(observation: Any) -> bool:
    """Whether no part of an observation is NaN or infinite."""
    if isinstance(observation, dict):
        return all(all_finite(part) for part in observation.values())
    if isinstance(observation, np.ndarray) and observation.dtype.kind == "f":
        # The sum of finite numbers overflows so rarely that looking at each only then is much quicker.
        with np.errstate(over="ignore", invalid="ignore"):
            return math.isfinite(observation.sum()) or bool(np.isfinite(observation).all())
    return True


def digest(observation: Any) -> str:
    """A hash of an observation's numbers."""
    found = blake2b(digest_size=16)
    parts = observation.values() if isinstance(observation, dict) else [observation]
    for part in parts:
        found.update(np.ascontiguousarray(part).tobytes())
    return found.hexdigest()


def make_watched(spec: EnvSpec, seed: int, index: int) -> Watched:
    """A watched environment; what a process of its own calls."""
    return Watched(make(spec), seed, index)


def faults_of(infos: Sequence[dict[str, Any]]) -> list[str]:
    """What went wrong in some environments' step."""
    return [info[FAULT] for info in infos if FAULT in info]
