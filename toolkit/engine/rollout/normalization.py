"""How observations are normalised: as an agent keeps it, and as it is read from and given to an algorithm."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from stable_baselines3.common.vec_env import VecNormalize, unwrap_vec_normalize
from torch import Tensor

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.running_mean_std import RunningMeanStd


@dataclass(frozen=True)
class Normalization:
    """How observations are brought to mean 0 and variance 1: as they were when training ended.

    ``mean`` and ``variance`` are float64 arrays by key of the observation, ``""`` for one that has no keys.
    """

    mean: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    variance: Mapping[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    clip: float = 10.0
    epsilon: float = 1e-8

    def __call__(self, observations: Any) -> Any:
        """The normalised observations, as ``VecNormalize`` gives them."""
        if not self.mean:
            return observations
        if isinstance(observations, dict):
            return {
                key: self._apply(key, value) if key in self.mean else value
                for key, value in observations.items()
            }
        return self._apply("", observations)

    def _apply(self, key: str, values: np.ndarray) -> np.ndarray:
        scaled = (values - self.mean[key]) / np.sqrt(self.variance[key] + self.epsilon)
        return np.clip(scaled, -self.clip, self.clip).astype(np.float32)

    def tensors(self) -> dict[str, Tensor]:
        """The statistics as tensors called ``mean.KEY`` and ``variance.KEY``."""
        return {
            f"{kind}.{key}": torch.from_numpy(np.atleast_1d(values))
            for kind, parts in (("mean", self.mean), ("variance", self.variance))
            for key, values in parts.items()
        }

    @classmethod
    def of(cls, tensors: Mapping[str, Tensor], clip: float = 10.0, epsilon: float = 1e-8) -> Normalization:
        """The statistics that :meth:`tensors` gave."""
        parts = {kind: _part(tensors, f"{kind}.") for kind in ("mean", "variance")}
        return cls(**parts, clip=clip, epsilon=epsilon)


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): t.numpy() for name, t in tensors.items() if name.startswith(prefix)}


def normalizer(algorithm: BaseAlgorithm) -> VecNormalize | None:
    """What normalises around the algorithm's environments; None where nothing does."""
    return unwrap_vec_normalize(algorithm.env) if algorithm.env is not None else None


def observation_statistics(around: VecNormalize | None) -> dict[str, RunningMeanStd]:
    """The running statistics by key of the observation, ``""`` for one without keys; empty where there are none."""
    if around is None or not around.norm_obs:
        return {}
    own: Any = around.obs_rms
    return dict(own) if isinstance(own, dict) else {"": own}


def normalization_of(algorithm: BaseAlgorithm) -> Normalization:
    """The observations' statistics so far."""
    around = normalizer(algorithm)
    parts = observation_statistics(around)
    if around is None or not parts:
        return Normalization()
    return Normalization(
        {key: np.array(part.mean) for key, part in parts.items()},
        {key: np.array(part.var) for key, part in parts.items()},
        around.clip_obs,
        around.epsilon,
    )


def give_statistics(algorithm: BaseAlgorithm, normalization: Normalization) -> None:
    """Set the observations' statistics to those that were taken before, where both have some."""
    if not normalization.mean:
        return
    for key, part in observation_statistics(normalizer(algorithm)).items():
        shape = np.shape(part.mean)
        part.mean = normalization.mean[key].reshape(shape).copy()
        part.var = normalization.variance[key].reshape(shape).copy()
