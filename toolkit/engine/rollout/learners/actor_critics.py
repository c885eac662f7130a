"""Off-policy actor-critics: soft actor-critic (Haarnoja et al. 2018), twin delayed DDPG (Fujimoto et al. 2018)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import stable_baselines3
import torch
import torch.nn.functional as F
from stable_baselines3.common.type_aliases import ReplayBufferSamples
from stable_baselines3.common.utils import polyak_update
from torch import Tensor

from toolkit.engine.rollout.learners.steps import Descent, Given, replayed, target, tell


class SAC(stable_baselines3.SAC):
    """Soft actor-critic."""

    def _setup_model(self) -> None:
        super()._setup_model()
        if not self.use_sde:
            self._critic_descent = Descent(self._critic_loss, self.critic)
            self._actor_descent = Descent(self._actor_loss, self.actor)

    def train(self, gradient_steps: int, batch_size: int = 64) -> None:
        """Take so many gradient steps."""
        if self.use_sde:  # noise that depends on the state is drawn anew for each step, and not recorded
            super().train(gradient_steps, batch_size)
            return
        self.policy.set_training_mode(True)
        tempering = [] if self.ent_coef_optimizer is None else [self.ent_coef_optimizer]
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer, *tempering])
        told: dict[str, list[Tensor]] = {"ent_coef": [], "critic_loss": [], "actor_loss": []}
        for step, batch in enumerate(replayed(self, gradient_steps, batch_size)):
            noise, noise_next = torch.randn_like(batch.actions), torch.randn_like(batch.actions)
            temperature = self._temperature()
            told["ent_coef"].append(temperature)
            told["critic_loss"].append(self._critic_descent(batch, noise_next, temperature)[0])
            actor_loss, chance = self._actor_descent(batch.observations, noise, temperature)
            told["actor_loss"].append(actor_loss)
            self._temper(chance)
            if step % self.target_update_interval == 0:
                polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
        self._n_updates += gradient_steps
        tell(self, **told)

    def _temperature(self) -> Tensor:
        """How much entropy is worth."""
        if self.log_ent_coef is None:
            return self.ent_coef_tensor
        return torch.exp(self.log_ent_coef.detach())

    def _temper(self, chance: Tensor) -> None:
        """Make entropy worth more where there is less of it than wanted."""
        if self.ent_coef_optimizer is not None and self.log_ent_coef is not None:
            self.log_ent_coef.grad = -(chance + float(self.target_entropy)).reshape(self.log_ent_coef.shape)
            self.ent_coef_optimizer.step()

    def _act(self, seen: Given, noise: Tensor) -> tuple[Tensor, Tensor]:
        """The actor's actions with such noise, and their log probabilities, (rows, 1)."""
        mean, log_std, _ = self.actor.get_action_dist_params(seen)  # pyright: ignore[reportArgumentType]
        drawn = mean + noise * log_std.exp()
        actions = torch.tanh(drawn)
        distribution: Any = self.actor.action_dist
        chances = distribution.proba_distribution(mean, log_std).log_prob(actions, drawn)
        return actions, chances.reshape(-1, 1)

    def _critic_loss(
        self, batch: ReplayBufferSamples, noise: Tensor, temperature: Tensor
    ) -> Sequence[Tensor]:
        with torch.no_grad():
            following, chances = self._act(batch.next_observations, noise)
            values = (
                torch.cat(self.critic_target(batch.next_observations, following), dim=1)
                .min(dim=1, keepdim=True)
                .values
            )
            targets = target(batch, values - temperature * chances)
        losses = [F.mse_loss(values, targets) for values in self.critic(batch.observations, batch.actions)]
        return (0.5 * sum(losses),)  # pyright: ignore[reportReturnType]

    def _actor_loss(self, seen: Given, noise: Tensor, temperature: Tensor) -> Sequence[Tensor]:
        actions, chances = self._act(seen, noise)
        values = torch.cat(self.critic(seen, actions), dim=1).min(dim=1, keepdim=True).values
        return (temperature * chances - values).mean(), chances.mean()


class TD3(stable_baselines3.TD3):
    """Twin delayed deep deterministic policy gradient."""

    def _setup_model(self) -> None:
        super()._setup_model()
        self._critic_descent = Descent(self._critic_loss, self.critic)
        self._actor_descent = Descent(self._actor_loss, self.actor)

    def train(self, gradient_steps: int, batch_size: int = 100) -> None:
        """Take so many gradient steps of the critics, and fewer of the actor."""
        self.policy.set_training_mode(True)
        self._update_learning_rate([self.actor.optimizer, self.critic.optimizer])
        told: dict[str, list[Tensor]] = {"critic_loss": [], "actor_loss": []}
        for batch in replayed(self, gradient_steps, batch_size):
            self._n_updates += 1
            noise = torch.randn_like(batch.actions)
            told["critic_loss"].append(self._critic_descent(batch, noise)[0])
            if self._n_updates % self.policy_delay == 0:
                told["actor_loss"].append(self._actor_descent(batch.observations)[0])
                polyak_update(self.critic.parameters(), self.critic_target.parameters(), self.tau)
                polyak_update(self.actor.parameters(), self.actor_target.parameters(), self.tau)
        tell(self, **told)

    def _critic_loss(self, batch: ReplayBufferSamples, noise: Tensor) -> Sequence[Tensor]:
        with torch.no_grad():
            noise = (noise * self.target_policy_noise).clamp(-self.target_noise_clip, self.target_noise_clip)
            following = (self.actor_target(batch.next_observations) + noise).clamp(-1, 1)
            values = (
                torch.cat(self.critic_target(batch.next_observations, following), dim=1)
                .min(dim=1, keepdim=True)
                .values
            )
            targets = target(batch, values)
        losses = [F.mse_loss(values, targets) for values in self.critic(batch.observations, batch.actions)]
        return (sum(losses),)  # pyright: ignore[reportReturnType]

    def _actor_loss(self, seen: Given) -> Sequence[Tensor]:
        return (-self.critic.q1_forward(seen, self.actor(seen)).mean(),)  # pyright: ignore[reportArgumentType]
