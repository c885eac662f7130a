"""A training that was interrupted and goes on ends as one that was not, number for number."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from stable_baselines3.common.env_util import make_vec_env

from tests.engine.agents import OFF_POLICY, ON_POLICY, PPO, Trained, train_agent
from toolkit.engine.rollout.learners.values import DQN
from toolkit.engine.rollout.saving import _begin_anew

DISCRETE = ("options.env=CartPole-v1", "options.n_envs=2")
CONTINUOUS = ("options.env=Pendulum-v1", "options.n_envs=2")
ALGORITHMS: dict[str, tuple[str, ...]] = {
    "a2c": (*ON_POLICY, *DISCRETE, "options.algorithm=a2c", "options.n_steps=8"),
    "dqn": (
        *OFF_POLICY,
        *DISCRETE,
        "options.algorithm=dqn",
        "options.target_update_interval=20",
        "options.exploration_fraction=0.8",
    ),
    "dqn-episodes": (
        *OFF_POLICY,
        "options.env=CartPole-v1",
        "options.n_envs=1",
        "options.algorithm=dqn",
        "options.train_freq=[1, episode]",
        "options.gradient_steps=2",
    ),
    "dqn-several-steps": (*OFF_POLICY, *DISCRETE, "options.algorithm=dqn", "options.n_steps=3"),
    "ppo": (*PPO, *DISCRETE, "train.lr_scheduler_type=linear"),
    "ppo-normalised": (*PPO, *CONTINUOUS, "options.normalize={}"),
    "ppo-sde": (*PPO, *CONTINUOUS, "options.use_sde=true"),
    "ppo-subproc": (*PPO, *DISCRETE, "options.vec_env=subproc"),
    "qr-dqn": (
        *OFF_POLICY,
        *DISCRETE,
        "options.algorithm=qr-dqn",
        "model.config={net_arch: [8], n_quantiles: 5}",
    ),
    "recurrent-ppo": (
        *PPO,
        *DISCRETE,
        "options.algorithm=recurrent-ppo",
        "model.config={net_arch: [8], lstm_hidden_size: 8}",
    ),
    "sac": (*OFF_POLICY, *CONTINUOUS, "options.algorithm=sac"),
    "sac-sde": (*OFF_POLICY, *CONTINUOUS, "options.algorithm=sac", "options.use_sde=true"),
    "sac-full-buffer": (*OFF_POLICY, *CONTINUOUS, "options.algorithm=sac", "options.buffer_size=50"),
    "sac-normalised": (*OFF_POLICY, *CONTINUOUS, "options.algorithm=sac", "options.normalize={}"),
    "td3": (*OFF_POLICY, *CONTINUOUS, "options.algorithm=td3", "options.action_noise_std=0.1"),
}
REACH = '''
import gymnasium
import numpy as np
from gymnasium import spaces


class Reach(gymnasium.Env):
    """A point on a line goes to another one."""

    def __init__(self):
        point = spaces.Box(-10, 10, (1,))
        self.observation_space = spaces.Dict(observation=point, achieved_goal=point, desired_goal=point)
        self.action_space = spaces.Box(-1, 1, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        self.at, self.goal = self.np_random.uniform(-2, 2, (2, 1)).astype(np.float32)
        return self.seen(), {}

    def seen(self):
        return {"observation": self.at.copy(), "achieved_goal": self.at.copy(), "desired_goal": self.goal.copy()}

    def step(self, action):
        self.at = np.clip(self.at + action.astype(np.float32), -10, 10)
        self.steps += 1
        reward = float(self.compute_reward(self.at, self.goal, {}))
        return self.seen(), reward, False, self.steps == 12, {"is_success": reward == 0}

    def compute_reward(self, achieved, desired, info):
        return -(np.abs(achieved - desired).max(axis=-1) > 0.5).astype(np.float32)
'''


def require_same(one: Trained, other: Trained) -> None:
    """Weights, optimisers, buffers, positions of the environments, and all that was told on the way."""
    (tensors, state), (others, other_state) = one.last, other.last
    assert tensors.keys() == others.keys()
    for group, parts in tensors.items():
        assert parts.keys() == others[group].keys()
        for name, tensor in parts.items():
            assert torch.equal(tensor, others[group][name]), f"{group}: {name}"
    assert state == other_state
    assert one.history == other.history


def interrupted_and_whole(folder: Path, *overrides: str) -> tuple[Trained, Trained]:
    whole = train_agent(folder / "whole", *overrides, copy=folder / "cut")
    step = whole.last[1]["progress"]["step"]
    resumed = train_agent(folder / "cut", *overrides, resume=True)
    assert resumed.result.steps == step
    return resumed, whole


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_resumed_training_goes_on_exactly(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    resumed, whole = interrupted_and_whole(tmp_path, *ALGORITHMS[name])
    require_same(resumed, whole)
    said = capsys.readouterr().err
    assert "resuming at step 6" in said
    assert "warning" not in said


def test_hindsight_goes_on_exactly(tmp_path: Path) -> None:
    (tmp_path / "reach.py").write_text(REACH)
    own = (f"options.env={tmp_path / 'reach.py'}:Reach", "options.algorithm=sac", "options.her={}")
    require_same(
        *interrupted_and_whole(tmp_path, *OFF_POLICY, *own, "options.n_envs=2", "options.learning_starts=30")
    )


def test_rewards_are_not_counted_over_where_an_episode_was_left() -> None:
    envs = make_vec_env("CartPole-v1", 2, seed=0)
    algorithm = DQN("MlpPolicy", envs, n_steps=3, buffer_size=200, learning_starts=100, seed=0, device="cpu")
    algorithm.learn(60)
    buffer = algorithm.replay_buffer
    assert buffer is not None
    dones = np.array([0.0, 1.0])
    buffer.dones[buffer.pos - 1] = dones

    _begin_anew(algorithm)

    assert buffer.timeouts[buffer.pos - 1].tolist() == [1, 0]  # an episode that had ended stays ended
    assert not buffer.timeouts[buffer.pos - 2].any()
