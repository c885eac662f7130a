"""Recorded gradient steps learn what those of stable-baselines3 learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import sb3_contrib
import stable_baselines3
import torch
from stable_baselines3.common.env_util import make_vec_env

from toolkit.engine.rollout.learners import actor_critics, policy_gradients, values
from toolkit.engine.rollout.learners.acting import quicken
from toolkit.engine.rollout.learners.traced import Traced

SMALL = {"net_arch": [16, 16]}
Q = {"learning_starts": 32, "train_freq": 4, "target_update_interval": 40}
ROLLOUTS = {"n_steps": 16, "batch_size": 32, "n_epochs": 2}

CASES: Mapping[str, tuple[Any, Any, str, int, dict[str, Any]]] = {
    "dqn": (stable_baselines3.DQN, values.DQN, "CartPole-v1", 2, Q),
    "dqn of several steps": (stable_baselines3.DQN, values.DQN, "CartPole-v1", 1, {**Q, "n_steps": 3}),
    "qr-dqn": (sb3_contrib.QRDQN, values.QRDQN, "CartPole-v1", 1, Q),
    "a2c": (stable_baselines3.A2C, policy_gradients.A2C, "CartPole-v1", 2, {}),
    "a2c, continuous": (
        stable_baselines3.A2C,
        policy_gradients.A2C,
        "Pendulum-v1",
        2,
        {"normalize_advantage": True, "ent_coef": 0.01},
    ),
    "ppo": (stable_baselines3.PPO, policy_gradients.PPO, "CartPole-v1", 2, ROLLOUTS),
    "ppo, last batch smaller, values clipped": (
        stable_baselines3.PPO,
        policy_gradients.PPO,
        "CartPole-v1",
        2,
        {**ROLLOUTS, "batch_size": 20, "clip_range_vf": 0.2},
    ),
    "ppo, stopped by divergence": (
        stable_baselines3.PPO,
        policy_gradients.PPO,
        "CartPole-v1",
        2,
        {**ROLLOUTS, "learning_rate": 0.01, "target_kl": 0.002},
    ),
    "ppo, noise of the state": (
        stable_baselines3.PPO,
        policy_gradients.PPO,
        "Pendulum-v1",
        2,
        {**ROLLOUTS, "use_sde": True, "sde_sample_freq": 4},
    ),
    "sac": (stable_baselines3.SAC, actor_critics.SAC, "Pendulum-v1", 1, {"learning_starts": 32}),
    "sac, entropy of fixed worth": (
        stable_baselines3.SAC,
        actor_critics.SAC,
        "Pendulum-v1",
        1,
        {"learning_starts": 32, "ent_coef": 0.1},
    ),
    "sac, noise of the state": (
        stable_baselines3.SAC,
        actor_critics.SAC,
        "Pendulum-v1",
        1,
        {"learning_starts": 32, "use_sde": True},
    ),
    "td3": (stable_baselines3.TD3, actor_critics.TD3, "Pendulum-v1", 1, {"learning_starts": 32}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore:You have specified a mini-batch size")
def test_learns_what_stable_baselines3_learns(case: str) -> None:
    plain, recorded, env, count, settings = CASES[case]
    learnt = [_learnt(kind, env, count, settings) for kind in (plain, recorded)]

    assert learnt[0].keys() == learnt[1].keys()
    for name, weight in learnt[0].items():
        torch.testing.assert_close(learnt[1][name], weight, rtol=1e-4, atol=1e-5, msg=f"{case}: {name}")


def _learnt(kind: Any, env: str, count: int, settings: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    algorithm = kind(
        "MlpPolicy",
        make_vec_env(env, count, seed=0),
        seed=0,
        device="cpu",
        policy_kwargs=dict(SMALL),
        **settings,
    )
    before = {name: weight.clone() for name, weight in algorithm.policy.state_dict().items()}
    if kind.__module__.startswith("toolkit."):
        quicken(algorithm.policy, use_sde=algorithm.use_sde)
    algorithm.learn(96)
    after = algorithm.policy.state_dict()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    return {name: weight.clone() for name, weight in after.items()}


def test_several_steps_at_once_share_out_what_is_drawn() -> None:
    algorithm = values.DQN("MlpPolicy", "CartPole-v1", seed=0, device="cpu", learning_starts=0)
    algorithm.learn(40)
    from toolkit.engine.rollout.learners.steps import replayed

    batches = list(replayed(algorithm, 5, 8))

    assert [len(batch.rewards) for batch in batches] == [8] * 5
    drawn = torch.cat([batch.observations for batch in batches])
    known = torch.from_numpy(algorithm.replay_buffer.observations[:40, 0])
    assert all((row == known).all(dim=1).any() for row in drawn)
    assert len(drawn.unique(dim=0)) > 8
    assert all((batch.discounts == 0.99).all() for batch in batches)


def test_a_recording_sees_weights_as_they_are_now() -> None:
    layer = torch.nn.Linear(2, 1, bias=False)
    recorded = Traced(lambda row: layer(row).detach())
    row = torch.ones(1, 2)
    first = recorded(row).item()

    with torch.no_grad():
        layer.weight.mul_(3)

    assert recorded(row).item() == pytest.approx(3 * first)


def test_a_recording_is_made_for_each_shape() -> None:
    recorded = Traced(lambda rows: rows * len(rows))

    assert recorded(torch.ones(2)).tolist() == [2, 2]
    assert recorded(torch.ones(3)).tolist() == [3, 3, 3]
    assert recorded(torch.ones(2)).tolist() == [2, 2]


def test_a_recording_knows_the_parts_of_a_dict_by_name() -> None:
    recorded = Traced(lambda seen: seen["goal"] - seen["place"])
    goal, place = torch.tensor([3.0]), torch.tensor([1.0])

    assert recorded({"place": place, "goal": goal}).item() == 2
    assert recorded({"goal": goal, "place": place}).item() == 2


def test_recording_draws_no_random_numbers_of_the_training() -> None:
    recorded = Traced(torch.randn_like)
    torch.manual_seed(3)
    expected = torch.randn(4)
    torch.manual_seed(3)

    assert torch.equal(recorded(torch.zeros(4)), expected)
    assert not torch.equal(recorded(torch.zeros(4)), expected)


def test_checks_of_distributions_are_on_again_after_recording() -> None:
    Traced(lambda row: torch.distributions.Normal(row, row).sample())(torch.ones(2))

    with pytest.raises(ValueError, match="scale"):
        torch.distributions.Normal(torch.zeros(1), -torch.ones(1))


@pytest.mark.parametrize("env", ["CartPole-v1", "Pendulum-v1"])
def test_a_quickened_policy_answers_as_before(env: str) -> None:
    algorithm = policy_gradients.PPO("MlpPolicy", make_vec_env(env, 4, seed=0), seed=0, device="cpu")
    seen = algorithm.observation_space.sample()[None].repeat(4, axis=0)
    best, _ = algorithm.policy.predict(seen, deterministic=True)
    torch.manual_seed(0)
    drawn, _ = algorithm.policy.predict(seen)

    quicken(algorithm.policy, use_sde=False)

    assert (algorithm.policy.predict(seen, deterministic=True)[0] == best).all()
    torch.manual_seed(0)
    assert (algorithm.policy.predict(seen)[0] == drawn).all()


def test_a_loss_that_is_not_finite_is_refused() -> None:
    algorithm = values.DQN("MlpPolicy", "CartPole-v1", seed=0, device="cpu", learning_starts=8)
    algorithm.learn(8)
    with torch.no_grad():
        algorithm.q_net.q_net[0].weight.fill_(float("nan"))

    with pytest.raises(ValueError, match="loss is not finite"):
        algorithm.train(1, 4)
