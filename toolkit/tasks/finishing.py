"""What every task does when its training is done: write the run, in an order that never leaves half of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol

from typing_extensions import TypeVar

from toolkit.artifact import layout
from toolkit.artifact.artifact import Artifact
from toolkit.artifact.card import write_card
from toolkit.artifact.examples import write_examples
from toolkit.artifact.manifest import hardware, versions
from toolkit.artifact.origin import made_from
from toolkit.artifact.report import ReportSection, write_report
from toolkit.data.load import Rows, load_labelled, load_rows
from toolkit.engine.peak import matmul_peak
from toolkit.errors import DataError, Finding
from toolkit.files import atomic_folder, write_json, write_text
from toolkit.metrics.glossary import describe, show, show_interval
from toolkit.metrics.speed import measure as measure_speed
from toolkit.recipe.text import dump
from toolkit.tasks.signature import Asked, joined, roles_in

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.data.labels import LabelSpace
    from toolkit.data.pictures import Frame
    from toolkit.data.roles import Role
    from toolkit.data.text import LedgerEntry
    from toolkit.engine.run import Run
    from toolkit.engine.session import FitResult
    from toolkit.recipe.schema import DataSection, Recipe
    from toolkit.tasks.protocol import Prediction, Task

SPEED_INPUTS = 256
"""Inputs of the headline split that latency and throughput are measured on."""
SPEED_SECONDS = 3.0
"""Time spent on measuring them."""


class Saved(Protocol):
    """A predictor that can be measured and kept."""

    revision: str | None

    def __call__(self, inputs: Sequence[Any], /, batch_size: int = 32) -> list[Prediction]:
        """Predict each input, in order."""
        ...

    def save(self, folder: Path) -> None:
        """Write what ``from_pretrained`` opens."""
        ...


class Learnt(Protocol):
    """What a model learnt from: rows, or an environment."""

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Its part of ``manifest.json``: ``source``, ``columns``, and what is known of it."""
        ...

    def inputs(self, split: str, role: str, /) -> Sequence[Any]:
        """What a predictor takes, for each row of a split."""
        ...


P_co = TypeVar("P_co", bound=Saved, covariant=True)
L_co = TypeVar("L_co", bound=Learnt, covariant=True, default=Rows)


@dataclass(frozen=True)
class Trained(Generic[P_co, L_co]):
    """A training that is done, before it is measured and written."""

    task: Task
    run: Run
    result: FitResult
    predictor: P_co
    rows: L_co
    ledger: Mapping[str, LedgerEntry] = field(default_factory=dict[str, "LedgerEntry"])
    """What truncation cut from each split; empty for inputs that are never cut."""

    @property
    def asked(self) -> Asked:
        """What the predictor takes."""
        return self.task.signature.of(self.rows.manifest.get("columns", {})).input

    @property
    def role(self) -> str:
        """The input's role."""
        return self.asked.name

    def inputs(self, split: str, most: int) -> Sequence[Any]:
        """What the predictor takes, for the first rows of a split."""
        roles = roles_in(self.asked)
        return joined(roles, [self.rows.inputs(split, role)[:most] for role in roles])


@dataclass(frozen=True)
class Records:
    """What the report quotes: the files of the run as they will be written."""

    recipe: str
    metrics: Mapping[str, Any]
    manifest: Mapping[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a task found out about its trained model."""

    metrics: Mapping[str, Any]
    """Every metric on every split, and what else the task keeps in ``metrics.json``."""
    shown: str
    """The split whose figures are quoted."""
    summary: str
    """A sentence for the top of the report."""
    sections: Callable[[Records], Sequence[ReportSection]]
    examples: Sequence[Mapping[str, Any]]
    manifest: Mapping[str, Any]
    """The task's own part of ``manifest.json``: ``label_names``, and ``problem_type`` where there is one."""


def finish(trained: Trained[P_co, L_co], measure: Callable[[Trained[P_co, L_co]], Outcome]) -> Artifact:
    """Measure the model on every split, and write everything a run leaves; the first process does."""
    run = trained.run
    if run.is_main:
        run.say("measuring on every split")
        _write(trained, measure(trained))
    run.accelerator.wait_for_everyone()
    return Artifact(run.folder, run.recipe, trained.task)


def in_a_sentence(
    recipe: Recipe, metrics: Mapping[str, Any], split: str, name: str, noun: str = "rows", made: str = ""
) -> str:
    """For the top of the report: what was trained on what, and how it came out.

    Args:
        recipe: of the training.
        metrics: of every split.
        split: the one whose figures are quoted.
        name: the metric that is quoted.
        noun: what a row is called, in the plural.
        made: how the model came about; by default what model was trained on what data.
    """
    measured, rows = metrics[split][name], metrics[split]["rows"]
    where = f"the {noun} it was trained on" if split == "train" else f"{rows:,} held-out {noun}"
    interval = show_interval(name, measured)
    end = f" (95% interval {interval})." if interval else "."
    return f"{made or made_from(recipe)}. {describe(name).title} on {where}: {show(name, measured['value'])}{end}"


def rows_to_measure(
    artifact: Artifact,
    data: DataSection | None,
    roles: Sequence[Role],
    labels: LabelSpace | None,
    frame: Frame | None,
    **how: Any,
) -> Rows:
    """The rows ``toolkit evaluate`` works on, as the split ``test``.

    Args:
        artifact: the trained model's run.
        data: where other rows are; by default those of the test split that the run held out.
        roles: what the task needs of a row.
        labels: what the model tells apart; None where rows have no labels.
        frame: what it reads pictures in.
        how: what else :func:`~toolkit.data.load.load_rows` was told at the training.

    Raises:
        DataError: rows that cannot be used, or none that were held out.
    """
    if data is None:
        rows = load_rows(artifact.recipe.data, roles, frame=frame, **how)
        _require_same_rows(rows, artifact)
    else:
        rows = load_labelled(data, roles, labels, artifact.manifest["data"]["columns"], frame)
    if not len(rows.splits.get("test", ())):
        raise DataError("this run held out no test rows (data.test is 0); name some with --data")
    return rows


def _require_same_rows(rows: Rows, artifact: Artifact) -> None:
    """Refuse rows that changed since the training: the model may have seen them, and labels may be in another order.

    Raises:
        DataError: they did.
    """
    data = artifact.manifest["data"]
    if rows.manifest["fingerprints"].get("test") != data["fingerprints"].get("test"):
        message = "its rows are not those of the training any more, so that the test split is another one"
        raise DataError(Finding("error", data["source"], message, "name rows to measure on with --data"))


def _write(trained: Trained[P_co, L_co], outcome: Outcome) -> None:
    run = trained.run
    metrics = dict(outcome.metrics)
    if "performance" not in metrics:  # a task may know better what its speed is
        inputs = trained.inputs(outcome.shown, SPEED_INPUTS)
        metrics["performance"] = measure_speed(trained.predictor, inputs, seconds=SPEED_SECONDS)
    recipe = _pinned(run.recipe, trained)
    manifest = {**_manifest(trained), **outcome.manifest}
    text = dump(recipe)
    with atomic_folder(run.folder / layout.MODEL) as folder:
        trained.predictor.save(folder)
        write_card(folder, recipe, metrics, manifest)
    sections = outcome.sections(Records(text, metrics, manifest))
    write_report(run.folder / layout.REPORT, title=recipe.name, summary=outcome.summary, sections=sections)
    write_text(run.folder / layout.RECIPE, text)
    write_json(run.folder / layout.METRICS, metrics)
    write_examples(run.folder, outcome.examples)
    write_json(run.folder / layout.MANIFEST, manifest)  # last: it says that the run has finished


def _manifest(trained: Trained[Any, Any]) -> dict[str, Any]:
    """``manifest.json``: where every number comes from."""
    run = trained.run
    return {
        "task": trained.task.name,
        "input": trained.asked.noun,
        "recipe": run.recipe.name,
        "seed": run.recipe.train.seed,
        "data": trained.rows.manifest,
        "truncation": {split: entry.to_dict() for split, entry in trained.ledger.items()},
        "fit": asdict(trained.result),
        "matmul_peak_flops": matmul_peak(run.device),
        "versions": versions(),
        "hardware": hardware(run.processes),
    }


def _pinned(recipe: Recipe, trained: Trained[Any, Any]) -> Recipe:
    """The recipe with the commits that model and data really came from, so that it can be repeated."""
    revision = trained.predictor.revision or recipe.model.revision
    model = recipe.model.model_copy(update={"revision": revision})
    commit = trained.rows.manifest.get("revision") or recipe.data.revision
    data = recipe.data.model_copy(update={"revision": commit})
    return recipe.model_copy(update={"model": model, "data": data})
