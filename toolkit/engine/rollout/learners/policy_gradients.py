"""Policy gradients: advantage actor-critic (Mnih et al. 2016), proximal policy optimisation (Schulman et al. 2017)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import stable_baselines3
import torch
import torch.nn.functional as F
from gymnasium import spaces
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.common.utils import explained_variance
from torch import Tensor

from toolkit.engine.rollout.learners.steps import Descent, in_turn, tell

FIGURES = ("loss", "policy_gradient_loss", "value_loss", "entropy_loss")
"""What both tell of a step."""


class A2C(stable_baselines3.A2C):
    """Advantage actor-critic."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self._descent = Descent(self._loss, self.policy, self.max_grad_norm)

    def train(self) -> None:
        """Take one step with the whole rollout."""
        _begin(self)
        figures = [self._descent(batch) for batch in _epoch(self, None)]
        self._n_updates += 1
        _end(self, FIGURES, figures)

    def _loss(self, batch: RolloutBufferSamples) -> Sequence[Tensor]:
        values, chances, entropy = _looked_at_again(self, batch)
        policy_loss = -(_normalized(self, batch.advantages) * chances).mean()
        return _together(self, policy_loss, F.mse_loss(batch.returns, values), entropy, chances)


class PPO(stable_baselines3.PPO):
    """Proximal policy optimisation."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self._descent = Descent(self._loss, self.policy, self.max_grad_norm)

    def train(self) -> None:
        """Go over the rollout several times."""
        _begin(self)
        clips = self._clips()
        figures: list[Sequence[Tensor]] = []
        for _ in range(self.n_epochs):
            close = True
            for batch in _epoch(self, self.batch_size):
                told, gradients = self._descent.look(batch, *clips)
                figures.append(told)
                close = self.target_kl is None or told[-1].item() <= 1.5 * self.target_kl
                if not close:
                    break
                self._descent.go(gradients)
            self._n_updates += 1
            if not close:
                break
        _end(self, (*FIGURES, "clip_fraction", "approx_kl"), figures)

    def _clips(self) -> list[Tensor]:
        """How far a ratio may go down and up, and a value, where that is clipped too."""
        owner: Any = self  # its clip ranges are schedules since the model was set up
        ratio = owner.clip_range(self._current_progress_remaining)
        clips = [1 - ratio, 1 + ratio]
        if owner.clip_range_vf is not None:
            clips.append(owner.clip_range_vf(self._current_progress_remaining))
        return [torch.tensor(clip, device=self.device) for clip in clips]

    def _loss(
        self, batch: RolloutBufferSamples, low: Tensor, high: Tensor, value_clip: Tensor | None = None
    ) -> Sequence[Tensor]:
        values, chances, entropy = _looked_at_again(self, batch)
        advantages, change = _normalized(self, batch.advantages), chances - batch.old_log_prob
        ratio = torch.exp(change)
        policy_loss = -torch.min(advantages * ratio, advantages * torch.clamp(ratio, low, high)).mean()
        if value_clip is not None:
            values = batch.old_values + torch.clamp(values - batch.old_values, -value_clip, value_clip)
        clipped = ((ratio < low) | (ratio > high)).float().mean()
        divergence = ((ratio - 1) - change).mean()  # Schulman, http://joschu.net/blog/kl-approx.html
        losses = _together(self, policy_loss, F.mse_loss(batch.returns, values), entropy, chances)
        return [*losses, clipped, divergence]


def _begin(algorithm: Any) -> None:
    algorithm.policy.set_training_mode(True)
    algorithm._update_learning_rate(algorithm.policy.optimizer)


def _epoch(algorithm: Any, batch_size: int | None) -> Iterator[RolloutBufferSamples]:
    """The rollout's rows in a new order: gathered at once, dealt out in batches."""
    whole = next(algorithm.rollout_buffer.get(None))
    return in_turn(whole, batch_size or len(whole.returns))


def _looked_at_again(algorithm: Any, batch: RolloutBufferSamples) -> tuple[Tensor, Tensor, Tensor | None]:
    """Values, log probabilities of the actions, and entropies, with the policy as it is now."""
    actions = batch.actions
    if isinstance(algorithm.action_space, spaces.Discrete):
        actions = actions.long().flatten()
    values, chances, entropy = algorithm.policy.evaluate_actions(batch.observations, actions)
    return values.flatten(), chances, entropy


def _normalized(algorithm: Any, advantages: Tensor) -> Tensor:
    if not algorithm.normalize_advantage or len(advantages) == 1:
        return advantages
    return (advantages - advantages.mean()) / (advantages.std() + 1e-8)


def _together(
    algorithm: Any, policy_loss: Tensor, value_loss: Tensor, entropy: Tensor | None, chances: Tensor
) -> list[Tensor]:
    """The whole loss and its parts; where an entropy has no closed form, the chances estimate it."""
    entropy_loss = -torch.mean(-chances) if entropy is None else -torch.mean(entropy)
    loss = policy_loss + algorithm.ent_coef * entropy_loss + algorithm.vf_coef * value_loss
    return [loss, policy_loss, value_loss, entropy_loss]


def _end(algorithm: Any, names: Sequence[str], figures: Sequence[Sequence[Tensor]]) -> None:
    tell(algorithm, **dict(zip(names, zip(*figures, strict=True), strict=True)))
    buffer = algorithm.rollout_buffer
    explained = explained_variance(buffer.values.flatten(), buffer.returns.flatten())
    algorithm.logger.record("train/explained_variance", explained)
    if hasattr(algorithm.policy, "log_std"):
        algorithm.logger.record("train/std", algorithm.policy.log_std.exp().mean().item())
