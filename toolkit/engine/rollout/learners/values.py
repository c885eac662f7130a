"""Deep Q-learning: what each action is worth (Mnih et al. 2015), or how that is distributed (Dabney et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sb3_contrib
import stable_baselines3
import torch
import torch.nn.functional as F
from sb3_contrib.common.utils import quantile_huber_loss
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from torch import Tensor

from toolkit.engine.rollout.learners.steps import Descent, Given, in_turn, replayed, target, tell
from toolkit.engine.rollout.learners.traced import Traced

ROWS = 1024
"""Whose targets are found at once: what the layers make of more would not stay in a processor's cache."""


class Lesson(NamedTuple):
    """What actions were found to be worth: the network that says so stays as it is while ``train`` runs."""

    observations: Given
    actions: Tensor
    targets: Tensor


class DQN(stable_baselines3.DQN):
    """Deep Q-learning."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self._descent = Descent(self._loss, self.policy, self.max_grad_norm)
        self._found = Traced(self._targets)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Take so many gradient steps."""
        _descend(self, self._descent, self._found, gradient_steps, batch_size)

    def _targets(self, drawn: ReplayBufferSamples) -> Tensor:
        with torch.no_grad():
            best = self.q_net_target(drawn.next_observations).max(dim=1, keepdim=True).values
            return target(drawn, best)

    def _loss(self, lesson: Lesson) -> Sequence[Tensor]:
        values = self.q_net(lesson.observations).gather(1, lesson.actions.long())
        return (F.smooth_l1_loss(values, lesson.targets),)


class QRDQN(sb3_contrib.QRDQN):
    """Quantile regression DQN."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self._descent = Descent(self._loss, self.policy, self.max_grad_norm)
        self._found = Traced(self._targets)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Take so many gradient steps."""
        _descend(self, self._descent, self._found, gradient_steps, batch_size)

    def _targets(self, drawn: ReplayBufferSamples) -> Tensor:
        with torch.no_grad():
            following = self.quantile_net_target(drawn.next_observations)
            best = following.mean(dim=1, keepdim=True).argmax(dim=2, keepdim=True)
            return target(drawn, _of_action(following, best))

    def _loss(self, lesson: Lesson) -> Sequence[Tensor]:
        quantiles = _of_action(self.quantile_net(lesson.observations), lesson.actions[..., None].long())
        return (quantile_huber_loss(quantiles, lesson.targets, sum_over_quantiles=True),)


def _of_action(quantiles: Tensor, actions: Tensor) -> Tensor:
    """(rows, quantiles, actions) and (rows, 1, 1) to (rows, quantiles)."""
    return quantiles.gather(2, actions.expand(-1, quantiles.shape[1], 1)).squeeze(2)


def _descend(algorithm: Any, descent: Descent, targets: Traced, steps: int, batch_size: int) -> None:
    def lessons(drawn: ReplayBufferSamples) -> Lesson:
        found = torch.cat([targets(part) for part in in_turn(drawn, ROWS)])
        return Lesson(drawn.observations, drawn.actions, found)

    algorithm.policy.set_training_mode(True)
    algorithm._update_learning_rate(algorithm.policy.optimizer)
    losses = [descent(lesson)[0] for lesson in replayed(algorithm, steps, batch_size, lessons)]
    algorithm._n_updates += steps
    tell(algorithm, loss=losses)
