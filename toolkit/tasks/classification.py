"""What every task with one row of logits per input does after training: score, calibrate, measure, write the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.artifact import layout
from toolkit.artifact.artifact import Artifact
from toolkit.artifact.card import write_card
from toolkit.artifact.manifest import hardware, versions
from toolkit.artifact.report import write_report
from toolkit.data.load import load_labelled, load_rows
from toolkit.engine.peak import matmul_peak
from toolkit.errors import DataError, Finding
from toolkit.files import atomic_folder, write_json, write_text
from toolkit.metrics.measure import headline_split
from toolkit.metrics.speed import measure
from toolkit.recipe.text import dump
from toolkit.tasks.classification_report import report_sections, summary
from toolkit.tasks.evaluation import (
    TRAIN_ROWS,
    Scored,
    examples_of,
    metrics_of,
    sample_rows,
    temperature_of,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from datasets import Dataset

    from toolkit.data.load import Rows
    from toolkit.data.roles import Role
    from toolkit.data.text import LedgerEntry
    from toolkit.engine.run import Run
    from toolkit.engine.session import FitResult
    from toolkit.recipe.schema import DataSection, Recipe
    from toolkit.tasks.problem import Problem
    from toolkit.tasks.protocol import Prediction, Task

SPEED_INPUTS = 256
"""Inputs of the test split that latency and throughput are measured on."""


class LogitsPredictor(Protocol):
    """A predictor whose predictions are decoded from one row of logits per input."""

    problem: Problem
    temperature: float
    revision: str | None

    def __call__(self, inputs: Sequence[Any], /, batch_size: int = 32) -> list[Prediction]:
        """Predict each input, in order."""
        ...

    def logits(self, inputs: Sequence[Any], /, batch_size: int = 32) -> np.ndarray:
        """Raw logits (inputs, labels)."""
        ...

    def save(self, folder: Path) -> None:
        """Write what ``from_pretrained`` opens."""
        ...


@dataclass(frozen=True)
class Trained:
    """A training that is done, before it is measured and written."""

    task: Task
    run: Run
    result: FitResult
    predictor: LogitsPredictor
    rows: Rows
    ledger: Mapping[str, LedgerEntry]
    """What truncation cut from each split; empty for inputs that are never cut."""


def finish(trained: Trained) -> Artifact:
    """Score every split, calibrate on validation, and write everything a run leaves."""
    run = trained.run
    if run.is_main:
        run.say("measuring on every split")
        _write(trained)
    run.accelerator.wait_for_everyone()
    return Artifact(run.folder, run.recipe, trained.task)


def evaluate(artifact: Artifact, data: DataSection | None, roles: Sequence[Role]) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, labels unseen in training, or no test split.
    """
    predictor: LogitsPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    space = predictor.problem.space
    if data is None:
        rows = load_rows(artifact.recipe.data, roles, problem_type=space.problem_type)
        _require_same_rows(rows, artifact)
    else:
        rows = load_labelled(data, roles, space, artifact.manifest["data"]["columns"])
    test = rows.splits.get("test")
    if test is None or not len(test):
        raise DataError("this run held out no test rows (data.test is 0); name some with --data")
    scored = Scored(test, predictor.logits(test[artifact.signature.input.name][:]), len(test))
    return metrics_of(predictor.problem, scored, predictor.temperature, artifact.recipe.train.seed)


def _require_same_rows(rows: Rows, artifact: Artifact) -> None:
    """Refuse rows that changed since the training: the model may have seen them, and labels may be in another order.

    Raises:
        DataError: they did.
    """
    data = artifact.manifest["data"]
    if rows.manifest["fingerprints"].get("test") != data["fingerprints"].get("test"):
        message = "its rows are not those of the training any more, so that the test split is another one"
        raise DataError(Finding("error", data["source"], message, "name rows to measure on with --data"))


def _write(trained: Trained) -> None:
    run, predictor, rows = trained.run, trained.predictor, trained.rows
    role = trained.task.signature.input.name
    scored = {
        split: _score(predictor, part, role, TRAIN_ROWS if split == "train" else None)
        for split, part in rows.splits.items()
        if len(part)
    }
    predictor.temperature = temperature_of(predictor.problem, scored.get("validation"))
    shown = headline_split(scored)
    metrics = _measure(predictor, scored, rows.splits[shown][role], run.recipe.train.seed)
    recipe = _pinned(run.recipe, predictor, rows)
    manifest = _manifest(trained)
    text = dump(recipe)
    records = {
        "recipe": text,
        "metrics": metrics,
        "manifest": manifest,
        "findings": rows.findings,
        "best_metric": run.recipe.train.metric_for_best_model or predictor.problem.best_metric,
        "max_length": getattr(predictor, "max_length", None),
    }
    with atomic_folder(run.folder / layout.MODEL) as folder:
        predictor.save(folder)
        write_card(folder, recipe, metrics, manifest)
    sections = report_sections(
        predictor.problem, scored[shown], split=shown, role=role, history=run.history.lines(), records=records
    )
    said = summary(predictor.problem, recipe.model.name, recipe.data.source, metrics, shown)
    write_report(run.folder / layout.REPORT, title=recipe.name, summary=said, sections=sections)
    write_text(run.folder / layout.RECIPE, text)
    write_json(run.folder / layout.METRICS, metrics)
    write_json(run.folder / layout.EXAMPLES, examples_of(predictor.problem, rows.splits[shown], role))
    write_json(run.folder / layout.MANIFEST, manifest)  # last: it says that the run has finished


def _score(predictor: LogitsPredictor, rows: Dataset, role: str, limit: int | None = None) -> Scored:
    sample = sample_rows(rows, limit) if limit else rows
    return Scored(sample, predictor.logits(sample[role][:]), len(rows))


def _measure(
    predictor: LogitsPredictor, scored: Mapping[str, Scored], inputs: Sequence[Any], seed: int
) -> dict[str, Any]:
    """``metrics.json``: every metric on every split, the speed on some inputs, and the temperature."""
    temperature = predictor.temperature
    metrics: dict[str, Any] = {
        split: metrics_of(predictor.problem, part, temperature, seed) for split, part in scored.items()
    }
    metrics["performance"] = measure(predictor, inputs[:SPEED_INPUTS])
    metrics["temperature"] = temperature
    return metrics


def _manifest(trained: Trained) -> dict[str, Any]:
    """``manifest.json``: where every number comes from."""
    run, problem = trained.run, trained.predictor.problem
    return {
        "task": trained.task.name,
        "recipe": run.recipe.name,
        "seed": run.recipe.train.seed,
        "problem_type": problem.space.problem_type,
        "label_names": list(problem.space.names),
        "data": trained.rows.manifest,
        "truncation": {split: entry.to_dict() for split, entry in trained.ledger.items()},
        "fit": asdict(trained.result),
        "matmul_peak_flops": matmul_peak(run.device),
        "versions": versions(),
        "hardware": hardware(run.processes),
    }


def _pinned(recipe: Recipe, predictor: LogitsPredictor, rows: Rows) -> Recipe:
    """The recipe with the commits that model and data really came from, so that it can be repeated."""
    model = recipe.model.model_copy(update={"revision": predictor.revision or recipe.model.revision})
    data = recipe.data.model_copy(update={"revision": rows.manifest.get("revision") or recipe.data.revision})
    return recipe.model_copy(update={"model": model, "data": data})
