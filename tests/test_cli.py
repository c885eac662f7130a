from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from toolkit import cli as command
from toolkit.errors import TrainingError

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

Cli = Callable[..., Any]
ROOT = Path(__file__).parents[1]
VERBS = ["list", "show", "check", "train", "evaluate", "predict", "demo", "export", "push", "samples"]


@pytest.fixture
def here() -> CliRunner:
    """The command inside this process: no interpreter to start, no torch to import again."""
    return CliRunner()


def test_help_names_every_verb(cli: Cli):
    outcome = cli("--help")
    assert outcome.code == 0
    for verb in VERBS:
        assert re.search(rf"^\W+{verb} ", outcome.stdout, re.MULTILINE), verb


def test_every_verb_has_help(here: CliRunner):
    for verb in VERBS:
        result = here.invoke(command.app, [verb, "--help"])
        assert result.exit_code == 0
        assert "Usage" in result.stdout


def test_version(cli: Cli):
    outcome = cli("--version")
    assert (outcome.code, outcome.stderr) == (0, "")
    assert re.fullmatch(r"transfer-toolkit \d+\.\d+\.\d+\n", outcome.stdout)


@pytest.mark.parametrize("line", ["--help", "list", "show nlp/reviews", "show nlp/reviews --json", "samples"])
def test_looking_around_does_not_import_torch(line: str):
    code = (
        "import sys, atexit; from toolkit.cli import main\n"
        "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *line.split()], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    loaded = set(done.stderr.split())
    assert "toolkit.cli" in loaded
    assert not loaded & {"torch", "transformers", "datasets", "gradio", "accelerate"}


def test_list_as_data(cli: Cli):
    outcome = cli("list", "--json")
    assert (outcome.code, outcome.stderr) == (0, "")
    listed = {entry["name"]: entry for entry in json.loads(outcome.stdout)}
    keys = {"name", "task", "domain", "model", "data", "offline", "summary", "measured"}
    assert keys <= set(listed["nlp/reviews"])
    assert listed["nlp/reviews"]["offline"] is True
    assert listed["nlp/sentiment"]["offline"] is False


def test_list_in_a_pipe_is_one_line_a_recipe(cli: Cli):
    lines = cli("list").stdout.splitlines()
    assert len(lines) == 1 + len(json.loads(cli("list", "--json").stdout))
    assert lines[0].split()[:2] == ["recipe", "offline"]


def test_show_prints_the_file_or_the_whole_recipe(cli: Cli):
    assert cli("show", "nlp/reviews").stdout == (ROOT / "recipes/nlp/reviews.yaml").read_text(
        encoding="utf-8"
    )
    recipe = json.loads(cli("show", "nlp/reviews", "--json").stdout)
    assert recipe["train"]["mixed_precision"] == "no"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nlp/revews"], "unknown recipe 'nlp/revews'; did you mean 'nlp/reviews'?"),
        (["samples", "minlm"], "unknown sample 'minlm'; did you mean 'minilm'?"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(cli: Cli, arguments: list[str], message: str):
    outcome = cli(*arguments)
    assert (outcome.code, outcome.stdout, outcome.stderr) == (2, "", f"error: {message}\n")


@pytest.mark.parametrize(
    "arguments", [["shwo"], ["train"], ["train", "x", "--processes", "0"], ["list", "--jsno"]]
)
def test_wrong_usage_is_exit_code_2(cli: Cli, arguments: list[str]):
    outcome = cli(*arguments)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert "Traceback" not in outcome.stderr


def test_all_errors_of_a_recipe_are_printed(cli: Cli, tmp_path: Path):
    (tmp_path / "mine.yaml").write_text(
        "task: text-classification\nmodel: {nam: x}\ndata: {source: y}\ntrain:\n  learnin_rate: 1\n"
    )
    outcome = cli("train", "mine.yaml", "train.epochs=many", cwd=tmp_path)
    assert (outcome.code, outcome.stdout) == (2, "")
    assert outcome.stderr.splitlines() == [
        "error: mine.yaml:2: missing key 'model.name'; "
        "Hub id, local folder, 'sample:NAME', or 'scratch:NAME' for new weights",
        "error: mine.yaml:2: unknown key 'model.nam'; did you mean 'name'?",
        "error: override 'train.epochs=many': 'train.epochs' is 'many'; it must be a number",
        "error: mine.yaml:5: unknown key 'train.learnin_rate'; did you mean 'learning_rate'?",
    ]
    assert os.listdir(tmp_path) == ["mine.yaml"]


def test_a_reader_that_leaves_early_is_no_error():
    script = f"{sys.executable} -m toolkit samples | head -n 1"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("sample ")
    assert done.stderr == ""


def test_recipe_names_complete(cli: Cli):
    words = {"_TOOLKIT_COMPLETE": "complete_bash", "COMP_WORDS": "toolkit train nlp/r", "COMP_CWORD": "2"}
    assert cli(env=words).stdout.splitlines() == ["nlp/reviews"]


def test_samples_are_listed_with_licence_and_origin(cli: Cli):
    outcome = cli("samples", "--json")
    listed = {entry["name"]: entry for entry in json.loads(outcome.stdout)}
    assert {"kind", "size_bytes", "licence", "origin", "install", "cached"} <= set(listed["minilm"])
    assert listed["minilm"]["folder"] is None


def test_fetched_samples_say_where_they_are(cli: Cli):
    outcome = cli("samples", "minilm", "movie-reviews", "--json")
    assert outcome.code == 0
    assert all(Path(entry["folder"]).is_dir() for entry in json.loads(outcome.stdout))


def test_a_full_disk_is_wrong_input(capsys: pytest.CaptureFixture[str]):
    assert command._report(OSError(errno.ENOSPC, "No space left on device", "runs/x/model")) == 2
    assert capsys.readouterr().err.startswith("error: runs/x/model: no space left on the disk")


def test_a_failed_run_is_exit_code_1(capsys: pytest.CaptureFixture[str]):
    assert command._report(TrainingError("loss is nan at step 3")) == 1
    assert capsys.readouterr().err == "error: loss is nan at step 3\n"


def test_our_own_mistakes_keep_their_traceback(capsys: pytest.CaptureFixture[str]):
    assert command._report(ZeroDivisionError("oops")) == 1
    said = capsys.readouterr().err
    assert "ZeroDivisionError: oops" in said
    assert said.splitlines()[-1].startswith("internal error: ZeroDivisionError")


def test_an_interrupted_training_says_how_to_go_on(tmp_path: Path):
    started = subprocess.Popen(
        [sys.executable, "-m", "toolkit", "train", "nlp/reviews", "train.epochs=2"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stderr is not None
    started.stderr.readline()  # it is at work now
    started.send_signal(signal.SIGINT)
    stdout, stderr = started.communicate(timeout=60)
    assert (started.returncode, stdout) == (130, "")
    assert stderr.splitlines()[-1] == (
        "interrupted; go on with: toolkit train nlp/reviews train.epochs=2 --resume"
    )
    assert "Traceback" not in stderr


def films() -> list[str]:
    verdicts = {"good": "charming witty moving superb tender", "bad": "dull clumsy shrill lifeless grim"}
    about = ["plot", "cast", "music", "ending", "camera", "dialogue", "pace", "humour"]
    return [
        f"What a {word} {part} this {part[::-1]} thing has,{stars}"
        for stars, words in verdicts.items()
        for word in words.split()
        for part in about
    ]


def test_train_ends_with_json(cli: Cli, tmp_path: Path):
    (tmp_path / "mine.csv").write_text("review,stars\n" + "\n".join(films()) + "\n")
    outcome = cli(
        "train",
        "nlp/reviews",
        "train.max_steps=2",
        "data.columns={text: review, label: stars}",
        "--data=mine.csv",
        "--out=run",
        "--json",
        cwd=tmp_path,
    )
    assert outcome.code == 0, outcome.stderr
    result = json.loads(outcome.stdout)
    assert result["run"] == "run"
    assert result["seconds"] > 0
    assert result["metrics"] == json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert set(result["metrics"]["test"]["accuracy"]) == {"value", "low", "high"}


def test_train_ends_with_a_table(trained: Artifact, capsys: pytest.CaptureFixture[str]):
    command._print_trained(trained)
    said = capsys.readouterr().out
    assert re.search(r"^accuracy +0\.\d+ +0\.\d+ to [01]\.\d+", said, re.MULTILINE)
    assert str(trained.report) in said
    assert f"toolkit demo {trained.folder}" in said
    assert f"toolkit predict {trained.folder} " in said


def test_predict_words_files_and_stdin(here: CliRunner, trained: Artifact, tmp_path: Path):
    rows = tmp_path / "rows.csv"
    rows.write_text("text\nA dull film.\nA great film.\n")
    arguments = ["predict", str(trained.folder), "A wonderful film.", str(rows), "-", "--json"]
    result = here.invoke(command.app, arguments, input="A bore.\n\nA joy.\n", catch_exceptions=False)
    assert result.exit_code == 0
    predictions = json.loads(result.stdout)
    assert len(predictions) == 5
    expected = trained.predict(["A wonderful film.", "A dull film.", "A great film.", "A bore.", "A joy."])
    assert [p["label"] for p in predictions] == [p["label"] for p in expected]


def test_predict_prints_a_table(here: CliRunner, trained: Artifact):
    result = here.invoke(
        command.app, ["predict", str(trained.folder), "A wonderful film."], catch_exceptions=False
    )
    header, row = result.stdout.splitlines()
    assert header.split() == ["label", "score", "input"]
    assert row.endswith("A wonderful film.")


def test_evaluate_gives_the_metrics_of_the_run(here: CliRunner, trained: Artifact):
    result = here.invoke(command.app, ["evaluate", str(trained.folder), "--json"], catch_exceptions=False)
    measured = json.loads(result.stdout)
    assert measured["accuracy"] == trained.metrics["test"]["accuracy"]
    table = here.invoke(command.app, ["evaluate", str(trained.folder)], catch_exceptions=False)
    assert re.search(r"^accuracy +0\.\d+", table.stdout, re.MULTILINE)


def test_check_predicts_time_and_memory(here: CliRunner):
    arguments = ["check", "nlp/reviews", "data.limit=200"]
    result = here.invoke(command.app, [*arguments, "--json"], catch_exceptions=False)
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["ok"] is True
    assert set(report["predicted"]) >= {"seconds", "memory_bytes", "how"}


def test_check_with_errors_is_exit_code_2(here: CliRunner, tmp_path: Path):
    path = tmp_path / "one.csv"
    path.write_text("text,label\n" + "same,a\n" * 30)
    result = here.invoke(command.app, ["check", "nlp/reviews", "--data", str(path)], catch_exceptions=False)
    assert result.exit_code == 2
    assert "error: " in result.stdout
    assert "time:" not in result.stdout


def test_a_run_folder_that_is_a_file_is_refused(cli: Cli, tmp_path: Path):
    (tmp_path / "mine.csv").write_text("text,label\n" + "\n".join(films()) + "\n")
    (tmp_path / "taken").write_text("keep me")
    outcome = cli("train", "nlp/reviews", "--data=mine.csv", "--out=taken", cwd=tmp_path)
    assert outcome.code == 2
    assert outcome.stderr == "error: taken: cannot be used (File exists)\n"


@pytest.mark.parametrize("verb", [["evaluate"], ["predict"], ["export"], ["push"], ["demo"]])
def test_a_folder_that_is_no_run_is_refused(here: CliRunner, tmp_path: Path, verb: list[str]):
    more = {"predict": ["text"], "push": ["me/model"]}.get(verb[0], [])
    result = here.invoke(command.app, [*verb, str(tmp_path), *more])
    assert command._report(result.exception) == 2
