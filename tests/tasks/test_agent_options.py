"""A recipe's options of an agent are the arguments of its algorithm, and what means nothing to it is refused."""

from __future__ import annotations

import inspect
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.engine.agents import agent_recipe
from toolkit.engine.rollout.policies import ALGORITHMS, algorithm_class
from toolkit.engine.run import Run
from toolkit.errors import RecipeError
from toolkit.tasks.agent_options import ALGORITHM_OPTIONS, UNUSED, Options
from toolkit.tasks.agent_player import options_of
from toolkit.tasks.agent_report import _settings
from toolkit.tasks.agent_training import LIVED_IN, _unfit, prepare

STAND_INS = {"her", "action_noise_std"}
"""Of objects that the algorithm is given in their place."""
ENV = ("options.env=CartPole-v1", "train.max_steps=100")
WITHOUT_EFFECT = (
    "data.source=rows.csv",
    "model.backbone=resnet",
    "train.epochs=4",
    "train.batch_tokens=100",
    "train.gradient_accumulation_steps=2",
    "train.warmup_ratio=0.5",
    "train.optimizer=sgd",
    "train.momentum=0.5",
    "train.label_smoothing_factor=0.1",
    "train.weight_decay=0.1",
    "train.mixed_precision=bf16",
    "train.freeze=backbone",
    "train.unfreeze={epochs: 1, learning_rate: 1e-4}",
    "train.lora={r: 4}",
    "train.gradient_checkpointing=true",
    "train.compile=true",
)


def arguments(algorithm: str) -> dict[str, Any]:
    signature = inspect.signature(algorithm_class(algorithm).__init__)
    return {name: parameter.default for name, parameter in signature.parameters.items()}


def refused(folder: Path, *overrides: str) -> str:
    with pytest.raises(RecipeError) as caught:
        agent_recipe(folder, *overrides)
    return str(caught.value)


def test_every_algorithm_has_its_options() -> None:
    assert ALGORITHM_OPTIONS.keys() == ALGORITHMS.keys()
    assert all(kind.model_fields["algorithm"].default == name for name, kind in ALGORITHM_OPTIONS.items())
    assert set(LIVED_IN) - {"clip_range_schedule"} <= Options.model_fields.keys()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_options_are_the_arguments_of_the_algorithm(algorithm: str) -> None:
    theirs, fields = arguments(algorithm), ALGORITHM_OPTIONS[algorithm].model_fields
    own = fields.keys() - set(LIVED_IN) - STAND_INS
    assert own <= theirs.keys()
    assert {name: fields[name].default for name in own} == {name: theirs[name] for name in own}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("key", ["batch_size", "max_grad_norm"])
def test_keys_of_train_go_to_the_algorithms_that_have_them(algorithm: str, key: str) -> None:
    assert (key in arguments(algorithm)) == (f"train.{key}" not in ALGORITHM_OPTIONS[algorithm].unused)


@pytest.mark.parametrize(
    ("algorithm", "option", "fix"),
    [
        ("ppo", "clip_rnge=0.1", "did you mean 'clip_range'?"),
        ("ppo", "buffer_sise=10", ""),
        ("dqn", "exploration_fracton=0.1", "did you mean 'exploration_fraction'?"),
        ("dqn", "clip_range=0.1", ""),
        ("sac", "use_sd=true", "did you mean 'use_sde'?"),
        ("td3", "policy_dela=3", "did you mean 'policy_delay'?"),
    ],
)
def test_an_unknown_option_of_an_algorithm(algorithm: str, option: str, fix: str, tmp_path: Path) -> None:
    said = refused(tmp_path, *ENV, f"options.algorithm={algorithm}", f"options.{option}")
    assert f"unknown key 'options.{option.partition('=')[0]}'" in said
    assert fix in said


def test_an_unknown_algorithm_names_those_there_are(tmp_path: Path) -> None:
    said = refused(tmp_path, *ENV, "options.algorithm=ddpg")
    assert all(name in said for name in ALGORITHMS)


@pytest.mark.parametrize("override", WITHOUT_EFFECT)
def test_what_has_no_effect_says_what_to_do_instead(override: str, tmp_path: Path) -> None:
    key = override.partition("=")[0]
    key = "data" if key.startswith("data") else key
    said = refused(tmp_path, *ENV, override)
    assert f"'{key}' has no effect on reinforcement-learning; {UNUSED[key]}" in said


def test_all_that_has_no_effect_is_listed_above() -> None:
    keys = {override.partition("=")[0] for override in WITHOUT_EFFECT}
    assert {key.replace("data.source", "data") for key in keys} == UNUSED.keys()


@pytest.mark.parametrize(
    ("algorithm", "override", "fix"),
    [
        ("a2c", "train.batch_size=8", "set options.n_steps and n_envs"),
        ("sac", "train.max_grad_norm=0.5", "the algorithm clips no gradient"),
        ("td3", "train.max_grad_norm=0.5", "the algorithm clips no gradient"),
    ],
)
def test_what_one_algorithm_has_no_use_for(algorithm: str, override: str, fix: str, tmp_path: Path) -> None:
    assert fix in refused(tmp_path, *ENV, f"options.algorithm={algorithm}", override)


def test_what_an_agent_must_be_told(tmp_path: Path) -> None:
    assert "options.env" in refused(tmp_path, "train.max_steps=100")
    recipe = agent_recipe(tmp_path, "options.env=CartPole-v1", "train.lr_scheduler_type=cosine")
    with (
        pytest.raises(RecipeError) as caught,
        prepare(recipe, Run.start(recipe, tmp_path / "run")),
    ):
        pass
    assert "train.max_steps: missing key 'train.max_steps'; how many steps" in str(caught.value)
    assert "train.lr_scheduler_type: 'cosine' is no schedule of an agent's learning rate" in str(caught.value)


def test_more_processes_are_refused_with_the_way_out(tmp_path: Path) -> None:
    recipe = agent_recipe(tmp_path, *ENV)
    run: Any = SimpleNamespace(processes=2)  # a second process would have to be started for a real one
    (finding,) = _unfit(recipe, options_of(recipe), run)
    assert str(finding) == (
        "--processes: an agent learns in one process; set options.n_envs, and options.vec_env to subproc"
    )


def test_counting_episodes_needs_a_single_environment(tmp_path: Path) -> None:
    episodes = ("options.algorithm=dqn", "options.buffer_size=100", "options.train_freq=[1, episode]")
    recipe = agent_recipe(tmp_path, *ENV, *episodes, "options.n_envs=2")
    with (
        pytest.raises(
            RecipeError, match=r"options\.train_freq: counting episodes .* set options\.n_envs to 1"
        ),
        prepare(recipe, Run.start(recipe, tmp_path / "run")),
    ):
        pass
    recipe = agent_recipe(tmp_path, *ENV, *episodes, "options.n_envs=1")
    with prepare(recipe, Run.start(recipe, tmp_path / "run")) as prepared:
        assert prepared.algorithm.train_freq.unit.value == "episode"


def test_hindsight_counts_one_reward_at_a_time(tmp_path: Path) -> None:
    several = ("options.algorithm=dqn", "options.n_steps=3", "options.her={}")
    recipe = agent_recipe(tmp_path, *ENV, *several)
    with (
        pytest.raises(RecipeError, match=r"options\.n_steps: hindsight replay .* set options\.n_steps to 1"),
        prepare(recipe, Run.start(recipe, tmp_path / "run")),
    ):
        pass


def test_a_section_that_was_asked_for_is_reported_with_its_defaults(tmp_path: Path) -> None:
    recipe = agent_recipe(tmp_path, *ENV, "options.algorithm=dqn", "options.her={}", "options.gamma=0.9")
    assert _settings(options_of(recipe)) == [
        ("algorithm", "dqn"),
        ("gamma", "0.9"),
        ("her", "n_sampled_goal: 4, goal_selection_strategy: future"),
    ]
