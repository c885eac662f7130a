"""Everything an algorithm needs to go on where it was: weights, optimisers, replay buffer, statistics, positions.

Checkpoints are safetensors and JSON. No state of a random generator is kept: at each checkpoint, in a run that goes on
as in one that is resumed, all of them are seeded from the position (:func:`settle`). Environments are brought back by
repeating the actions of their episode.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env import VecNormalize
from torch import Tensor

from toolkit.engine.checkpoint import Checkpoint, pack_optimizer, unpack_optimizer
from toolkit.engine.rollout.normalization import normalizer, observation_statistics
from toolkit.engine.rollout.policies import distinct_weights, load_weights
from toolkit.engine.seed import seed_everything
from toolkit.envs.watched import episode_seed

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from torch.optim import Optimizer

NUMBERS = (
    "num_timesteps",
    "_n_updates",
    "_episode_num",
    "_n_calls",
    "exploration_rate",
    "_current_progress_remaining",
)
"""Attributes of algorithms that say where they are; each algorithm has some."""
LAST = ("_last_obs", "_last_original_obs", "_last_episode_starts")


def settle(algorithm: BaseAlgorithm, seed: int) -> None:
    """Make what is drawn from here on follow from the position alone."""
    position = (seed, algorithm.num_timesteps)
    seed_everything(*position)
    algorithm.action_space.seed(episode_seed(*position))
    if algorithm.use_sde:  # drawn before the rollout begins, and not kept
        noisy: Any = getattr(algorithm, "actor", algorithm.policy)
        assert algorithm.env is not None  # it is learning
        noisy.reset_noise(algorithm.env.num_envs)


def pack(algorithm: BaseAlgorithm) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """The algorithm's state as groups of tensors and JSON data."""
    assert algorithm.env is not None  # it is learning
    optimizers = {name: pack_optimizer(optimizer) for name, optimizer in _optimizers(algorithm).items()}
    tensors = {
        "policy": distinct_weights(algorithm.policy),
        **{f"optimizer-{name}": packed[0] for name, packed in optimizers.items()},
        "last": dict(_last(algorithm)),
        "buffer": dict(_buffer(algorithm)),
        "statistics": dict(_statistics(algorithm)),
    }
    buffer: Any = getattr(algorithm, "replay_buffer", None)
    state = {
        "numbers": {name: getattr(algorithm, name) for name in NUMBERS if hasattr(algorithm, name)},
        "optimizers": {name: packed[1] for name, packed in optimizers.items()},
        "episodes": [_plain(info) for info in algorithm.ep_info_buffer or ()],
        "successes": [bool(success) for success in algorithm.ep_success_buffer or ()],
        "buffer": None if buffer is None else {"pos": int(buffer.pos), "full": bool(buffer.full)},
        "environments": algorithm.env.env_method("where"),
    }
    return {name: group for name, group in tensors.items() if group}, state


def unpack(algorithm: BaseAlgorithm, kept: Checkpoint) -> list[int]:
    """Bring an algorithm back to where :func:`pack` took it.

    Returns:
        the environments that do not repeat themselves; where there are any, all of them have begun new episodes.
    """
    tensors, state = kept
    load_weights(algorithm.policy, tensors["policy"])
    if "log_ent_coef" in tensors["last"]:
        entropy: Any = algorithm
        entropy.log_ent_coef.data.copy_(tensors["last"]["log_ent_coef"])
    for name, optimizer in _optimizers(algorithm).items():
        unpack_optimizer(optimizer, tensors.get(f"optimizer-{name}", {}), state["optimizers"][name])
    for name, value in state["numbers"].items():
        setattr(algorithm, name, value)
    algorithm._setup_learn(1, reset_num_timesteps=False)  # makes its queues  # pyright: ignore[reportPrivateUsage]
    for queue, entries in (
        (algorithm.ep_info_buffer, "episodes"),
        (algorithm.ep_success_buffer, "successes"),
    ):
        if queue is not None:
            queue.extend(state[entries])
    _restore_buffer(algorithm, tensors.get("buffer", {}), state["buffer"])
    _restore_statistics(algorithm, tensors.get("statistics", {}))
    _restore_last(algorithm, tensors["last"])
    lost = _restore_environments(algorithm, state["environments"])
    if lost:
        _begin_anew(algorithm)
    return lost


def _optimizers(algorithm: BaseAlgorithm) -> dict[str, Optimizer]:
    """The algorithm's optimisers by the part they train."""
    owner: Any = algorithm
    found = {
        "policy": getattr(owner.policy, "optimizer", None),
        "actor": getattr(getattr(owner, "actor", None), "optimizer", None),
        "critic": getattr(getattr(owner, "critic", None), "optimizer", None),
        "entropy": getattr(owner, "ent_coef_optimizer", None),
    }
    return {name: optimizer for name, optimizer in found.items() if optimizer is not None}


def _plain(info: Mapping[str, Any]) -> dict[str, float]:
    return {key: float(value) for key, value in info.items()}


def _last(algorithm: BaseAlgorithm) -> Iterator[tuple[str, Tensor]]:
    for name in LAST:
        yield from _arrays(name, getattr(algorithm, name))
    owner: Any = algorithm
    if getattr(owner, "log_ent_coef", None) is not None:
        yield "log_ent_coef", owner.log_ent_coef.detach()
    states = getattr(owner, "_last_lstm_states", None)
    if states is not None:
        for part, pair in zip(("pi", "vf"), states, strict=True):
            for which, tensor in enumerate(pair):
                yield f"lstm.{part}.{which}", tensor


def _arrays(name: str, value: Any) -> Iterator[tuple[str, Tensor]]:
    """An array, or a dict of them, as tensors that share their memory."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield f"{name}.{key}", torch.from_numpy(np.ascontiguousarray(part))
    elif value is not None:
        yield name, torch.from_numpy(np.ascontiguousarray(value))


def _restore_last(algorithm: BaseAlgorithm, tensors: Mapping[str, Tensor]) -> None:
    for name in LAST:
        keyed = {
            key.removeprefix(f"{name}."): tensor.numpy().copy()
            for key, tensor in tensors.items()
            if key.startswith(f"{name}.")
        }
        setattr(algorithm, name, keyed or (tensors[name].numpy().copy() if name in tensors else None))
    owner: Any = algorithm
    if getattr(owner, "_last_lstm_states", None) is not None:
        parts = [
            tuple(tensors[f"lstm.{part}.{which}"].to(algorithm.device) for which in (0, 1))
            for part in ("pi", "vf")
        ]
        owner._last_lstm_states = type(owner._last_lstm_states)(*parts)


def _begin_anew(algorithm: BaseAlgorithm) -> None:
    """New episodes everywhere: what was seen last belongs to none that could be gone on with."""
    buffer: Any = getattr(algorithm, "replay_buffer", None)
    if hasattr(buffer, "truncate_last_trajectory"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it truncates, which is what it is called for
            buffer.truncate_last_trajectory()
    elif buffer is not None:  # rewards of several steps are not counted over where an episode was left
        last = buffer.pos - 1
        buffer.timeouts[last] = np.maximum(buffer.timeouts[last], 1 - buffer.dones[last])
    owner: Any = algorithm
    owner._last_obs = owner.env.reset()
    owner._last_episode_starts = np.ones((owner.env.num_envs,), dtype=bool)
    around = normalizer(algorithm)
    if around is not None:
        owner._last_original_obs = around.get_original_obs()


def _buffer_arrays(buffer: Any) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """The arrays of a replay buffer by dotted name; those of objects hold nothing that learning looks at."""
    for name, value in vars(buffer).items():
        parts = value.items() if isinstance(value, dict) else [("", value)]
        for key, array in parts:
            if isinstance(array, np.ndarray) and array.dtype != object:
                yield f"{name}.{key}" if key else name, array


def _buffer(algorithm: BaseAlgorithm) -> Iterator[tuple[str, Tensor]]:
    """What a replay buffer holds: of arrays that are not full yet, only what was written."""
    buffer: Any = getattr(algorithm, "replay_buffer", None)
    if buffer is None:
        return
    for name, array in _buffer_arrays(buffer):
        whole = buffer.full or len(array) != buffer.buffer_size
        yield name, torch.from_numpy(array if whole else array[: buffer.pos])


def _restore_buffer(
    algorithm: BaseAlgorithm, tensors: Mapping[str, Tensor], state: Mapping[str, Any] | None
) -> None:
    buffer: Any = getattr(algorithm, "replay_buffer", None)
    if buffer is None or state is None:
        return
    for name, array in _buffer_arrays(buffer):
        kept = tensors[name].numpy()
        array[: len(kept)] = kept
    buffer.pos, buffer.full = state["pos"], state["full"]


def _means(around: VecNormalize) -> dict[str, RunningMeanStd]:
    parts = observation_statistics(around)
    return {"return": around.ret_rms} | {
        f"observation.{key}" if key else "observation": part for key, part in parts.items()
    }


def _statistics(algorithm: BaseAlgorithm) -> Iterator[tuple[str, Tensor]]:
    around = normalizer(algorithm)
    if around is None:
        return
    yield "returns", torch.from_numpy(around.returns)
    for name, part in _means(around).items():
        yield f"{name}.mean", torch.from_numpy(np.atleast_1d(part.mean))
        yield f"{name}.var", torch.from_numpy(np.atleast_1d(part.var))
        yield f"{name}.count", torch.tensor([part.count], dtype=torch.float64)


def _restore_statistics(algorithm: BaseAlgorithm, tensors: Mapping[str, Tensor]) -> None:
    around = normalizer(algorithm)
    if around is None:
        return
    around.returns = tensors["returns"].numpy().copy()
    for name, part in _means(around).items():
        shape = np.shape(part.mean)
        part.mean = tensors[f"{name}.mean"].numpy().reshape(shape).copy()
        part.var = tensors[f"{name}.var"].numpy().reshape(shape).copy()
        part.count = float(tensors[f"{name}.count"])


def _restore_environments(algorithm: BaseAlgorithm, positions: list[dict[str, Any]]) -> list[int]:
    """Repeat each environment's episode up to where it was; those that went another way begin a new one."""
    envs = algorithm.env
    assert envs is not None  # it is learning
    return [
        index
        for index, where in enumerate(positions)
        if not envs.env_method("go_to", where, indices=[index])[0]
    ]
