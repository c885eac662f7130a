"""An agent's policy as ONNX: from observations to the action it would take."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn
from torch.distributions import Distribution

from toolkit.artifact.export import export_onnx
from toolkit.engine.rollout.agent import Agent
from toolkit.errors import ToolkitError


def export_agent(agent: Agent, target: Path) -> dict[str, Any]:
    """Write ``target/model.onnx``, which takes ``observation`` (rows, ...) and gives ``action`` (rows, ...).

    Raises:
        ToolkitError: a policy that remembers, or one with a dict of observations.
        MissingExtraError: the ``export`` extra is not installed.
    """
    space = agent.observation_space
    if agent.algorithm == "recurrent-ppo" or isinstance(space, spaces.Dict):
        what = "that remembers" if agent.algorithm == "recurrent-ppo" else "with a dict of observations"
        raise ToolkitError(f"a policy {what} cannot be exported to ONNX yet")
    space.seed(0)
    example = {"observation": torch.from_numpy(np.stack([space.sample() for _ in range(4)]))}
    with _unchecked_distributions():
        return export_onnx(
            _Acting(agent), example, target, axes={"observation": {0: "batch"}}, outputs=("action",)
        )


@contextlib.contextmanager
def _unchecked_distributions() -> Generator[None]:
    """Without torch's checks of a distribution's parameters, which look at values: a graph has none."""
    before = Distribution._validate_args  # pyright: ignore[reportPrivateUsage]
    Distribution.set_default_validate_args(False)
    try:
        yield
    finally:
        Distribution.set_default_validate_args(before)


class _Acting(nn.Module):
    """The policy with its normalisation, as a function of observations alone."""

    def __init__(self, agent: Agent) -> None:
        super().__init__()
        self.policy = agent.policy
        own = agent.normalization
        self.clip, self.epsilon = own.clip, own.epsilon
        statistics: Mapping[str, Mapping[str, Any]] = {"mean": own.mean, "variance": own.variance}
        for name, values in statistics.items():
            self.register_buffer(name, torch.from_numpy(values[""]).float() if values else None)

    def forward(self, observation: Tensor) -> SimpleNamespace:
        """The likeliest action for each row, bounded as the environment needs it."""
        space: Any = self.policy.action_space
        seen = observation
        mean, variance = self.mean, self.variance
        if isinstance(mean, Tensor) and isinstance(variance, Tensor):
            seen = ((observation - mean) / torch.sqrt(variance + self.epsilon)).clamp(-self.clip, self.clip)
        action = self.policy._predict(seen, deterministic=True)  # pyright: ignore[reportPrivateUsage, reportArgumentType]
        if isinstance(space, spaces.Box):
            low, high = torch.from_numpy(space.low), torch.from_numpy(space.high)
            action = (
                low + 0.5 * (action + 1.0) * (high - low)
                if self.policy.squash_output
                else torch.clamp(action, low, high)
            )
        return SimpleNamespace(action=action)
