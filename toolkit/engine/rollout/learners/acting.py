"""Answers of a policy that are recorded once and replayed."""

from __future__ import annotations

from typing import Any

import torch
from sb3_contrib.common.recurrent.policies import RecurrentActorCriticPolicy
from stable_baselines3.common.policies import ActorCriticPolicy, BasePolicy

from toolkit.engine.rollout.learners.traced import Given, Traced


def quicken(policy: BasePolicy, *, use_sde: bool) -> None:
    """Replace what a policy does at every step of an environment by recordings of it.

    Policies with a memory are left as they are, and so is what is drawn with noise that depends on the state
    (``use_sde``): they look at more than observations and weights.
    """
    if isinstance(policy, RecurrentActorCriticPolicy):
        return
    owner: Any = policy
    owner._predict = _choosing(owner._predict, use_sde)
    owner.set_training_mode = _unless_done(policy, owner.set_training_mode)
    if isinstance(policy, ActorCriticPolicy):
        owner.forward = _choosing(owner.forward, use_sde)
        owner.predict_values = Traced(_without_gradient(owner.predict_values))


def _without_gradient(function: Any) -> Any:
    def call(*given: Given, **settings: Any) -> Any:
        with torch.no_grad():
            return function(*given, **settings)

    return call


def _choosing(function: Any, use_sde: bool) -> Any:
    """The best action, or one that is drawn: two recordings."""
    best = Traced(_without_gradient(lambda seen: function(seen, deterministic=True)))
    drawn = (
        function if use_sde else Traced(_without_gradient(lambda seen: function(seen, deterministic=False)))
    )

    def choose(seen: Given, deterministic: bool = False) -> Any:
        return best(seen) if deterministic else drawn(seen)

    return choose


def _unless_done(policy: BasePolicy, function: Any) -> Any:
    """Walk through all modules only when their mode changes."""

    def set_training_mode(mode: bool) -> None:
        if policy.training != mode:
            function(mode)

    return set_training_mode
