"""The same promises for every task of the table; the numbers are those of the design's list."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import toolkit
from tests.tasks.case import Bad, Case
from tests.tasks.cases import CASES
from toolkit.artifact import Artifact
from toolkit.artifact.card_check import unsupported_numbers
from toolkit.demo.inputs import INPUTS
from toolkit.errors import InputError, ModelError
from toolkit.tasks import TABLE

ROOT = Path(__file__).parents[2]
PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npy"}
BAD = [pytest.param(task, bad, id=f"{task}-{bad.name}") for task, case in CASES.items() for bad in case.bad]

each_task = pytest.mark.parametrize("task", sorted(TABLE))


def test_every_task_of_the_table_is_here() -> None:
    assert CASES.keys() == TABLE.keys()


@pytest.fixture(scope="module")
def learned(
    small: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Artifact]:
    """The task's pretrained sample, trained for a few steps on its sample data; once a task."""
    made: dict[str, Artifact] = {}

    def learn(task: str) -> Artifact:
        if task not in made:
            case, folder = CASES[task], tmp_path_factory.mktemp("learned") / "run"
            model = [f"model.name={small(task)}"] if case.learns_small else []
            made[task] = toolkit.train(case.recipe, *case.learning, *model, out=folder)
        return made[task]

    return learn


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    made: dict[str, Path] = {}

    def build(task: str) -> Path:
        if task not in made:
            made[task] = CASES[task].small(tmp_path_factory.mktemp("small"))
        return made[task]

    return build


def history(run: Path, key: str) -> list[float]:
    lines = [json.loads(line) for line in (run / "history.jsonl").read_text().splitlines()]
    return [line[key] for line in lines if key in line]


def weights(run: Path) -> dict[str, np.ndarray]:
    return load_file(run / "model" / "model.safetensors")


def command(case: Case, model: Path, out: Path, *more: str) -> list[str]:
    argv = [sys.executable, "-m", "toolkit", "train", case.recipe, *case.steps, f"model.name={model}"]
    return [*argv, "--out", str(out), *more]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def train_small(
    case: Case, model: Path, out: Path, *more: str, resume: bool = False
) -> dict[str, np.ndarray]:
    """Weights of a small training in this process, on one thread as those in processes of their own."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        toolkit.train(case.recipe, *case.steps, *more, f"model.name={model}", out=out, resume=resume)
    finally:
        torch.set_num_threads(threads)
    return weights(out)


@pytest.fixture(scope="module")
def uninterrupted(
    small: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], tuple[Path, dict[str, np.ndarray]]]:
    """The small training of a task as it is without interruption, in one piece and one process; once a task."""
    made: dict[str, tuple[Path, dict[str, np.ndarray]]] = {}

    def train(task: str) -> tuple[Path, dict[str, np.ndarray]]:
        if task not in made:
            folder = tmp_path_factory.mktemp("whole") / "run"
            made[task] = folder, train_small(CASES[task], small(task), folder)
        return made[task]

    return train


@each_task
def test_1_it_learns(task: str, learned: Callable[[str], Artifact]) -> None:
    signal = CASES[task].signal
    told = history(learned(task).folder, signal)
    assert len(told) >= 4
    if signal == "loss":
        assert np.mean(told[-2:]) < 0.97 * told[0]
    else:
        assert np.mean(told[-2:]) > 1.5 * told[0]


@each_task
def test_2_a_loaded_run_predicts_the_same(task: str, learned: Callable[[str], Artifact]) -> None:
    artifact = learned(task)
    inputs = [example[artifact.signature.input.name] for example in artifact.examples]
    loaded = toolkit.load(artifact.folder)
    assert loaded.predict(inputs) == artifact.predict(inputs)
    assert loaded.evaluate() == artifact.metrics["test"]


@each_task
def test_2_the_demo_gives_the_evaluations_predictions(task: str, learned: Callable[[str], Artifact]) -> None:
    artifact = toolkit.load(learned(task).folder)
    value = artifact.examples[0][artifact.signature.input.name]
    demo = artifact.demo()
    endpoint = next(function for function in demo.fns.values() if function.api_name == "predict")
    sent = INPUTS[type(artifact.signature.input)].keep(value)
    shown = json.dumps(endpoint.fn(sent), default=str)
    assert artifact.predict(value)["label"] in shown


@each_task
@pytest.mark.slow
def test_3_killed_and_resumed_is_never_interrupted(
    task: str, small: Callable[[str], Path], uninterrupted: Callable[[str], Any], tmp_path: Path
) -> None:
    case, model = CASES[task], small(task)
    folder, whole = uninterrupted(task)
    out = tmp_path / "killed"
    process = subprocess.Popen(
        command(case, model, out),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 120
    while not (out / "checkpoints" / "last").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "model").exists(), "the run ended before it could be killed"
    resumed = train_small(case, model, out, resume=True)
    assert all(np.array_equal(resumed[name], value) for name, value in whole.items())
    assert history(out, case.signal) == history(folder, case.signal)


@each_task
@pytest.mark.slow
def test_4_processes_and_pieces_take_the_same_steps(
    task: str, small: Callable[[str], Path], uninterrupted: Callable[[str], Any], tmp_path: Path
) -> None:
    case, model = CASES[task], small(task)
    _, whole = uninterrupted(task)
    pieces = train_small(case, model, tmp_path / "pieces", *case.pieces)
    assert max(float(np.abs(pieces[name] - value).max()) for name, value in whole.items()) < 1e-4
    done = subprocess.run(
        command(case, model, tmp_path / "two", "--processes", "2"),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if not case.processes:
        assert done.returncode == 2
        assert "one process" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "two" / "manifest.json").read_text())
    assert manifest["hardware"]["processes"] == 2
    two = weights(tmp_path / "two")
    assert max(float(np.abs(two[name] - value).max()) for name, value in whole.items()) < 1e-4


@pytest.mark.parametrize(("task", "bad"), BAD)
def test_5_bad_input_is_one_clear_error(task: str, bad: Bad, tmp_path: Path) -> None:
    (overrides, source), out = CASES[task].given(bad.make(tmp_path)), tmp_path / "out"
    with pytest.raises(InputError) as caught:
        toolkit.train(task, *overrides, *bad.overrides, data=source, out=out)
    message = str(caught.value)
    assert caught.value.exit_code == 2
    assert all(word in message for word in bad.said), message
    assert not out.exists()


@each_task
def test_5_the_command_ends_with_2_and_no_traceback(
    task: str, cli: Callable[..., Any], tmp_path: Path
) -> None:
    bad = CASES[task].bad[0]
    overrides, source = CASES[task].given(bad.make(tmp_path))
    data = () if source is None else ("--data", source)
    done = cli("train", task, *overrides, *data, "--out", tmp_path / "out")
    assert done.code == 2
    assert "Traceback" not in done.stderr
    assert all(word in done.stderr for word in bad.said)
    assert done.stdout == ""


@each_task
def test_6_the_card_is_valid_and_its_numbers_are_measured(
    task: str, learned: Callable[[str], Artifact]
) -> None:
    from huggingface_hub import ModelCard

    artifact = learned(task)
    card = ModelCard.load(artifact.model_folder / "README.md")
    assert card.data.pipeline_tag == task
    results = card.data.eval_results
    assert results
    assert unsupported_numbers(card.text, artifact.metrics) == []
    measured = {value["value"] for value in artifact.metrics["test"].values() if isinstance(value, dict)}
    assert {result.metric_value for result in results} <= measured


@each_task
def test_7_no_pickle_is_written_or_opened(
    task: str, learned: Callable[[str], Artifact], tmp_path: Path
) -> None:
    written = [path for path in learned(task).folder.rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if path.suffix in PICKLES]
    model = CASES[task].small(tmp_path / "model")
    (model / "model.safetensors").rename(model / "pytorch_model.bin")
    with pytest.raises(ModelError, match=re.escape("pytorch_model.bin")):
        toolkit.train(CASES[task].recipe, *CASES[task].steps, f"model.name={model}", out=tmp_path / "out")
