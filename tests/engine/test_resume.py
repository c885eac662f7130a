import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.engine.tiny import Numbers, make_model, train_tiny
from toolkit.errors import ArtifactError

ROOT = Path(__file__).parents[2]
TRAIN = {"epochs": 2, "save_steps": 3}


def run_tiny(*command: str, options: dict) -> subprocess.CompletedProcess[str]:
    # The same number of threads, as another one would add floating-point numbers in another order.
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": str(torch.get_num_threads())}
    words = [sys.executable, *command, json.dumps(options)]
    return subprocess.run(words, env=env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def without_clocks(run) -> list[dict]:
    clocks = {"samples_per_second", "tokens_per_second", "peak_share", "seconds"}
    return [{key: value for key, value in line.items() if key not in clocks} for line in run.history.lines()]


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    whole, result, uninterrupted = train_tiny(tmp_path / "whole", model=make_model(0.1), **TRAIN)
    killed = run_tiny(
        "-m", "tests.engine.tiny", str(tmp_path / "cut"), options=TRAIN | {"kill": 12, "dropout": 0.1}
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (tmp_path / "cut" / "checkpoints" / "last").is_dir()
    resumed, again, run = train_tiny(tmp_path / "cut", model=make_model(0.1), resume=True, **TRAIN)
    for (name, parameter), other in zip(whole.named_parameters(), resumed.parameters(), strict=True):
        assert torch.equal(parameter, other), name
    assert without_clocks(run) == without_clocks(uninterrupted)
    assert (again.best_metric, again.best_step, again.steps) == (
        result.best_metric,
        result.best_step,
        result.steps,
    )


def test_a_finished_run_is_not_trained_further(tmp_path):
    model, result, _ = train_tiny(tmp_path, **TRAIN)
    again, second, _ = train_tiny(tmp_path, resume=True, loss=None, **TRAIN)
    assert second.steps == result.steps
    for parameter, other in zip(model.parameters(), again.parameters(), strict=True):
        assert torch.equal(parameter, other)


def test_a_run_stopped_early_stays_stopped(tmp_path):
    train = TRAIN | {"eval_steps": 1, "early_stopping_patience": 1, "learning_rate": 1e-9}
    _, result, _ = train_tiny(tmp_path, **train)
    assert result.stopped
    assert train_tiny(tmp_path, resume=True, loss=None, **train)[1].steps == result.steps


def test_resuming_before_the_first_checkpoint_starts_over_and_says_so(tmp_path, capsys):
    _, result, _ = train_tiny(tmp_path, resume=True, max_steps=2)
    assert result.steps == 2
    assert "nothing to resume from" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["model-classifier.safetensors", "optimizer-classifier.safetensors", "state.json"]
)
def test_a_cut_checkpoint_is_named(tmp_path, name):
    train_tiny(tmp_path, max_steps=2)
    path = tmp_path / "checkpoints" / "last" / name
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ArtifactError, match=rf"{name}: checkpoint file missing, cut or changed"):
        train_tiny(tmp_path, resume=True, max_steps=2)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    train_tiny(tmp_path, max_steps=2)
    with pytest.raises(ArtifactError, match=r"checkpoint is of another model: 'bert.encoder.layer.1"):
        train_tiny(tmp_path, resume=True, model=make_model(layers=1), max_steps=2)


def test_a_new_run_in_the_same_folder_forgets_the_old_one(tmp_path):
    train_tiny(tmp_path, max_steps=4)
    _, _, run = train_tiny(tmp_path, max_steps=2)
    assert [line["step"] for line in run.history.lines()] == [2, 2]


def test_two_processes_train_as_one(tmp_path):
    """Even with dropout, as two processes draw what one draws for two pieces; and when one of them has no rows."""
    train = {"batch_tokens": 12, "max_steps": 12}
    launcher = (
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "-m",
        "tests.engine.tiny",
    )
    done = run_tiny(*launcher, str(tmp_path / "two"), options=train | {"dropout": 0.1})
    assert done.returncode == 0, done.stderr
    two = load_file(tmp_path / "two" / "weights-2.safetensors")
    one, _, run = train_tiny(tmp_path / "one", model=make_model(0.1), gradient_accumulation_steps=2, **train)
    for name, parameter in one.named_parameters():
        torch.testing.assert_close(two[name], parameter.detach(), rtol=1e-3, atol=1e-4, msg=name)
    assert min(map(len, Numbers(run.recipe.train).plan(0)[:12])) == 1
    assert done.stderr.count("step 2/") == 1  # one process talks
