from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

import toolkit
from tests.tasks.cases import small_bert
from tests.tasks.test_text_classification import verdicts
from toolkit.artifact import Artifact
from toolkit.errors import ArtifactError, DataError, InputError, RecipeError
from toolkit.run import load_recipe

STEPS = ("train.max_steps=4", "train.save_steps=2", "train.eval_steps=4", "options.max_length=24")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small model, some rows, and a finished run."""
    folder = tmp_path_factory.mktemp("work")
    small_bert(folder / "bert")
    verdicts(folder)
    train(folder, folder / "run")
    return folder


def train(work: Path, out: Path | None, *more: str, resume: bool = False) -> Artifact:
    rows, model = work / "verdicts.jsonl", work / "bert"
    return toolkit.train("text-classification", *STEPS, *more, data=rows, model=model, out=out, resume=resume)


def unfinished(work: Path, folder: Path) -> Path:
    """The finished run as it was before its last records were written."""
    shutil.copytree(work / "run", folder)
    for name in ("manifest.json", "metrics.json", "report.html", "model"):
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder


def test_the_resolved_recipe_repeats_the_run(work: Path, tmp_path: Path) -> None:
    again = toolkit.train(work / "run" / "recipe.yaml", out=tmp_path / "again")
    first = toolkit.load(work / "run")
    assert again.metrics["test"] == first.metrics["test"]
    assert again.recipe == first.recipe
    weights = [run.model_folder / "model.safetensors" for run in (again, first)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_a_run_ends_with_everything_of_the_design(work: Path) -> None:
    names = {path.name for path in (work / "run").iterdir()}
    expected = {
        "recipe.yaml",
        "model",
        "metrics.json",
        "history.jsonl",
        "report.html",
        "manifest.json",
        "checkpoints",
    }
    assert expected <= names
    assert not [name for name in names if name.startswith(".")]


def test_without_a_folder_the_newest_unfinished_run_goes_on(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArtifactError, match="no unfinished run"):
        train(work, None, resume=True)
    runs = tmp_path / "runs" / "text-classification"
    runs.mkdir(parents=True)
    folder = unfinished(work, runs / "20260101-000000")
    assert train(work, None, resume=True).folder.resolve() == folder


def test_an_unfinished_run_says_how_to_go_on(work: Path, tmp_path: Path) -> None:
    folder = unfinished(work, tmp_path / "half")
    with pytest.raises(ArtifactError, match="--resume"):
        toolkit.load(folder)


def test_another_recipe_does_not_resume_a_run(work: Path, tmp_path: Path) -> None:
    folder = unfinished(work, tmp_path / "half")
    with pytest.raises(RecipeError, match=r"train\.seed: was 0, is 5"):
        train(work, folder, "train.seed=5", resume=True)


def test_a_cut_checkpoint_is_named(work: Path, tmp_path: Path) -> None:
    folder = unfinished(work, tmp_path / "half")
    largest = max((folder / "checkpoints" / "last").iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1000])
    with pytest.raises(ArtifactError, match=largest.name):
        train(work, folder, resume=True)


def test_a_folder_with_other_things_is_left_alone(work: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(ArtifactError, match="not empty"):
        train(work, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("name", ["nothing-here", "mine.txt"])
def test_what_is_no_run_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine.txt").write_text("")
    with pytest.raises(ArtifactError, match="run"):
        toolkit.load(tmp_path / name)


def test_data_replaces_the_source_and_what_belonged_to_it(tmp_path: Path) -> None:
    recipe = load_recipe("nlp/reviews", ["data.test=0.3", "data.group=author"], data="mine.csv")
    assert (recipe.data.source, recipe.data.test, recipe.data.group) == ("mine.csv", 0.3, "author")
    assert recipe.data.columns == {}


def test_check_predicts_time_and_memory(work: Path) -> None:
    report = toolkit.check("text-classification", *STEPS, data=work / "verdicts.jsonl", model=work / "bert")
    assert report.ok
    assert report.predicted["steps"] == 4
    assert 0 < report.predicted["seconds"] < 60
    assert report.predicted["memory_bytes"] > 10**8
    assert "real steps" in report.predicted["how"]
    json.dumps(report.to_dict())


def test_check_reports_what_training_would_refuse(work: Path, tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("text,label\n" + "a film,good\n" * 20)
    report = toolkit.check("text-classification", data=tmp_path / "one.csv", model=work / "bert")
    assert not report.ok
    assert any("two classes" in str(finding) for finding in report.findings)


def test_check_knows_what_training_would_refuse(work: Path) -> None:
    asked = (*STEPS, "train.early_stopping_patience=2", "train.metric_for_best_model=macro_f1")
    rows, model = work / "verdicts.jsonl", work / "bert"
    assert toolkit.check("text-classification", *asked, data=rows, model=model).ok
    report = toolkit.check("text-classification", *asked, "data.validation=0", data=rows, model=model)
    assert "needs validation rows" in str(report.findings[0])


def test_rows_that_changed_are_no_test_split(work: Path, tmp_path: Path) -> None:
    lines = (work / "verdicts.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "verdicts.jsonl").write_text("".join(lines[:-20]))
    run = toolkit.load(work / "run")
    data = run.recipe.data.model_copy(update={"source": str(tmp_path / "verdicts.jsonl")})
    run.recipe = run.recipe.model_copy(update={"data": data})
    with pytest.raises(DataError, match="not those of the training any more"):
        run.evaluate()


def test_an_export_replaces_nothing_of_the_user(work: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(InputError, match="not an empty folder"):
        toolkit.load(work / "run").export(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_damaged_examples_are_named(work: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(work / "run", tmp_path / "run"))
    (folder / "examples.json").write_text("[{")
    with pytest.raises(ArtifactError, match=r"examples\.json: damaged"):
        _ = toolkit.load(folder).examples
