"""The policies of the algorithms: which class, with which arguments, built without an environment."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from gymnasium import spaces
from stable_baselines3.common.policies import BasePolicy
from torch import nn

from toolkit.errors import EnvironmentFault, Finding, RecipeError, did_you_mean, raise_errors
from toolkit.hub.models import require_known

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm

ALGORITHMS: Mapping[str, str] = {
    "a2c": "toolkit.engine.rollout.learners.policy_gradients:A2C",
    "dqn": "toolkit.engine.rollout.learners.values:DQN",
    "ppo": "toolkit.engine.rollout.learners.policy_gradients:PPO",
    "qr-dqn": "toolkit.engine.rollout.learners.values:QRDQN",
    "recurrent-ppo": "sb3_contrib:RecurrentPPO",
    "sac": "toolkit.engine.rollout.learners.actor_critics:SAC",
    "td3": "toolkit.engine.rollout.learners.actor_critics:TD3",
}
ACTIONS: Mapping[str, tuple[type[spaces.Space[Any]], ...]] = {
    **dict.fromkeys(("dqn", "qr-dqn"), (spaces.Discrete,)),
    **dict.fromkeys(("sac", "td3"), (spaces.Box,)),
    **dict.fromkeys(
        ("a2c", "ppo", "recurrent-ppo"),
        (spaces.Box, spaces.Discrete, spaces.MultiDiscrete, spaces.MultiBinary),
    ),
}
"""Kinds of actions that an algorithm can choose."""
ACTIVATIONS: Mapping[str, type[nn.Module]] = {
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "leaky_relu": nn.LeakyReLU,
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}
NETWORKS = ("mlp", "cnn")
"""What a policy sees with: layers on numbers, or the convolutions of Mnih et al. (2015) on pictures."""
SETTINGS = (
    "net_arch",
    "activation_fn",
    "ortho_init",
    "log_std_init",
    "share_features_extractor",
    "features_dim",
    "n_critics",
    "n_quantiles",
    "lstm_hidden_size",
    "n_lstm_layers",
    "shared_lstm",
    "enable_critic_lstm",
)
"""Of the policies' arguments, those that ``model.config`` may set, where the policy has them."""


def algorithm_class(name: str) -> type[BaseAlgorithm]:
    """The class of stable-baselines3 or sb3-contrib."""
    module, _, attribute = ALGORITHMS[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def require_actions(algorithm: str, space: spaces.Space[Any]) -> None:
    """Refuse an algorithm that cannot choose such actions.

    Raises:
        EnvironmentFault: names the algorithms that can.
    """
    if isinstance(space, ACTIONS[algorithm]):
        return
    fitting = [name for name, kinds in ACTIONS.items() if isinstance(space, kinds)]
    message = f"{algorithm} cannot choose actions of the kind {type(space).__name__}"
    fix = f"use {', '.join(sorted(fitting))}" if fitting else "no algorithm can"
    raise EnvironmentFault(Finding("error", "options.algorithm", message, fix))


def policy_class(algorithm: str, network: str, observations: spaces.Space[Any]) -> type[BasePolicy]:
    """The policy of an algorithm for such observations.

    Raises:
        RecipeError: unknown network, or pictures are asked for and there are none.
    """
    if network not in NETWORKS:
        fix = did_you_mean(network, NETWORKS)
        raise RecipeError(Finding("error", "model.name", f"unknown network 'scratch:{network}'", fix))
    kind = "MultiInput" if isinstance(observations, spaces.Dict) else network.capitalize()
    if kind == "Cnn" and len(observations.shape or ()) != 3:
        fix = "use scratch:mlp"
        raise RecipeError(Finding("error", "model.name", "scratch:cnn needs pictures to look at", fix))
    lstm = "Lstm" if algorithm == "recurrent-ppo" else ""
    return algorithm_class(algorithm).policy_aliases[f"{kind}{lstm}Policy"]


def policy_arguments(made: type[BasePolicy], config: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's ``model.config`` as the policy's arguments.

    Raises:
        RecipeError: keys the policy does not have, or values that mean nothing to it.
    """
    known = [*inspect.signature(made.__init__).parameters, "features_dim"]
    require_known(config, [name for name in SETTINGS if name in known])
    raise_errors([*_wrong_activation(config), *_wrong_layers(config)], RecipeError)
    arguments = dict(config)
    if "activation_fn" in arguments:
        arguments["activation_fn"] = ACTIVATIONS[arguments["activation_fn"]]
    if "features_dim" in arguments:
        arguments["features_extractor_kwargs"] = {"features_dim": arguments.pop("features_dim")}
    return arguments


def _wrong_activation(config: Mapping[str, Any]) -> list[Finding]:
    name = config.get("activation_fn", "relu")
    if name in ACTIVATIONS:
        return []
    message = f"unknown activation '{name}'"
    return [Finding("error", "model.config.activation_fn", message, did_you_mean(str(name), ACTIVATIONS))]


def _wrong_layers(config: Mapping[str, Any]) -> list[Finding]:
    given = config.get("net_arch", [])
    parts = given if isinstance(given, dict) else {"": given}
    good = all(
        isinstance(sizes, list) and all(isinstance(size, int) and size > 0 for size in sizes)
        for sizes in parts.values()
    )
    if good and set(parts) <= {"", "pi", "vf", "qf"}:
        return []
    fix = "give sizes of hidden layers, [64, 64], or of each part, {pi: [64], vf: [64]}"
    return [Finding("error", "model.config.net_arch", f"{given!r} is no list of layers", fix)]


def build_policy(
    algorithm: str,
    network: str,
    observations: spaces.Space[Any],
    actions: spaces.Space[Any],
    config: Mapping[str, Any],
    *,
    use_sde: bool = False,
) -> BasePolicy:
    """A policy with new weights on the CPU, ready to be given others; without an algorithm or an environment."""
    made = policy_class(algorithm, network, observations)
    arguments = policy_arguments(made, config)
    if "use_sde" in inspect.signature(made.__init__).parameters:
        arguments["use_sde"] = use_sde
    with torch.random.fork_rng(
        devices=[]
    ):  # weights that are thrown away must not move the training's numbers
        return made(observations, actions, lambda _: 0.0, **arguments)


def distinct_weights(policy: BasePolicy) -> dict[str, torch.Tensor]:
    """The policy's state with weights that several parts share under one of their names, as safetensors needs it."""
    seen: set[tuple[int, tuple[int, ...]]] = set()
    kept: dict[str, torch.Tensor] = {}
    for name, tensor in policy.state_dict().items():
        identity = (tensor.data_ptr(), tuple(tensor.shape))
        if tensor.numel() == 0 or identity not in seen:
            kept[name] = tensor
        seen.add(identity)
    return kept


def load_weights(policy: BasePolicy, weights: Mapping[str, torch.Tensor]) -> None:
    """Give a policy the weights that :func:`distinct_weights` took of its like.

    Raises:
        KeyError: they are of another policy.
        RuntimeError: they are of another shape.
    """
    own = distinct_weights(policy).keys()
    if own != weights.keys():
        raise KeyError(f"weights of another policy: {sorted(own ^ weights.keys())[0]}")
    policy.load_state_dict(dict(weights), strict=False)
