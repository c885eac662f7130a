import json

import pytest
import torch

from tests.engine.tiny import make_recipe, train_tiny
from toolkit.engine.history import History
from toolkit.engine.launch import PROCESSES, launch
from toolkit.engine.memory import keep_freed_memory, peak_memory
from toolkit.engine.peak import matmul_peak, training_flops
from toolkit.engine.progress import Talk
from toolkit.engine.run import Run
from toolkit.engine.seed import seed_everything
from toolkit.engine.state import State
from toolkit.errors import RecipeError, TrainingError


def test_all_that_cannot_work_is_told_at_once(tmp_path):
    recipe = make_recipe(report_to=["tensorbord", "wandb"], mixed_precision="fp16")
    with pytest.raises(RecipeError) as caught:
        Run.start(recipe, tmp_path / "run")
    assert "unknown tracker 'tensorbord'; did you mean 'tensorboard'?" in str(caught.value)
    assert "tracker 'wandb' is not installed; pip install wandb" in str(caught.value)
    assert "train.mixed_precision: fp16 needs a GPU" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_trackers_get_the_numbers_of_the_history(tmp_path):
    train_tiny(tmp_path, max_steps=2, report_to=["tensorboard"])
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    files = (tmp_path / "trackers" / "text-classification").glob("events*")
    events = EventAccumulator(str(next(files).parent))
    events.Reload()
    assert {"loss", "learning_rate", "validation/accuracy"} <= set(events.Tags()["scalars"])


def test_runs_of_other_precision_follow_each_other_in_one_process(tmp_path):
    for precision in ("no", "bf16", "no"):
        run = Run.start(make_recipe(mixed_precision=precision), tmp_path)
        assert run.accelerator.mixed_precision == precision


def test_missing_processes_are_noticed(tmp_path, monkeypatch):
    monkeypatch.setenv(PROCESSES, "2")
    with pytest.raises(TrainingError, match="promised 2 processes, but 1 run together"):
        Run.start(make_recipe(), tmp_path)


@pytest.mark.parametrize(("argv", "code"), [(["--help"], 0), (["show", "no-such-recipe"], 2)])
def test_launched_processes_give_their_exit_code(argv, code, capfd):
    assert launch(argv, 2) == code
    assert "Traceback" not in capfd.readouterr().err


def test_history_survives_a_cut_line_and_forgets_the_future(tmp_path):
    history = History(tmp_path / "history.jsonl")
    for step in (1, 2, 3):
        history.add({"step": step, "gradient_norm": float("inf")})
    with history.path.open("a") as file:
        file.write('{"step": 4, "lo')
    history.keep_until(2)
    assert history.lines() == [{"step": 1, "gradient_norm": None}, {"step": 2, "gradient_norm": None}]


def test_plain_lines_away_from_a_terminal(capsys):
    talk = Talk()
    with talk.steps(10):
        talk.figures(5, "loss 0.2500", 120.0, 61.0)
    captured = capsys.readouterr()
    assert captured.err == "step 5/10  loss 0.2500  120 samples/s  0:01:01 left\n"
    assert captured.out == ""


def test_a_bar_on_a_terminal(capsys):
    talk = Talk(live=True)
    with talk.steps(10):
        talk.figures(5, "loss 0.2500", 120.0, 61.0)
        talk.say("[halfway]")
    err = capsys.readouterr().err
    assert "5/10" in err
    assert "loss 0.2500" in err
    assert "[halfway]" in err


def test_other_processes_are_silent(capsys):
    talk = Talk(speaks=False, live=True)
    with talk.steps(10):
        talk.say("hello")
    assert capsys.readouterr().err == ""


def test_an_explosion_is_told_once_and_the_usual_is_not():
    state = State()
    assert all(state.watch("gan", norm) is None for norm in (1.0, 2.0, 500.0))
    assert "exploded" in str(state.watch("gan", 1e5))
    assert state.watch("gan", 1e5) is None
    assert len(state.warnings) == 1


def test_the_state_is_json_data_and_comes_back():
    state = State(step=3, best=0.5)
    state.watch("classifier", 1.0)
    assert State.from_dict(json.loads(json.dumps(state.to_dict()))) == state


def test_seeds_follow_from_the_position():
    import random

    import numpy as np

    def draw(*position: int) -> tuple[float, float, float]:
        seed_everything(*position)
        return random.random(), float(np.random.rand()), float(torch.rand(()))

    assert draw(0, 1) == draw(0, 1)
    assert all(a != b for a, b in zip(draw(0, 1), draw(1, 0), strict=True))


def test_the_peak_is_a_plausible_number_of_operations():
    assert 1e8 < matmul_peak(torch.device("cpu")) < 1e16
    model = torch.nn.Sequential(torch.nn.Embedding(100, 4), torch.nn.Linear(4, 3), torch.nn.Linear(3, 2))
    model[1].requires_grad_(False)
    assert training_flops(model) == 4 * 12 + 6 * 6
    layers = torch.nn.ModuleList([torch.nn.Linear(4, 4), torch.nn.Linear(4, 4)])
    model = torch.nn.ModuleDict({"layers": layers, "head": torch.nn.Linear(4, 100)})
    assert training_flops(model) == 6 * 32


def test_memory_is_counted_and_kept():
    assert peak_memory(torch.device("cpu")) > 1 << 26
    assert isinstance(keep_freed_memory(), bool)
