"""Which policy of a training is kept, and what ends a training early."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.agents import CARTPOLE, PPO, agent_recipe, train_agent
from toolkit.engine import checkpoint
from toolkit.engine.rollout.play import Episode
from toolkit.engine.rollout.policies import distinct_weights
from toolkit.engine.run import Run
from toolkit.errors import RecipeError
from toolkit.tasks.agent_training import prepare

BEST = "train.metric_for_best_model"


def test_the_best_policy_comes_back(tmp_path: Path) -> None:
    short = ("train.eval_steps=32", "train.save_steps=32")
    trained = train_agent(tmp_path, *CARTPOLE, *short, returns=[1, 9, 5, 5])
    assert (trained.result.best_metric, trained.result.best_step) == (9, 64)
    best = checkpoint.load(tmp_path / "checkpoints" / "best")
    last = checkpoint.load(tmp_path / "checkpoints" / "last")
    assert best.state["step"] == 64
    kept = distinct_weights(trained.agent.policy)
    assert all(torch.equal(kept[name], tensor) for name, tensor in best.tensors["policy"].items())
    assert not all(torch.equal(kept[name], tensor) for name, tensor in last.tensors["policy"].items())


def test_its_statistics_come_back_with_it(tmp_path: Path) -> None:
    pendulum = (*PPO, "options.env=Pendulum-v1", "options.n_envs=2", "options.normalize={}")
    trained = train_agent(tmp_path, *pendulum, returns=[9, 1])
    assert trained.result.best_step == 64
    best = checkpoint.load(tmp_path / "checkpoints" / "best").tensors["statistics"]
    last = checkpoint.load(tmp_path / "checkpoints" / "last").tensors["statistics"]
    assert np.array_equal(trained.agent.normalization.mean[""], best["mean."].numpy())
    assert np.array_equal(trained.agent.normalization.variance[""], best["variance."].numpy())
    assert not torch.equal(best["mean."], last["observation.mean"])


def test_of_equal_policies_the_one_that_learnt_longer_counts(tmp_path: Path) -> None:
    assert train_agent(tmp_path, *CARTPOLE, returns=[9, 9]).result.best_step == 128


def test_a_return_that_is_good_enough_ends_it(tmp_path: Path) -> None:
    long = ("train.max_steps=1000", "train.eval_steps=32", "train.save_steps=32")
    trained = train_agent(tmp_path, *CARTPOLE, *long, returns=[3, 20, 20, 20], stop_at=20)
    assert trained.result.stopped == "the evaluation return reached 20"
    assert [line["step"] for line in trained.evaluations] == [32, 64]
    assert trained.result.steps <= 66
    resumed = train_agent(tmp_path, *CARTPOLE, *long, returns=[], stop_at=20, resume=True)
    assert resumed.result.steps == trained.result.steps


def test_patience_ends_it(tmp_path: Path) -> None:
    long = ("train.max_steps=1000", "train.eval_steps=32", "train.early_stopping_patience=2")
    trained = train_agent(tmp_path, *CARTPOLE, *long, returns=[3, 2, 3, 3])
    assert trained.result.stopped == "no better evaluation return in 2 evaluations"
    assert [line["step"] for line in trained.evaluations] == [32, 64, 96]


def test_a_flag_of_the_environment_can_say_which_is_best(tmp_path: Path) -> None:
    fell = [(50.0, True), (3.0, False), (8.0, False), (8.0, False), (7.0, False), (60.0, True)]
    told = [Episode(0, total, 1, info={"fell": flag}) for total, flag in fell]
    asked = ("train.max_steps=192", "train.eval_steps=32", "options.report_info=[fell]")
    safest = train_agent(tmp_path, *CARTPOLE, *asked, f"{BEST}=-fell_rate", returns=told)
    assert (safest.result.best_metric, safest.result.best_step) == (0, 128)
    assert safest.evaluations[0]["validation"]["fell_rate"] == 1
    fallen = train_agent(tmp_path / "fallen", *CARTPOLE, *asked, f"{BEST}=fell_rate", returns=told)
    assert (fallen.result.best_metric, fallen.result.best_step) == (1, 192)


def test_what_was_best_is_known_after_a_break(tmp_path: Path) -> None:
    told = [Episode(0, total, 1, info={"speed": 3.0}) for total in (9.0, 5.0)]
    asked = (*CARTPOLE, "options.report_info=[speed]", f"{BEST}=-mean_speed")
    train_agent(tmp_path, *asked, "train.max_steps=64", returns=told[:1])
    resumed = train_agent(tmp_path, *asked, returns=told[1:], resume=True)
    assert (resumed.result.steps, resumed.result.best_step) == (128, 64)


def test_patience_is_with_the_metric_that_counts(tmp_path: Path) -> None:
    told = [Episode(0, total, 1, success=True) for total in (1.0, 0.0, 0.0)]
    long = ("train.max_steps=1000", "train.eval_steps=32", "train.early_stopping_patience=2")
    trained = train_agent(tmp_path, *CARTPOLE, *long, f"{BEST}=success_rate", returns=told)
    assert trained.result.stopped == "no better evaluation success_rate in 2 evaluations"


def test_a_metric_that_no_evaluation_gives(tmp_path: Path) -> None:
    recipe = agent_recipe(
        tmp_path, *CARTPOLE, "options.report_info=[fell]", f"{BEST}=fel_rate", "train.max_steps=null"
    )
    with pytest.raises(RecipeError) as caught, prepare(recipe, Run.start(recipe, tmp_path)):
        pass
    assert "train.max_steps" in str(caught.value)
    assert "unknown validation metric 'fel_rate'; did you mean 'fell_rate'?" in str(caught.value)
    with pytest.raises(RecipeError, match="unknown validation metric 'success_rate'; choose from"):
        train_agent(tmp_path / "played", *CARTPOLE, f"{BEST}=success_rate")
