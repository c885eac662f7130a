"""Settings that rl-baselines3-zoo publishes for plain stable-baselines3, and the returns of its table (one run each).

Source: the files ``hyperparams/{dqn,ppo,sac}.yml`` and ``benchmark.md`` of github.com/DLR-RM/rl-baselines3-zoo. A
schedule that the zoo writes ``lin_0.001`` falls from there to 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Setting(NamedTuple):
    """One line of the zoo, and the recipe that is measured beside it."""

    recipe: str
    environment: str
    algorithm: str
    steps: int
    n_envs: int
    arguments: dict[str, Any]
    published: float
    """Mean return in the zoo's table."""
    threshold: float
    """The return whose wall time is compared: the published one, or a little less where returns scatter."""


WIDE = {"net_arch": [256, 256]}
FREQUENT = {
    "learning_rate": 6.3e-4,
    "batch_size": 128,
    "buffer_size": 50_000,
    "learning_starts": 0,
    "gamma": 0.99,
    "target_update_interval": 250,
    "train_freq": 4,
    "gradient_steps": -1,
    "exploration_fraction": 0.12,
    "exploration_final_eps": 0.1,
    "policy_kwargs": WIDE,
}
SETTINGS: dict[str, Setting] = {
    "cartpole-dqn": Setting(
        "rl/cartpole-dqn",
        "CartPole-v1",
        "DQN",
        50_000,
        1,
        {
            "learning_rate": 2.3e-3,
            "batch_size": 64,
            "buffer_size": 100_000,
            "learning_starts": 1000,
            "gamma": 0.99,
            "target_update_interval": 10,
            "train_freq": 256,
            "gradient_steps": 128,
            "exploration_fraction": 0.16,
            "exploration_final_eps": 0.04,
            "policy_kwargs": WIDE,
        },
        500.0,
        475.0,
    ),
    "cartpole-ppo": Setting(
        "rl/cartpole-ppo",
        "CartPole-v1",
        "PPO",
        100_000,
        8,
        {
            "n_steps": 32,
            "batch_size": 256,
            "gae_lambda": 0.8,
            "gamma": 0.98,
            "n_epochs": 20,
            "ent_coef": 0.0,
            "learning_rate": "lin_0.001",
            "clip_range": "lin_0.2",
        },
        500.0,
        475.0,
    ),
    "acrobot": Setting("rl/acrobot", "Acrobot-v1", "DQN", 100_000, 1, FREQUENT, -76.6, -90.0),
    "mountaincar": Setting(
        "rl/mountaincar",
        "MountainCar-v0",
        "DQN",
        120_000,
        1,
        {
            "learning_rate": 4e-3,
            "batch_size": 128,
            "buffer_size": 10_000,
            "learning_starts": 1000,
            "gamma": 0.98,
            "target_update_interval": 600,
            "train_freq": 16,
            "gradient_steps": 8,
            "exploration_fraction": 0.2,
            "exploration_final_eps": 0.07,
            "policy_kwargs": WIDE,
        },
        -100.8,
        -110.0,
    ),
    "pendulum-sac": Setting(
        "rl/pendulum-sac", "Pendulum-v1", "SAC", 20_000, 1, {"learning_rate": 1e-3}, -157.0, -200.0
    ),
}
