"""Let an agent play episodes: several at a time, each the same as if it were played alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import gymnasium
import numpy as np

from toolkit.engine.rollout.agent import ROWS, Agent, threads, threads_for
from toolkit.envs.making import EnvSpec, make
from toolkit.envs.spaces import describe
from toolkit.envs.watched import all_finite
from toolkit.errors import EnvironmentFault, Finding, did_you_mean, first_line

MOST_STEPS = 100_000
"""Where an episode is cut that its environment does not end."""


@dataclass(frozen=True)
class Episode:
    """How an episode went."""

    seed: int
    total: float
    """The return: the sum of its rewards, undiscounted."""
    length: int
    success: bool | None = None
    """What the environment says of it (``is_success``); None when it says nothing."""
    info: Mapping[str, bool | float] = field(default_factory=dict[str, "bool | float"])
    """What else was asked for of the last step's info."""

    def to_dict(self) -> dict[str, Any]:
        """The episode as JSON data."""
        told = {} if self.success is None else {"success": self.success}
        return {"seed": self.seed, "return": self.total, "length": self.length, **told, **self.info}


@dataclass
class _Seat:
    """One environment and the episode that is played in it."""

    env: gymnasium.Env[Any, Any]
    reported: Sequence[str] = ()
    place: int = -1
    seed: int = 0
    total: float = 0.0
    length: int = 0
    observation: Any = None


@dataclass
class Arena:
    """Environments to play in, kept between evaluations."""

    spec: EnvSpec
    reported: Sequence[str] = ()
    """Keys of the last step's info that an episode keeps."""
    seats: list[_Seat] = field(default_factory=list[_Seat])

    def play(self, agent: Agent, seeds: Sequence[int], *, deterministic: bool = True) -> list[Episode]:
        """One episode from each seed, in order.

        Raises:
            EnvironmentFault: an environment broke down; names the seed and the step.
        """
        while len(self.seats) < min(ROWS, len(seeds)):
            self.seats.append(_Seat(make(self.spec), self.reported))
        with threads(threads_for(agent.policy)):
            return self._play(agent, seeds, deterministic)

    def _play(self, agent: Agent, seeds: Sequence[int], deterministic: bool) -> list[Episode]:
        seats = self.seats[: len(seeds)]
        waiting = iter(list(enumerate(seeds))[len(seats) :])
        for place, (seat, seed) in enumerate(zip(seats, seeds, strict=False)):
            _begin(seat, place, seed)
        done: dict[int, Episode] = {}
        starts, state = np.ones(len(seats), dtype=bool), None
        while len(done) < len(seeds):
            actions, state = agent.act(_stacked(seats), state, starts, deterministic=deterministic)
            starts = np.zeros(len(seats), dtype=bool)
            for index, seat in enumerate(seats):
                episode = _step(seat, actions[index]) if seat.place >= 0 else None
                if episode is not None:
                    done[seat.place] = episode
                    place, seed = next(waiting, (-1, 0))
                    starts[index] = True
                    _begin(seat, place, seed)
        return [done[place] for place in range(len(seeds))]

    def play_randomly(self, seeds: Sequence[int]) -> list[Episode]:
        """What choosing actions at random gets."""
        if not self.seats:
            self.seats.append(_Seat(make(self.spec), self.reported))
        seat, done = self.seats[0], list[Episode]()
        for seed in seeds:
            _begin(seat, 0, seed)
            seat.env.action_space.seed(seed)
            episode = None
            while episode is None:
                episode = _step(seat, seat.env.action_space.sample())
            done.append(episode)
        return done

    def close(self) -> None:
        """Close the environments."""
        for seat in self.seats:
            seat.env.close()
        self.seats.clear()


def _begin(seat: _Seat, place: int, seed: int) -> None:
    """Begin an episode; a seat without one (place -1) keeps its last observation, so that rows stay in step."""
    seat.place = place
    if place < 0:
        return
    seat.seed, seat.total, seat.length = seed, 0.0, 0
    try:
        seat.observation, _ = seat.env.reset(seed=seed)
    except Exception as error:
        raise _broken(seat, f"reset raised {type(error).__name__}: {first_line(error)}") from error
    if not all_finite(seat.observation):
        raise _broken(seat, "reset gave an observation that is not finite (NaN or infinite)")


def _step(seat: _Seat, action: Any) -> Episode | None:
    """One step; the episode when it has ended."""
    try:
        seat.observation, reward, terminated, truncated, info = seat.env.step(action)
        value = float(reward)
    except Exception as error:
        raise _broken(seat, f"step raised {type(error).__name__}: {first_line(error)}") from error
    if not np.isfinite(value) or not all_finite(seat.observation):
        raise _broken(seat, "step gave a reward or an observation that is not finite (NaN or infinite)")
    seat.total, seat.length = seat.total + value, seat.length + 1
    if not (terminated or truncated or seat.length >= MOST_STEPS):
        return None
    success = info.get("is_success")
    reported = {key: _reported(info, key) for key in seat.reported}
    return Episode(seat.seed, seat.total, seat.length, None if success is None else bool(success), reported)


def _reported(info: Mapping[str, Any], key: str) -> bool | float:
    """A value of the last step's info.

    Raises:
        EnvironmentFault: there is none, or it is no flag and no number.
    """
    value = info.get(key)
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    if isinstance(value, (int, float, np.number)):
        return float(value)
    known = [name for name, one in info.items() if isinstance(one, (bool, int, float, np.bool_, np.number))]
    what = f"the info of an episode's last step has no '{key}'" if value is None else f"'{key}' is {value!r}"
    message = f"{what}; flags and numbers in it: {', '.join(known) or 'none'}"
    raise EnvironmentFault(Finding("error", "options.report_info", message, did_you_mean(key, known)))


def _broken(seat: _Seat, what: str) -> EnvironmentFault:
    message = f"{what} (episode of seed {seat.seed}, step {seat.length})"
    return EnvironmentFault(Finding("error", "options.env", message, "mend the environment"))


def _stacked(seats: Sequence[_Seat]) -> Any:
    first = seats[0].observation
    if isinstance(first, dict):
        return {key: np.stack([seat.observation[key] for seat in seats]) for key in first}
    return np.stack([np.asarray(seat.observation) for seat in seats])


@dataclass(frozen=True)
class Frame:
    """One moment of an episode that is watched."""

    picture: np.ndarray | None
    """uint8 (height, width, 3); None for a step that is not drawn."""
    step: int
    total: float
    """The return so far."""
    action: Any
    """What the agent does next; None when the episode is over."""
    scores: dict[str, float]
    """What speaks for each action; see :meth:`~toolkit.engine.rollout.agent.Agent.scores`."""


def watch(
    agent: Agent, spec: EnvSpec, seed: int, *, deterministic: bool = True, every: int = 1
) -> Iterator[Frame]:
    """Play one episode and show every step of it, the last one included.

    Args:
        agent: who plays.
        spec: where.
        seed: of the episode.
        deterministic: take the best action; otherwise one is drawn.
        every: draw only so many-th steps, and the last.

    Raises:
        EnvironmentFault: the environment cannot be made or drawn here, or breaks down.
    """
    seat = _Seat(make(spec, render=True))
    try:
        _require_same_spaces(agent, seat.env)
        _begin(seat, 0, seed)
        state, start, over = None, np.ones(1, dtype=bool), False
        while not over:
            actions, state = agent.act(_stacked([seat]), state, start, deterministic=deterministic)
            picture = None if seat.length % every else _drawn(seat)
            scores = agent.scores(seat.observation)
            yield Frame(picture, seat.length, seat.total, actions[0], scores)
            start = np.zeros(1, dtype=bool)
            over = _step(seat, actions[0]) is not None
        yield Frame(_drawn(seat), seat.length, seat.total, None, {})
    finally:
        seat.env.close()


def _require_same_spaces(agent: Agent, env: gymnasium.Env[Any, Any]) -> None:
    """Refuse an environment whose settings make it another one."""
    pairs = {
        "observations": (agent.observation_space, env.observation_space),
        "actions": (agent.action_space, env.action_space),
    }
    for name, (known, found) in pairs.items():
        if describe(known) != describe(found):
            message = (
                f"with these settings its {name} are {describe(found)}; the agent knows {describe(known)}"
            )
            raise EnvironmentFault(Finding("error", "options.env_kwargs", message, "change them back"))


def _drawn(seat: _Seat) -> np.ndarray:
    try:
        picture: Any = seat.env.render()
    except Exception as error:  # pygame, EGL and the drivers below each raise errors of their own
        message = f"cannot be drawn here: {type(error).__name__}: {first_line(error)}"
        fix = "on a machine without a display set MUJOCO_GL=egl or osmesa"
        raise EnvironmentFault(Finding("error", "options.env", message, fix)) from error
    if not isinstance(picture, np.ndarray) or picture.ndim != 3:
        message = "render() gives no picture (rgb_array)"
        raise EnvironmentFault(Finding("error", "options.env", message, "see gymnasium's render_mode"))
    return picture[:, :, :3]
