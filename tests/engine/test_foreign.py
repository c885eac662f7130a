from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import pytest
from stable_baselines3 import PPO

import toolkit
from toolkit.engine.rollout.agent import Agent
from toolkit.errors import InputError, ModelError
from toolkit.run import import_model


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[PPO, Path]:
    model = PPO("MlpPolicy", "CartPole-v1", policy_kwargs={"net_arch": [16]}, seed=3, device="cpu")
    path = tmp_path_factory.mktemp("foreign") / "agent.zip"
    model.save(path)
    return model, path


RECIPE = ("rl/cartpole-ppo", "model.config.net_arch=[16]")


def test_an_imported_agent_acts_as_the_one_that_was_saved(saved: tuple[PPO, Path], tmp_path: Path) -> None:
    model, path = saved
    folder, about = import_model(path, *RECIPE, out=tmp_path / "model")
    observations = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    assert np.array_equal(
        Agent.load(folder).act(observations)[0], model.predict(observations, deterministic=True)[0]
    )
    assert about["policy_kwargs"] == {"net_arch": [16]}
    assert {file.name for file in folder.iterdir()} == {"config.json", "model.safetensors"}


def test_a_training_can_begin_from_it(saved: tuple[PPO, Path], tmp_path: Path) -> None:
    folder, _ = import_model(saved[1], *RECIPE, out=tmp_path / "model")
    few = ("train.max_steps=256", "options.n_eval_episodes=1", "options.n_test_episodes=2")
    artifact = toolkit.train("rl/cartpole-ppo", f"model.name={folder}", *few, out=tmp_path / "run")
    assert artifact.metrics["test"]["rows"] == 2


def test_another_network_is_refused_with_what_the_zip_says_of_its_own(
    saved: tuple[PPO, Path], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"\[16\]"):
        import_model(saved[1], "rl/cartpole-ppo", out=tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_code_in_the_weights_is_not_run(saved: tuple[PPO, Path], tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",))

    path = tmp_path / "evil.zip"
    with zipfile.ZipFile(saved[1]) as good, zipfile.ZipFile(path, "w") as bad:
        bad.writestr("data", good.read("data"))
        bad.writestr("policy.pth", pickle.dumps(Evil()))
    with pytest.raises(ModelError, match="not an agent of stable-baselines3"):
        import_model(path, *RECIPE, out=tmp_path / "model")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("name", "content"), [("a.zip", b"no zip"), ("missing.zip", None)])
def test_other_files_are_named(name: str, content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelError, match=re.escape(name)):
        import_model(path, *RECIPE, out=tmp_path / "model")


def test_a_task_that_imports_nothing_says_how_models_are_named(
    saved: tuple[PPO, Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"model\.name="):
        import_model(saved[1], "nlp/reviews", out=tmp_path / "model")


def test_nothing_is_overwritten(saved: tuple[PPO, Path], tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    with pytest.raises(InputError, match="not an empty folder"):
        import_model(saved[1], *RECIPE, out=tmp_path)
