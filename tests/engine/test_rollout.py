"""Agents learn in real environments, are kept without pickles, and act as they did."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from safetensors import safe_open
from stable_baselines3.common.vec_env import VecNormalize

from tests.engine.agents import CARTPOLE, OFF_POLICY, ON_POLICY, PPO, agent_recipe, train_agent
from tests.envs.faulty import FAULTY, write_faulty
from toolkit.engine.rollout.agent import Agent
from toolkit.engine.rollout.build import agent_of, build_algorithm, give_weights
from toolkit.engine.rollout.clock import Clock
from toolkit.engine.rollout.play import Arena, watch
from toolkit.engine.rollout.policies import build_policy, distinct_weights, policy_arguments, policy_class
from toolkit.engine.run import Run
from toolkit.envs.making import EnvSpec
from toolkit.envs.vector import make_environments
from toolkit.errors import EnvironmentFault, ModelError, RecipeError, TrainingError
from toolkit.tasks.agent_training import prepare

NUMBERS = spaces.Box(-1, 1, (4,))
PICTURES = spaces.Box(0, 255, (4, 40, 40), np.uint8)
TWO = spaces.Discrete(2)
PUSH = spaces.Box(-2, 2, (1,))
SAVED: dict[str, tuple[str, spaces.Space[Any], dict[str, Any]]] = {
    "a2c": ("a2c", TWO, {}),
    "dqn": ("dqn", TWO, {"net_arch": [8]}),
    "ppo": ("ppo", PUSH, {"net_arch": {"pi": [8], "vf": [6]}, "activation_fn": "elu"}),
    "ppo-switches": ("ppo", spaces.MultiBinary(3), {}),
    "ppo-choices": ("ppo", spaces.MultiDiscrete([2, 3]), {}),
    "qr-dqn": ("qr-dqn", TWO, {"n_quantiles": 5}),
    "recurrent-ppo": ("recurrent-ppo", TWO, {"lstm_hidden_size": 8}),
    "sac": ("sac", PUSH, {"net_arch": [8]}),
    "td3": ("td3", PUSH, {"net_arch": [8]}),
}


def fresh(algorithm: str, actions: spaces.Space[Any], config: dict[str, Any], **given: Any) -> Agent:
    network, seen = given.pop("network", "mlp"), given.pop("seen", NUMBERS)
    torch.manual_seed(3)  # weights with which episodes differ, whatever was drawn before
    policy = build_policy(algorithm, network, seen, actions, config, **given)
    return Agent(algorithm, network, config, policy, use_sde=given.get("use_sde", False))


@pytest.mark.parametrize("name", SAVED)
def test_a_saved_agent_acts_as_before(name: str, tmp_path: Path) -> None:
    agent = fresh(*SAVED[name])
    agent.save(tmp_path)
    again = Agent.load(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"config.json", "model.safetensors"}
    assert (again.observation_space, again.action_space) == (agent.observation_space, agent.action_space)
    seen = np.random.default_rng(0).uniform(-1, 1, (20, 4)).astype(np.float32)
    assert np.array_equal(agent.act(seen)[0], again.act(seen)[0])
    assert agent.scores(seen[0]) == again.scores(seen[0])


def test_noise_that_depends_on_the_state_is_kept(tmp_path: Path) -> None:
    agent = fresh("ppo", PUSH, {}, use_sde=True)
    agent.save(tmp_path)
    again = Agent.load(tmp_path)
    assert again.use_sde
    assert torch.equal(again.policy.state_dict()["log_std"], agent.policy.state_dict()["log_std"])


def test_pictures_are_looked_at_by_one_network(tmp_path: Path) -> None:
    agent = fresh("ppo", TWO, {"features_dim": 16}, network="cnn", seen=PICTURES)
    agent.save(tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as file:
        first = [name for name in file.keys() if re.search(r"cnn\.0\.weight$", name)]  # noqa: SIM118
    assert len(first) == 1
    again = Agent.load(tmp_path)
    assert [tuple(t.shape) for t in distinct_weights(again.policy).values()] == [
        tuple(t.shape) for t in distinct_weights(agent.policy).values()
    ]
    seen = np.random.default_rng(0).integers(0, 255, (3, 4, 40, 40)).astype(np.uint8)
    assert np.array_equal(agent.act(seen)[0], again.act(seen)[0])
    parts = (
        again.policy.features_extractor,
        again.policy.pi_features_extractor,
        again.policy.vf_features_extractor,
    )
    assert parts[0] is parts[1] is parts[2]


@pytest.mark.parametrize(("name", "keyed"), [("Pendulum-v1", False), ("parking-v0", True)])
def test_observations_are_normalised_as_in_training(name: str, keyed: bool, tmp_path: Path) -> None:
    envs = VecNormalize(make_environments(EnvSpec(name), 2, 0), clip_obs=1.5)
    algorithm, _ = build_algorithm(
        "sac", envs, "mlp", {"net_arch": [8]}, {"buffer_size": 100, "device": "cpu"}
    )
    envs.reset()
    for _ in range(30):
        envs.step(np.stack([envs.action_space.sample() for _ in range(2)]))
    agent_of(algorithm, "sac", "mlp", {"net_arch": [8]}).save(tmp_path)
    again = Agent.load(tmp_path)
    seen: Any = envs.get_original_obs()
    expected: Any = envs.normalize_obs(seen)
    found = again.normalization(seen)
    for key in expected if keyed else [...]:
        assert np.array_equal(found[key], expected[key])
        assert found[key].dtype == np.float32
    inputs = again.policy.predict(expected, deterministic=True)[0]
    assert np.allclose(again.act(seen)[0], inputs, atol=1e-6)
    envs.close()


@pytest.mark.parametrize(("env", "most"), [("CartPole-v1", None), ("LunarLander-v3", 60)])
def test_an_episode_is_the_same_alone_and_among_others(env: str, most: int | None) -> None:
    spec = EnvSpec(env, max_episode_steps=most)
    probe = make_environments(spec, 1, 0)
    agent = fresh("ppo", probe.action_space, {}, seen=probe.observation_space)
    probe.close()
    seeds = list(range(100, 111))
    arena, alone = Arena(spec), Arena(spec)
    together = arena.play(agent, seeds)
    assert [episode.seed for episode in together] == seeds
    assert len({episode.total for episode in together}) > 2
    assert [alone.play(agent, [seed])[0] for seed in seeds] == together
    assert arena.play(agent, seeds[::-1]) == together[::-1]
    arena.close()
    alone.close()


def test_what_is_remembered_belongs_to_a_row_and_an_episode() -> None:
    agent = fresh("recurrent-ppo", PUSH, {"lstm_hidden_size": 8})
    seen = np.random.default_rng(0).uniform(-1, 1, (5, 3, 4)).astype(np.float32)
    state, first, acts = None, np.ones(3, dtype=bool), []
    for rows in seen:
        chosen, state = agent.act(rows, state, first)
        acts.append(chosen)
        first = np.zeros(3, dtype=bool)
    state, first = None, np.ones(1, dtype=bool)
    for step, rows in enumerate(seen):
        chosen, state = agent.act(rows[1:2], state, first)
        assert np.allclose(chosen[0], acts[step][1], atol=1e-6)
        first = np.zeros(1, dtype=bool)
    forgetful, _ = agent.act(seen[-1], state, np.ones(3, dtype=bool))
    assert np.allclose(forgetful, agent.act(seen[-1], None, np.ones(3, dtype=bool))[0])
    assert not np.allclose(forgetful, acts[-1], atol=1e-6)
    spec = EnvSpec("Pendulum-v1", max_episode_steps=20)
    player = fresh("recurrent-ppo", PUSH, {"lstm_hidden_size": 8}, seen=spaces.Box(-8, 8, (3,)))
    together = Arena(spec).play(player, list(range(10)))
    assert [Arena(spec).play(player, [seed])[0] for seed in range(10)] == together


def test_an_episode_that_is_watched_is_the_one_that_was_played() -> None:
    agent = fresh("dqn", TWO, {"net_arch": [8]}, seen=spaces.Box(-5, 5, (4,)))
    (episode,) = Arena(EnvSpec("CartPole-v1")).play(agent, [7])
    frames = list(watch(agent, EnvSpec("CartPole-v1"), 7))
    assert len(frames) == episode.length + 1
    assert frames[-1].total == episode.total
    assert frames[-1].action is None
    for frame in frames[:-1]:
        assert frame.scores[str(frame.action)] == max(frame.scores.values())
        assert frame.picture.dtype == np.uint8
    with pytest.raises(EnvironmentFault, match="its observations are 3 numbers; the agent knows 4 numbers"):
        next(watch(agent, EnvSpec("Pendulum-v1"), 7))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("raise", "step raised ValueError: no such move (episode of seed 9, step 2)"),
        ("no-reward", "step raised TypeError"),
        ("nan-reward", "not finite (NaN or infinite) (episode of seed 9, step 2)"),
        ("reset", "reset raised RuntimeError: the robot fell over (episode of seed 9, step 0)"),
        (
            "nan-reset",
            "reset gave an observation that is not finite (NaN or infinite) (episode of seed 9, step 0)",
        ),
    ],
)
def test_an_environment_that_breaks_while_playing(fault: str, said: str, tmp_path: Path) -> None:
    spec = EnvSpec(write_faulty(tmp_path), {"fault": fault})
    agent = fresh("dqn", TWO, {}, seen=spaces.Box(-5, 5, (2,)))
    arena = Arena(spec)
    if "reset" in fault:  # its first one goes well
        arena.play(agent, [9])
    with pytest.raises(EnvironmentFault) as caught:
        arena.play(agent, [9])
    assert said in str(caught.value)


def _pickled(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "policy.pt")


def _zipped(folder: Path) -> None:
    for path in list(folder.iterdir()):
        path.unlink()
    (folder / "best_model.zip").write_bytes(b"PK\x05\x06" + bytes(18))


def _of_text(folder: Path) -> None:
    (folder / "config.json").write_text('{"model_type": "bert"}')


def _cut_config(folder: Path) -> None:
    config = folder / "config.json"
    config.write_bytes(config.read_bytes()[:-9])


def _cut_weights(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-9])


def _other_layers(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(data | {"config": {"net_arch": [9]}}))


def _more_layers(folder: Path) -> None:
    data = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(data | {"config": {"net_arch": [8, 8]}}))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (shutil.rmtree, "no such folder"),
        (_pickled, "its weights are in policy.pt, a format that can run code"),
        (_zipped, "its weights are in best_model.zip, a format that can run code"),
        (_of_text, "not the configuration of an agent"),
        (_cut_config, "not the configuration of an agent"),
        (_cut_weights, "cannot be read"),
        (_other_layers, "cannot be read"),
        (_more_layers, "cannot be read"),
    ],
)
def test_a_folder_that_is_no_agent(damage: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    fresh("dqn", TWO, {"net_arch": [8]}).save(folder)
    damage(folder)
    with pytest.raises(ModelError, match=re.escape(said)):
        Agent.load(folder)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"net_arhc": [8]}, "model.config.net_arhc: unknown key 'net_arhc'; did you mean 'net_arch'?"),
        ({"n_quantiles": 8}, "model.config.n_quantiles: unknown key 'n_quantiles'; choose from"),
        ({"optimizer_class": "SGD"}, "unknown key 'optimizer_class'"),
        ({"activation_fn": "rellu"}, "unknown activation 'rellu'; did you mean 'relu'?"),
        ({"activation_fn": "nn.ReLU"}, "model.config.activation_fn: unknown activation 'nn.ReLU'"),
        ({"net_arch": "64"}, "model.config.net_arch: '64' is no list of layers; give sizes"),
        ({"net_arch": [64, 0]}, "[64, 0] is no list of layers"),
        ({"net_arch": [64, 2.5]}, "is no list of layers"),
        ({"net_arch": {"policy": [8]}}, "is no list of layers"),
    ],
)
def test_settings_of_a_policy_that_mean_nothing(config: dict[str, Any], said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        policy_arguments(policy_class("ppo", "mlp", NUMBERS), config)


def test_wrong_values_come_together() -> None:
    with pytest.raises(RecipeError) as caught:
        policy_arguments(policy_class("ppo", "mlp", NUMBERS), {"net_arch": 3, "activation_fn": "x"})
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("cnn", "model.name: scratch:cnn needs pictures to look at; use scratch:mlp"),
        ("mpl", "did you mean 'mlp'?"),
    ],
)
def test_a_network_that_does_not_fit(network: str, said: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(said)):
        policy_class("ppo", network, NUMBERS)


@pytest.mark.parametrize(
    ("algorithm", "actions", "fix"),
    [
        ("dqn", PUSH, "use a2c, ppo, recurrent-ppo, sac, td3"),
        ("sac", TWO, "use a2c, dqn, ppo, qr-dqn, recurrent-ppo"),
        ("td3", spaces.MultiBinary(2), "use a2c, ppo, recurrent-ppo"),
        ("ppo", spaces.Dict(a=TWO), "no algorithm can"),
    ],
)
def test_an_algorithm_names_those_that_fit(algorithm: str, actions: spaces.Space[Any], fix: str) -> None:
    from toolkit.engine.rollout.policies import require_actions

    with pytest.raises(EnvironmentFault) as caught:
        require_actions(algorithm, actions)
    kind = type(actions).__name__
    assert (
        str(caught.value) == f"options.algorithm: {algorithm} cannot choose actions of the kind {kind}; {fix}"
    )


def test_hindsight_without_goals_and_before_an_episode(tmp_path: Path) -> None:
    sac = (*OFF_POLICY, "options.algorithm=sac", "options.her={}")
    with pytest.raises(EnvironmentFault, match="hindsight replay needs an environment with goals"):
        train_agent(tmp_path, *sac, "options.env=Pendulum-v1")
    with pytest.raises(TrainingError, match=r"raise options\.learning_starts .*nothing was kept yet"):
        train_agent(tmp_path, *sac, "options.env=parking-v0")


def test_settings_that_stable_baselines3_refuses(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"options: .*ppo's settings"):
        train_agent(tmp_path, *PPO, "options.env=CartPole-v1", "options.n_steps=1")


def test_history_tells_how_it_went(tmp_path: Path) -> None:
    trained = train_agent(tmp_path, *CARTPOLE)
    lines = [line for line in trained.history if "validation" not in line]
    assert [line["step"] for line in lines] == [32, 64, 96, 128]
    assert {"episode_return", "episode_length", "loss", "entropy_loss"} <= lines[-1].keys()
    assert [line["step"] for line in trained.evaluations] == [64, 128]
    told = trained.evaluations[0]
    assert told["validation"]["mean_return"] == sum(told["returns"]) / len(told["returns"])


@pytest.mark.parametrize("kept", [True, False])
def test_an_environment_that_breaks_can_be_mended(
    kept: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own"
    name = write_faulty(own)
    broken = FAULTY.replace(
        "self.steps += 1\n", "self.steps += 1\n        self.at += 1\n        1 / (self.at - 97)\n"
    )
    whole = train_agent(tmp_path / "whole", *PPO, f"options.env={name}")
    (own / "mine.py").write_text(broken)
    saving = "train.save_steps=32" if kept else "train.save_steps=1000"
    with pytest.raises(TrainingError) as caught:
        train_agent(tmp_path / "run", *PPO, f"options.env={name}", saving)
    said = r"environment 0, episode \d, step \d: step raised ZeroDivisionError: division by zero"
    place = r"kept up to step 80: mend it, then go on with --resume" if kept else "nothing was kept yet"
    assert re.fullmatch(rf"{said} \({place}\)", str(caught.value).replace("step 64", "step 80"))
    write_faulty(own)
    resumed = train_agent(tmp_path / "run", *PPO, f"options.env={name}", resume=True)
    assert resumed.result.steps == whole.result.steps == 128
    assert [line["step"] for line in resumed.evaluations] == [64, 128]
    assert ("resuming at step" in capsys.readouterr().err) == kept


def test_weights_that_are_not_numbers_stop_it(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"weights are not finite any more; lower train\.learning_rate"):
        train_agent(tmp_path, *CARTPOLE, "train.learning_rate=1e30")


def test_a_training_begins_from_another_ones_agent(tmp_path: Path) -> None:
    pendulum = (*PPO, "options.env=Pendulum-v1", "options.n_envs=2", "options.normalize={}")
    first = train_agent(tmp_path / "first", *pendulum)
    folder = tmp_path / "agent"
    folder.mkdir()
    first.agent.save(folder)
    recipe = agent_recipe(tmp_path / "second", *pendulum, f"model.name={folder}", "model.config={}")
    with prepare(recipe, Run.start(recipe, tmp_path / "second")) as prepared:
        begun = prepared.agent()
        for name, tensor in distinct_weights(first.agent.policy).items():
            assert torch.equal(distinct_weights(begun.policy)[name], tensor)
        assert np.array_equal(begun.normalization.mean[""], first.agent.normalization.mean[""])
        with pytest.raises(RecipeError, match="the agent to begin from has another algorithm"):
            give_weights(prepared.algorithm, fresh("ppo", TWO, {}))


def test_an_agent_that_is_begun_from_keeps_its_layers(tmp_path: Path) -> None:
    fresh("ppo", TWO, {}).save(tmp_path)
    recipe = agent_recipe(tmp_path / "run", *ON_POLICY, "options.env=CartPole-v1", f"model.name={tmp_path}")
    with (
        pytest.raises(ModelError, match=r"model\.config: an agent that is begun from has its own"),
        prepare(recipe, Run.start(recipe, tmp_path / "run")),
    ):
        pass


def test_time_is_counted_once() -> None:
    clock = Clock()
    rest = clock.timed("rest", time.sleep)
    with clock.on("whole"):
        rest(0.05)
        with clock.on("part"):
            time.sleep(0.02)
    with pytest.raises(ZeroDivisionError), clock.on("whole"):
        _ = 1 / 0
    assert clock.seconds["rest"] == pytest.approx(0.05, abs=0.02)
    assert clock.seconds["part"] == pytest.approx(0.02, abs=0.015)
    assert clock.seconds["whole"] < 0.02
