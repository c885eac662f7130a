"""Recipe to task to artifact: the one orchestrator behind the command line and the Python API."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import tasks
from toolkit.artifact import layout
from toolkit.artifact.artifact import Artifact
from toolkit.errors import ArtifactError, Finding, InputError, RecipeError, TrainingError
from toolkit.files import write_text
from toolkit.recipe.catalogue import find
from toolkit.recipe.load import load_recipe as read_recipe
from toolkit.recipe.schema import Recipe
from toolkit.recipe.text import dump

OF_ONE_SOURCE = ("config", "revision", "splits", "streaming", "columns", "group", "scenes")
"""Keys of the ``data`` section that mean nothing for another source."""


@dataclass(frozen=True)
class CheckReport:
    """What ``check`` found out without training."""

    recipe: Recipe
    findings: list[Finding]
    predicted: dict[str, Any]
    """``seconds`` and ``memory_bytes`` of the whole training, and ``how`` they were found; empty after an error."""

    @property
    def ok(self) -> bool:
        """Whether the recipe would train."""
        return not any(finding.level == "error" for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "ok": self.ok,
            "findings": [finding.to_dict() for finding in self.findings],
            "predicted": self.predicted,
            "recipe": self.recipe.model_dump(mode="json"),
        }


def load_recipe(
    name: str | Path | Recipe,
    overrides: Sequence[str] = (),
    *,
    data: str | Path | None = None,
    model: str | Path | None = None,
) -> Recipe:
    """The checked recipe of a bundled name, a YAML file or a task's name, changed by what the caller gave.

    Args:
        name: ``nlp/reviews``, ``mine.yaml``, ``text-classification``; a Recipe is changed and checked again.
        overrides: ``key.sub=value``.
        data: stands for ``data.source``; the recipe's columns, splits, group and revision no longer apply.
        model: stands for ``model.name``; the recipe's revision no longer applies.

    Raises:
        RecipeError: every problem at once.
    """
    base: dict[str, Any] | None = None
    if isinstance(name, Recipe):
        base = name.model_dump(mode="json", exclude={"task"})
        name = name.task
    elif str(name) in tasks.TABLE:
        base = dict(tasks.get(str(name)).defaults)
    else:
        name = find(name, also=tasks.TABLE)
    return read_recipe(
        name, overrides, options_for=tasks.options_for, base=base, sections=_sections(data, model)
    )


def _sections(data: str | Path | None, model: str | Path | None) -> dict[str, dict[str, Any]]:
    """What ``--data`` and ``--model`` change: the source and the name, without what belonged to the recipe's own."""
    sections: dict[str, dict[str, Any]] = {}
    if data is not None:
        sections["data"] = {"source": str(data), **dict.fromkeys(OF_ONE_SOURCE)}
    if model is not None:
        own = dict.fromkeys(("config", "backbone", "revision", "trust_remote_code"))
        sections["model"] = {"name": str(model), **own}
    return sections


def train(
    recipe: str | Path | Recipe,
    *overrides: str,
    data: str | Path | None = None,
    model: str | Path | None = None,
    out: str | Path | None = None,
    processes: int = 1,
    resume: bool = False,
) -> Artifact:
    """Train a recipe and return what it leaves.

    Args:
        recipe: bundled name, YAML file, task name, or Recipe.
        overrides: ``train.epochs=1``.
        data: a source in place of the recipe's.
        model: a pretrained model in place of the recipe's.
        out: the run folder; by default ``runs/<recipe>/<timestamp>``.
        processes: how many processes share each batch, on this machine's GPUs or cores.
        resume: go on with the unfinished run in ``out``, or with the recipe's newest unfinished run.

    Raises:
        InputError: the recipe, the data or the model cannot be used; nothing was written.
        TrainingError: training stopped; the message says what was kept.
    """
    resolved = load_recipe(recipe, overrides, data=data, model=model)
    folder = _run_folder(resolved, Path(out) if out is not None else None, resume)
    if resume and layout.is_finished(folder):
        return load(folder)
    if processes > 1 and "RANK" not in os.environ:
        return _train_in_processes(resolved, folder, processes, resume)
    return _train_here(resolved, folder, resume)


def _train_here(recipe: Recipe, folder: Path, resume: bool) -> Artifact:
    from toolkit.engine.run import Run

    started = time.monotonic()
    existed = folder.exists()
    run = Run.start(recipe, folder, resume=resume)
    if run.is_main and not (folder / layout.RECIPE).exists():
        write_text(folder / layout.RECIPE, dump(recipe))
    try:
        artifact = tasks.get(recipe.task).train(recipe, run)
    except InputError:
        _remove_empty(folder, existed)
        raise
    finally:
        run.close()
    artifact.seconds = time.monotonic() - started
    return artifact


def _train_in_processes(recipe: Recipe, folder: Path, processes: int, resume: bool) -> Artifact:
    """Start the same command once per process; each reads the resolved recipe from the run folder."""
    from toolkit.engine.launch import launch

    started = time.monotonic()
    existed = folder.exists()
    if not resume:
        write_text(folder / layout.RECIPE, dump(recipe))
    argv = ["train", str(folder / layout.RECIPE), "--out", str(folder), *(["--resume"] if resume else [])]
    code = launch(argv, processes)
    if code:
        _remove_empty(folder, existed)
        kind = InputError if code == InputError.exit_code else TrainingError
        raise kind(f"{processes} processes: training stopped; its messages are above")
    artifact = load(folder)
    artifact.seconds = time.monotonic() - started
    return artifact


def _remove_empty(folder: Path, existed: bool) -> None:
    """Leave nothing behind when a run ended before its first checkpoint."""
    import shutil

    if not existed and folder.is_dir() and not (folder / layout.CHECKPOINTS / "last").exists():
        shutil.rmtree(folder)


def _run_folder(recipe: Recipe, out: Path | None, resume: bool) -> Path:
    root = Path("runs") / recipe.name
    if resume:
        return _unfinished(recipe, out, root)
    folder = out or root / time.strftime("%Y%m%d-%H%M%S")
    first = os.environ.get("RANK", "0") == "0"  # the others may find what the first one has begun to write
    if first and folder.is_dir() and _is_foreign(folder):
        raise ArtifactError(f"{folder}: not empty; choose another folder with --out, or go on with --resume")
    return folder


def _is_foreign(folder: Path) -> bool:
    """Whether a folder holds anything but the recipe that a parent process left for this one."""
    names = {path.name for path in folder.iterdir()}
    return bool(names - {layout.RECIPE}) or (bool(names) and "RANK" not in os.environ)


def _unfinished(recipe: Recipe, out: Path | None, root: Path) -> Path:
    folder = out
    if folder is None:
        started = [path.parent for path in root.glob(f"*/{layout.RECIPE}")]
        unfinished = [path for path in started if not layout.is_finished(path)]
        if not unfinished:
            raise ArtifactError(
                f"{root}: no unfinished run to resume; leave out --resume, or name one with --out"
            )
        folder = max(unfinished)
    if not (folder / layout.RECIPE).is_file():
        raise ArtifactError(f"{folder}: nothing to resume (it has no {layout.RECIPE}); leave out --resume")
    _require_same_recipe(recipe, folder / layout.RECIPE)
    return folder


def _require_same_recipe(recipe: Recipe, path: Path) -> None:
    """A resumed run must be the run that was started, or its result would belong to neither recipe."""
    before = read_recipe(path, options_for=tasks.options_for).model_dump(mode="json")
    now = recipe.model_dump(mode="json")
    fix = "give the same value, or start anew"
    changed = [
        Finding("error", f"{key}.{sub}", f"was {before[key].get(sub)!r}, is {now[key][sub]!r}", fix)
        for key in ("model", "data", "train", "options")
        for sub in now[key]
        if before[key].get(sub) != now[key][sub] and f"{key}.{sub}" not in {"model.revision", "data.revision"}
    ]
    if before["task"] != now["task"]:
        changed.insert(0, Finding("error", "task", f"was {before['task']!r}, is {now['task']!r}", fix))
    if changed:
        raise RecipeError([Finding("error", str(path), "the run was started with another recipe"), *changed])


def check(
    recipe: str | Path | Recipe,
    *overrides: str,
    data: str | Path | None = None,
    model: str | Path | None = None,
) -> CheckReport:
    """Everything short of training: the recipe, the rows, the model, and a few real steps to predict time and memory.

    Raises:
        RecipeError: the recipe itself cannot be read; problems of data and model are findings of the report.
    """
    import tempfile

    from toolkit.engine.run import Run

    resolved = load_recipe(recipe, overrides, data=data, model=model)
    with tempfile.TemporaryDirectory() as temporary:
        run = Run.start(resolved, Path(temporary), resume=False)
        try:
            result = tasks.get(resolved.task).check(resolved, run)
        except InputError as error:
            return CheckReport(resolved, error.problems, {})
        finally:
            run.close()
    return CheckReport(resolved, list(result.findings), dict(result.predicted))


def load(run: str | Path) -> Artifact:
    """Open a finished run folder, a pushed model folder, or a Hub repository that ``push`` made.

    Raises:
        ArtifactError: it is not one.
        UnavailableError: the Hub cannot be reached and has no cached copy.
    """
    from toolkit.hub.snapshot import download, is_repo_id

    folder = Path(run).expanduser()
    if not folder.exists() and is_repo_id(str(run)) and not str(run).startswith("runs/"):
        folder = download(str(run))
    records, _ = layout.find_parts(folder)
    recipe = read_recipe(records / layout.RECIPE, options_for=tasks.options_for)
    return Artifact(folder, recipe, tasks.get(recipe.task))


def evaluate(run: str | Path | Artifact, data: str | Path | None = None) -> dict[str, Any]:
    """Metrics of a run on its own test split, or on other rows."""
    artifact = run if isinstance(run, Artifact) else load(run)
    return artifact.evaluate(data)


def import_model(
    source: str | Path, recipe: str | Path | Recipe, *overrides: str, out: str | Path
) -> tuple[Path, dict[str, Any]]:
    """Bring a model that another library saved into a model folder that recipes can begin from.

    Returns:
        the folder, and what the file says of itself.

    Raises:
        InputError: the recipe's task imports nothing, the file is something else, or ``out`` holds something.
    """
    resolved = load_recipe(recipe, overrides)
    task, target = tasks.get(resolved.task), Path(out).expanduser()
    bring = getattr(task, "import_model", None)
    if bring is None:
        raise InputError(f"{task.name} needs no import: name the model's folder or Hub id with model.name=")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InputError(f"{out}: not an empty folder; import into a new one with --out")
    return target, bring(Path(source).expanduser(), resolved, target)


def read_inputs(artifact: Artifact, inputs: Sequence[str]) -> list[Any]:
    """What words of the command line stand for: texts or pictures, each given itself or in a file or folder of many.

    Where sentences are compared, the first word is the one that the others are compared with.

    Raises:
        DataError: a file cannot be read, or has no column of the input's role.
    """
    from toolkit.data.inputs import read_inputs as read_texts
    from toolkit.data.inputs import read_records
    from toolkit.data.picture_inputs import read_pictures
    from toolkit.tasks.agent_seeds import check_seeds
    from toolkit.tasks.sentence_input import compared
    from toolkit.tasks.signature import (
        Environment,
        Image,
        Pair,
        Prompt,
        Question,
        Sentence,
        Sentences,
        Text,
        roles_in,
    )

    def read_seeds(words: Sequence[str], *_: Any) -> list[int]:
        return check_seeds(words)

    def read_sentences(words: Sequence[str], *_: Any) -> list[Any]:
        return [compared(words)]

    asked, columns = artifact.signature.input, artifact.manifest["data"]["columns"]

    def read_parts(words: Sequence[str], *_: Any) -> list[Any]:
        return read_records(words, columns, roles_in(asked))

    readers = {
        Text: read_texts,
        Prompt: read_texts,
        Sentence: read_texts,
        Question: read_parts,
        Pair: read_parts,
        Sentences: read_sentences,
        Image: read_pictures,
        Environment: read_seeds,
    }
    return readers[type(asked)](inputs, columns, asked.name)


def example_words(artifact: Artifact) -> list[str]:
    """Words of the command line that stand for the shortest of the artifact's examples."""
    from toolkit.tasks.sentence_input import as_words

    inputs = [as_words(row[artifact.signature.input.name]) for row in artifact.examples]
    return min(inputs, key=lambda words: len(" ".join(words)), default=["…"])


def speaks() -> bool:
    """Whether this process shows the result: the one the user started, or the first of those a launcher started."""
    from toolkit.engine.launch import PROCESSES

    return PROCESSES not in os.environ and os.environ.get("RANK", "0") == "0"
