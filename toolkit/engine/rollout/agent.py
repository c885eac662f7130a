"""A trained policy with everything it needs to act: kept as safetensors and JSON, opened without an environment."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from stable_baselines3.common.policies import BasePolicy

from toolkit.engine.rollout.normalization import Normalization
from toolkit.engine.rollout.policies import ALGORITHMS, build_policy, distinct_weights, load_weights
from toolkit.envs import spaces as written
from toolkit.errors import Finding, ModelError, first_line
from toolkit.files import read_json, write_json
from toolkit.hub.models import PICKLES

CONFIG, WEIGHTS = "config.json", "model.safetensors"
ROWS = 8
"""Observations are answered in groups of this size, filled up where there are fewer: a row of a matrix product of one
size does not depend on its neighbours, so that an episode goes the same way alone and among others."""

WORK = 4_000_000
"""Weights times rows that are worth a thread."""

Observations = Any
"""An array (rows, ...), or a dict of such arrays."""
State = Any
"""What a recurrent policy remembers of each row; None for all others."""


@dataclass
class Agent:
    """A policy that acts."""

    algorithm: str
    network: str
    config: Mapping[str, Any]
    """The network's settings, as ``model.config`` gave them."""
    policy: BasePolicy
    normalization: Normalization = field(default_factory=Normalization)
    use_sde: bool = False
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)
    """Policies keep the distribution of their last answer: of two threads, one would take the other's."""

    @property
    def observation_space(self) -> spaces.Space[Any]:
        """What it sees."""
        return self.policy.observation_space

    @property
    def action_space(self) -> spaces.Space[Any]:
        """What it does."""
        return self.policy.action_space

    def act(
        self,
        observations: Observations,
        state: State = None,
        starts: np.ndarray | None = None,
        *,
        deterministic: bool = True,
    ) -> tuple[np.ndarray, State]:
        """Choose an action for each row.

        Args:
            observations: as the environments gave them.
            state: what the call before returned; only recurrent policies have one.
            starts: whether a row's episode begins here, (rows,).
            deterministic: the likeliest action; otherwise one is drawn.

        Returns:
            actions (rows, ...) and the state to give next time.
        """
        observations = self.normalization(observations)
        rows = _rows(observations)
        state = _padded_state(state, rows)
        starts = None if starts is None else _filled(starts, _up(rows))
        with self._turn:
            actions, state = self.policy.predict(_filled_all(observations), state, starts, deterministic)
        return actions[:rows], state

    def scores(self, observation: Observations) -> dict[str, float]:
        """What speaks for each action in one observation: its probability, or its expected return (Q-value).

        Empty where actions are not a choice among a few.
        """
        if not isinstance(self.action_space, spaces.Discrete):
            return {}
        one = self.normalization(batched(observation))
        tensor, _ = self.policy.obs_to_tensor(one)
        with self._turn, torch.no_grad():
            values = self._values(tensor)
        return (
            {} if values is None else {str(i): float(v) for i, v in enumerate(values.cpu().numpy().ravel())}
        )

    @property
    def draws(self) -> bool:
        """Whether it can also draw an action, instead of taking the best one."""
        return self.algorithm not in {"dqn", "qr-dqn", "td3"}

    @property
    def scores_are(self) -> str:
        """What :meth:`scores` holds, in words."""
        return "expected return" if self.algorithm in {"dqn", "qr-dqn"} else "probability"

    def _values(self, tensor: Any) -> torch.Tensor | None:
        policy: Any = self.policy
        if self.algorithm == "dqn":
            return policy.q_net(tensor)
        if self.algorithm == "qr-dqn":
            return policy.quantile_net(tensor).mean(dim=1)
        if self.algorithm == "recurrent-ppo":
            return None  # they depend on what it remembers
        return policy.get_distribution(tensor).distribution.probs

    def save(self, folder: Path) -> None:
        """Write weights and statistics as safetensors, and everything else as JSON."""
        tensors = {f"policy.{name}": tensor for name, tensor in distinct_weights(self.policy).items()}
        tensors |= {f"normalization.{name}": tensor for name, tensor in self.normalization.tensors().items()}
        save_file(
            {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, folder / WEIGHTS
        )
        write_json(
            folder / CONFIG,
            {
                "library": "stable-baselines3",
                "algorithm": self.algorithm,
                "network": self.network,
                "config": dict(self.config),
                "use_sde": self.use_sde,
                "observation_space": written.to_dict(self.observation_space),
                "action_space": written.to_dict(self.action_space),
                "normalization": {"clip": self.normalization.clip, "epsilon": self.normalization.epsilon},
            },
        )

    @classmethod
    def load(cls, folder: Path) -> Agent:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: not an agent of this toolkit, damaged, or its weights are a pickle.
        """
        _require_files(folder)
        try:
            data = read_json(folder / CONFIG)
            tensors = load_file(folder / WEIGHTS)
            policy = build_policy(
                data["algorithm"],
                data["network"],
                written.from_dict(data["observation_space"]),
                written.from_dict(data["action_space"]),
                data["config"],
                use_sde=data["use_sde"],
            )
            load_weights(policy, _part(tensors, "policy."))
        except (KeyError, RuntimeError, SafetensorError, json.JSONDecodeError) as error:
            message = f"cannot be read: {first_line(error)}"
            raise ModelError(
                Finding("error", str(folder), message, "give the model folder of a run")
            ) from error
        normalization = Normalization.of(_part(tensors, "normalization."), **data["normalization"])
        return cls(data["algorithm"], data["network"], data["config"], policy, normalization, data["use_sde"])


@contextlib.contextmanager
def threads(count: int) -> Generator[None]:
    """So many threads of torch in a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def threads_for(policy: BasePolicy, rows: int = ROWS) -> int:
    """As many threads as so many rows are worth: handing out little work takes longer than doing it."""
    weights = 0
    for parameter in policy.parameters():
        if parameter.ndim == 4:  # convolutions use each weight at many places
            return torch.get_num_threads()
        weights += parameter.numel()
    return max(1, min(torch.get_num_threads(), rows * weights // WORK))


def _part(tensors: Mapping[str, torch.Tensor], prefix: str) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _require_files(folder: Path) -> None:
    """Refuse what is no agent of this toolkit; a pickle is named, and never opened."""
    fix = "give the model folder of a run; toolkit import reads a zip of stable-baselines3"
    if not folder.is_dir():
        raise ModelError(Finding("error", "model.name", f"no such folder '{folder}'", fix))
    names = {path.name for path in folder.iterdir()}
    if {CONFIG, WEIGHTS} <= names:
        try:
            data = read_json(folder / CONFIG)
        except (json.JSONDecodeError, UnicodeDecodeError):
            data = None
        if isinstance(data, dict) and data.get("algorithm") in ALGORITHMS:
            return
        raise ModelError(Finding("error", str(folder / CONFIG), "not the configuration of an agent", fix))
    pickles = sorted(name for name in names if Path(name).suffix in PICKLES | {".zip"})
    if pickles:
        message = f"its weights are in {', '.join(pickles)}, a format that can run code"
        raise ModelError(Finding("error", str(folder), message, fix))
    raise ModelError(Finding("error", str(folder), f"has no {CONFIG} and {WEIGHTS}", fix))


def _rows(observations: Observations) -> int:
    return len(next(iter(observations.values())) if isinstance(observations, dict) else observations)


def _up(rows: int) -> int:
    return -(-rows // ROWS) * ROWS


def _filled(values: np.ndarray, rows: int) -> np.ndarray:
    """Rows added up to a number; what is in them does not matter."""
    if len(values) == rows:
        return values
    return np.concatenate([values, np.repeat(values[:1], rows - len(values), axis=0)])


def _filled_all(observations: Observations) -> Observations:
    rows = _up(_rows(observations))
    if isinstance(observations, dict):
        return {key: _filled(value, rows) for key, value in observations.items()}
    return _filled(observations, rows)


def _padded_state(state: State, rows: int) -> State:
    """States are (layers, rows, width); those that :meth:`Agent.act` returned already have all rows."""
    if state is None or state[0].shape[1] == _up(rows):
        return state
    return tuple(np.swapaxes(_filled(np.swapaxes(part, 0, 1), _up(rows)), 0, 1) for part in state)


def batched(observation: Observations) -> Observations:
    """One observation as a batch of one row."""
    if isinstance(observation, dict):
        return {key: np.asarray(value)[None] for key, value in observation.items()}
    return np.asarray(observation)[None]
