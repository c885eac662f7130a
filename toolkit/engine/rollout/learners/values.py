"""Deep Q-learning: what each action is worth (Mnih et al. 2015), or how that is distributed (Dabney et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sb3_contrib
import stable_baselines3
import torch
import torch.nn.functional as F
from sb3_contrib.common.utils import quantile_huber_loss
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor

from toolkit.engine.rollout.learners.steps import Descent, replayed, target, tell


class DQN(stable_baselines3.DQN):
    """Deep Q-learning."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self._descent = Descent(self._loss, self.policy, self.max_grad_norm)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Take so many gradient steps."""
        _descend(self, self._descent, gradient_steps, batch_size)

    def _loss(self, batch: ReplayBufferSamples) -> Sequence[Tensor]:
        with torch.no_grad():
            best = self.q_net_target(batch.next_observations).max(dim=1, keepdim=True).values
            targets = target(batch, best)
        values = self.q_net(batch.observations).gather(1, batch.actions.long())
        return (F.smooth_l1_loss(values, targets),)


class QRDQN(sb3_contrib.QRDQN):
    """Quantile regression DQN."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self._descent = Descent(self._loss, self.policy, self.max_grad_norm)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Take so many gradient steps."""
        _descend(self, self._descent, gradient_steps, batch_size)

    def _loss(self, batch: ReplayBufferSamples) -> Sequence[Tensor]:
        with torch.no_grad():
            following = self.quantile_net_target(batch.next_observations)
            best = following.mean(dim=1, keepdim=True).argmax(dim=2, keepdim=True)
            targets = target(batch, _of_action(following, best))
        quantiles = _of_action(self.quantile_net(batch.observations), batch.actions[..., None].long())
        return (quantile_huber_loss(quantiles, targets, sum_over_quantiles=True),)


def _of_action(quantiles: Tensor, actions: Tensor) -> Tensor:
    """(rows, quantiles, actions) and (rows, 1, 1) to (rows, quantiles)."""
    return quantiles.gather(2, actions.expand(-1, quantiles.shape[1], 1)).squeeze(2)


def _descend(algorithm: Any, descent: Descent, steps: int, batch_size: int) -> None:
    algorithm.policy.set_training_mode(True)
    algorithm._update_learning_rate(algorithm.policy.optimizer)
    losses = [descent(batch)[0] for batch in replayed(algorithm, steps, batch_size)]
    algorithm._n_updates += steps
    tell(algorithm, loss=losses)
