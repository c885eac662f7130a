"""Agents from recipe to artifact."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import toolkit
from toolkit.artifact import Artifact
from toolkit.artifact.layout import HISTORY
from toolkit.engine.history import History
from toolkit.errors import DataError, RecipeError, ToolkitError
from toolkit.metrics.glossary import show

FEW = ("options.n_eval_episodes=1", "options.n_test_episodes=3")
SHORT = ("train.max_steps=512", *FEW)

WALK = """
import gymnasium
import numpy as np


class Walk(gymnasium.Env):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 8}
    observation_space = gymnasium.spaces.Box(0.0, 1.0, (1,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, length=10, render_mode=None):
        self.length, self.render_mode, self.place = length, render_mode, 0

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.place = int(self.np_random.integers(self.length // 2))
        return self._seen(), {}

    def step(self, action):
        self.place = max(0, self.place + (1 if action else -1))
        done = self.place >= self.length
        return self._seen(), 1.0 if done else -0.05, done, False, {"is_success": done}

    def render(self):
        picture = np.zeros((40, 40 * (self.length + 1), 3), np.uint8)
        picture[:, 40 * min(self.place, self.length) :][:, :40] = 255
        return picture

    def _seen(self):
        return np.array([min(self.place / self.length, 1.0)], np.float32)
"""


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """An agent that learnt in a class of a user's own."""
    folder = tmp_path_factory.mktemp("walk")
    (folder / "walk.py").write_text(WALK)
    changes = (
        f"options.env={folder / 'walk.py'}:Walk",
        "options.max_episode_steps=50",
        "options.n_steps=256",
    )
    more = (
        "train.max_steps=4096",
        "train.learning_rate=3e-3",
        "options.n_envs=4",
        "options.n_test_episodes=20",
    )
    return toolkit.train("reinforcement-learning", *changes, *more, out=folder / "run")


def test_an_environment_of_ones_own_is_learnt(walked: Artifact) -> None:
    assert walked.metrics["test"]["success_rate"]["value"] == 1.0
    assert walked.metrics["random_policy"]["success_rate"]["value"] < 1.0


def test_what_a_run_leaves(walked: Artifact) -> None:
    report = walked.report.read_text()
    assert report.count("data:video/mp4") == 2
    assert "Actions at random get" in report
    card = (walked.model_folder / "README.md").read_text()
    assert "stable-baselines3" in card
    assert str(walked.folder.parent) not in card
    assert walked.manifest["data"]["source"] == "walk.py:Walk"


def test_an_episode_is_predicted_from_its_seed(walked: Artifact) -> None:
    one = walked.predict(7)
    assert one == walked.predict([7, 8])[0]
    assert one["seed"] == 7
    assert one["success"] is True


@pytest.mark.parametrize("seed", ["seven", -1, 2**40])
def test_what_is_no_seed_is_named(walked: Artifact, seed: Any) -> None:
    with pytest.raises(DataError, match=str(seed)):
        walked.predict([3, seed])


def test_rows_are_refused(walked: Artifact) -> None:
    with pytest.raises(DataError, match="leave out --data"):
        walked.evaluate("rows.csv")


def test_check_predicts_time_and_memory() -> None:
    report = toolkit.check("rl/cartpole-ppo")
    assert report.ok
    assert 1 < report.predicted["seconds"] < 3600
    assert report.predicted["steps"] == 100_000


@pytest.mark.parametrize("algorithm", ["a2c", "dqn", "qr-dqn", "recurrent-ppo"])
def test_the_tasks_defaults_go_with_every_algorithm(algorithm: str, tmp_path: Path) -> None:
    artifact = toolkit.train(
        "reinforcement-learning", f"options.algorithm={algorithm}", *SHORT, out=tmp_path / "run"
    )
    assert artifact.metrics["test"]["rows"] == 3


def test_runs_of_other_seeds_are_in_the_report(tmp_path: Path) -> None:
    for seed in (0, 1):
        run = toolkit.train("rl/cartpole-ppo", *SHORT, f"train.seed={seed}", out=tmp_path / f"seed{seed}")
    other = toolkit.train("rl/cartpole-ppo", *SHORT, "options.gamma=0.9", out=tmp_path / "other")
    assert "2 seeds" in run.report.read_text()
    assert "Only one seed" in other.report.read_text()


def test_the_report_says_by_what_the_policy_was_kept(walked: Artifact, tmp_path: Path) -> None:
    shortest = ("train.eval_steps=256", "train.metric_for_best_model=-mean_length")
    run = toolkit.train("rl/cartpole-ppo", *SHORT, *shortest, out=tmp_path / "run")
    evaluations = [line for line in History(run.folder / HISTORY).lines() if "validation" in line]
    lengths = {line["step"]: line["validation"]["mean_length"] for line in evaluations}
    least = min(lengths.values())
    kept = max(step for step, length in lengths.items() if length == least)
    report = run.report.read_text()
    assert f"the policy of step {kept:,} was kept: its mean episode length was the lowest" in report
    assert f"kept: {show('mean_length', least)}" in report
    assert "was kept: its" not in walked.report.read_text()


@pytest.mark.parametrize(
    "changes",
    [
        ("rl/cartpole-ppo", "options.normalize.norm_obs=true"),
        ("rl/cartpole-dqn", "options.learning_starts=64"),
        ("rl/pendulum-sac", "options.learning_starts=400"),
    ],
    ids=["ppo", "dqn", "sac"],
)
def test_the_policy_is_exported(changes: tuple[str, ...], tmp_path: Path) -> None:
    import onnxruntime

    run = toolkit.train(changes[0], *changes[1:], *SHORT, out=tmp_path / "run")
    session = onnxruntime.InferenceSession(str(run.export() / "model.onnx"))
    agent: Any = run.predictor.agent
    seen = np.random.default_rng(0).normal(size=(5, *agent.observation_space.shape)).astype(np.float32)
    exported = np.asarray(session.run(None, {"observation": seen})[0])
    assert np.allclose(exported, agent.act(seen)[0], atol=1e-4)


def test_a_policy_that_remembers_is_not_exported(tmp_path: Path) -> None:
    run = toolkit.train(
        "reinforcement-learning", "options.algorithm=recurrent-ppo", *SHORT, out=tmp_path / "run"
    )
    with pytest.raises(ToolkitError, match="remembers"):
        run.export()


def test_several_problems_come_at_once(tmp_path: Path) -> None:
    changes = ("train.epochs=7", "options.n_step=3", "train.lora.r=4")
    with pytest.raises(RecipeError) as caught:
        toolkit.train("rl/cartpole-ppo", *changes, out=tmp_path / "run")
    message = str(caught.value)
    assert "did you mean 'n_steps'" in message
    assert "train.max_steps" in message
    assert "train.lora" in message


def test_history_tells_where_the_time_goes(walked: Artifact) -> None:
    seconds = walked.manifest["data"]["seconds"]
    assert {"environment", "learning", "evaluation", "choosing actions"} <= seconds.keys()
    assert sum(seconds.values()) == pytest.approx(walked.manifest["fit"]["seconds"], rel=0.1)
    lines = [json.loads(line) for line in (walked.folder / "history.jsonl").read_text().splitlines()]
    assert all(np.isfinite(line["seconds"]) for line in lines)
