"""Several environments at once, in this process or in processes of their own, as stable-baselines3 steps them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Literal

import gymnasium
import numpy as np
from stable_baselines3.common.vec_env import SubprocVecEnv, VecEnv
from stable_baselines3.common.vec_env.base_vec_env import VecEnvIndices, VecEnvObs, VecEnvStepReturn
from stable_baselines3.common.vec_env.util import obs_space_info

from toolkit.envs.making import EnvSpec
from toolkit.envs.watched import Watched, faults_of, make_watched
from toolkit.errors import TrainingError

Place = Literal["dummy", "subproc"]
START_METHOD = "forkserver"
"""Of processes: ``fork`` would copy the threads of torch in whatever state they are."""


def make_environments(spec: EnvSpec, count: int, seed: int, place: Place = "dummy") -> VecEnv:
    """Watched environments of one kind, which step together.

    Args:
        spec: the environment.
        count: how many.
        seed: of all their episodes.
        place: in this process, or each in one of its own: for environments whose step takes longer than the message.

    Raises:
        EnvironmentFault: the environment cannot be made.
    """
    makers: list[Callable[[], Any]] = [partial(make_watched, spec, seed, index) for index in range(count)]
    if place == "dummy":
        return Environments(makers)
    makers[0]().close()  # whatever is wrong with the environment is said here, not in a worker that dies
    return Workers(makers, START_METHOD)


class Environments(VecEnv):
    """Environments that step one after the other in this process.

    As ``DummyVecEnv``, without its deep copies of every observation and info at every step: infos are those that the
    environments made for this step, and observations are copied once.
    """

    def __init__(self, makers: Sequence[Callable[[], Watched]]) -> None:
        self.envs = [maker() for maker in makers]
        first = self.envs[0]
        super().__init__(len(makers), first.observation_space, first.action_space)
        self.keys, shapes, dtypes = obs_space_info(first.observation_space)
        self._buffers: dict[Any, np.ndarray] = {
            key: np.zeros((self.num_envs, *shapes[key]), dtype=dtypes[key]) for key in self.keys
        }
        self._actions: Any = None

    def reset(self) -> VecEnvObs:
        """Begin an episode in each."""
        for index, env in enumerate(self.envs):
            observation, self.reset_infos[index] = env.reset(seed=self._seeds[index])
            self._store(index, observation)
        require_sound(self.reset_infos)
        self._reset_seeds()
        return self._copied()

    def step_async(self, actions: np.ndarray) -> None:
        """Take the actions, (environments, ...)."""
        self._actions = actions

    def step_wait(self) -> VecEnvStepReturn:
        """One step of each; where an episode ends, the next one begins."""
        rewards = np.empty(self.num_envs, dtype=np.float32)
        dones = np.empty(self.num_envs, dtype=bool)
        infos: list[dict[str, Any]] = []
        for index, env in enumerate(self.envs):
            observation, reward, terminated, truncated, info = env.step(self._actions[index])
            rewards[index], dones[index] = reward, terminated or truncated
            info["TimeLimit.truncated"] = truncated and not terminated
            if dones[index]:
                info["terminal_observation"] = observation
                require_sound([info])
                observation, self.reset_infos[index] = env.reset()
                require_sound([self.reset_infos[index]])
            infos.append(info)
            self._store(index, observation)
        return self._copied(), rewards, dones, infos

    def _store(self, index: int, observation: Any) -> None:
        for key, buffer in self._buffers.items():
            buffer[index] = observation if key is None else observation[key]

    def _copied(self) -> Any:
        if None in self._buffers:
            return self._buffers[None].copy()
        copies = {key: buffer.copy() for key, buffer in self._buffers.items()}
        tupled = isinstance(self.observation_space, gymnasium.spaces.Tuple)
        return tuple(copies.values()) if tupled else copies

    def close(self) -> None:
        """Close each."""
        for env in self.envs:
            env.close()

    def _chosen(self, indices: VecEnvIndices) -> list[Watched]:
        return [self.envs[index] for index in self._get_indices(indices)]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """An attribute of each."""
        return [env.get_wrapper_attr(attr_name) for env in self._chosen(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Set an attribute of each."""
        for env in self._chosen(indices):
            setattr(env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of each."""
        return [
            env.get_wrapper_attr(method_name)(*method_args, **method_kwargs) for env in self._chosen(indices)
        ]

    def env_is_wrapped(self, wrapper_class: type[Any], indices: VecEnvIndices = None) -> list[bool]:
        """Whether each has that wrapper."""
        return [_has_wrapper(env, wrapper_class) for env in self._chosen(indices)]


def _has_wrapper(env: gymnasium.Env[Any, Any], wanted: type[Any]) -> bool:
    while isinstance(env, gymnasium.Wrapper):
        if isinstance(env, wanted):
            return True
        env = env.env
    return False


class Workers(SubprocVecEnv):
    """Environments each in a process of its own; one that dies is named."""

    def step_wait(self) -> VecEnvStepReturn:
        """One step of each."""
        with self._alive():
            observations, rewards, dones, infos = super().step_wait()
        require_sound([*infos, *self.reset_infos])
        return self._typed(observations), rewards.astype(np.float32), dones, infos

    def step_async(self, actions: np.ndarray) -> None:
        """Send each its action."""
        with self._alive():
            super().step_async(actions)

    def reset(self) -> VecEnvObs:
        """Begin an episode in each."""
        with self._alive():
            observations = super().reset()
        require_sound(self.reset_infos)
        return self._typed(observations)

    def _typed(self, observations: Any) -> Any:
        """Of the space's own type, whatever the environment gave: as :class:`Environments` has them."""
        space = self.observation_space
        if isinstance(space, gymnasium.spaces.Dict):
            return {key: part.astype(space[key].dtype, copy=False) for key, part in observations.items()}
        return observations.astype(space.dtype, copy=False)

    def env_method(
        self, method_name: str, *method_args: Any, indices: VecEnvIndices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of each."""
        with self._alive():
            return super().env_method(method_name, *method_args, indices=indices, **method_kwargs)

    @contextmanager
    def _alive(self) -> Generator[None]:
        try:
            yield
        except (EOFError, ConnectionError) as error:
            for process in self.processes:
                process.join(timeout=1)
            dead = [
                f"process {process.pid} of environment {index} died (exit code {process.exitcode})"
                for index, process in enumerate(self.processes)
                if not process.is_alive()
            ]
            self.waiting = False
            raise TrainingError("; ".join(dead) or "a process of an environment died") from error

    def close(self) -> None:
        """End the processes, those that are still there."""
        if self.closed:
            return
        self.closed = True
        for remote in self.remotes:
            try:
                remote.send(("close", None))
            except (BrokenPipeError, OSError):
                continue
        for process in self.processes:
            process.join(timeout=5)
            if process.is_alive():
                process.terminate()


def require_sound(infos: Sequence[dict[str, Any]]) -> None:
    """Refuse to learn from an environment that broke down.

    Raises:
        TrainingError: names the environment, its episode and step, and what happened.
    """
    faults = faults_of(infos)
    if faults:
        raise TrainingError("; ".join(faults))
