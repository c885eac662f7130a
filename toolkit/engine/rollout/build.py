"""Build an algorithm of stable-baselines3 around environments, from flat arguments."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecEnv, VecNormalize
from stable_baselines3.her import HerReplayBuffer

from toolkit.engine.rollout.agent import Agent
from toolkit.engine.rollout.learners.acting import quicken
from toolkit.engine.rollout.normalization import give_statistics, normalization_of
from toolkit.engine.rollout.policies import (
    algorithm_class,
    distinct_weights,
    load_weights,
    policy_arguments,
    policy_class,
    require_actions,
)
from toolkit.errors import EnvironmentFault, Finding, RecipeError, first_line

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

ON_POLICY = ("a2c", "ppo", "recurrent-ppo")


def normalized(envs: VecEnv, settings: Mapping[str, Any] | None, gamma: float) -> VecEnv:
    """The environments with running normalisation around them, where it is asked for."""
    return envs if settings is None else VecNormalize(envs, gamma=gamma, **settings)


def build_algorithm(
    name: str,
    envs: VecEnv,
    network: str,
    config: Mapping[str, Any],
    arguments: Mapping[str, Any],
) -> tuple[BaseAlgorithm, list[str]]:
    """An algorithm ready to learn, and what it remarks on its settings.

    Args:
        name: key of :data:`~toolkit.engine.rollout.policies.ALGORITHMS`.
        envs: where it learns.
        network: ``mlp`` or ``cnn``.
        config: the policy's settings, as ``model.config`` gives them.
        arguments: of the algorithm's constructor; ``her`` and ``action_noise_std`` stand for objects built here.

    Raises:
        EnvironmentFault: the algorithm does not fit the environment.
        RecipeError: settings the policy or the algorithm does not take.
    """
    require_actions(name, envs.action_space)
    made = policy_class(name, network, envs.observation_space)
    policy_kwargs = {**policy_arguments(made, config), "optimizer_kwargs": _optimizer(name)}
    given = {**arguments, **_noise(arguments, envs), **_hindsight(arguments, envs)}
    for stand_in in ("action_noise_std", "her"):
        given.pop(stand_in, None)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            algorithm = algorithm_class(name)(made, envs, policy_kwargs=policy_kwargs, **given)
    except (AssertionError, ValueError) as error:  # how stable-baselines3 refuses settings
        raise RecipeError(Finding("error", "options", first_line(error), f"see {name}'s settings")) from error
    quicken(algorithm.policy, use_sde=algorithm.use_sde)
    algorithm.set_logger(Logger(folder=None, output_formats=[]))
    return algorithm, [
        first_line(entry.message) for entry in caught if isinstance(entry.message, UserWarning)
    ]


def _optimizer(name: str) -> dict[str, Any]:
    """Adam whose step is one kernel; stable-baselines3's epsilon of actor-critics would be lost otherwise."""
    return {"fused": True, **({"eps": 1e-5} if name in ON_POLICY else {})}


def _noise(arguments: Mapping[str, Any], envs: VecEnv) -> dict[str, Any]:
    std = arguments.get("action_noise_std")
    if std is None:
        return {}
    size = int(np.prod(envs.action_space.shape or (1,)))
    return {"action_noise": NormalActionNoise(np.zeros(size), std * np.ones(size))}


def _hindsight(arguments: Mapping[str, Any], envs: VecEnv) -> dict[str, Any]:
    settings = arguments.get("her")
    if settings is None:
        return {}
    keys = {"observation", "achieved_goal", "desired_goal"}
    space = envs.observation_space
    if not isinstance(space, spaces.Dict) or not keys <= set(space.spaces):
        message = "hindsight replay needs an environment with goals"
        fix = f"its observations must be a dict of {', '.join(sorted(keys))}; leave options.her out"
        raise EnvironmentFault(Finding("error", "options.her", message, fix))
    return {"replay_buffer_class": HerReplayBuffer, "replay_buffer_kwargs": dict(settings)}


def agent_of(algorithm: BaseAlgorithm, name: str, network: str, config: Mapping[str, Any]) -> Agent:
    """The algorithm's policy as an agent, sharing its weights, with the normalisation as it is now."""
    use_sde = bool(getattr(algorithm, "use_sde", False))
    return Agent(name, network, config, algorithm.policy, normalization_of(algorithm), use_sde)


def give_weights(algorithm: BaseAlgorithm, agent: Agent) -> None:
    """Begin from an agent that was trained before: its weights, and its statistics where both have them.

    Raises:
        RecipeError: it sees, does or is built differently.
    """
    policy = algorithm.policy
    same = agent.observation_space == policy.observation_space and agent.action_space == policy.action_space
    own, others = distinct_weights(policy), distinct_weights(agent.policy)
    if not same or {n: t.shape for n, t in own.items()} != {n: t.shape for n, t in others.items()}:
        message = "the agent to begin from has another algorithm, network, observations or actions"
        raise RecipeError(Finding("error", "model.name", message, "train it with the recipe that made it"))
    load_weights(policy, others)
    give_statistics(algorithm, agent.normalization)
