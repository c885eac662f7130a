"""One execution of a recipe: its folder, its processes, its diary and its voice."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, DistributedType
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
from accelerate.utils import InitProcessGroupKwargs, ProjectConfiguration, broadcast_object_list

from toolkit.artifact import layout
from toolkit.engine.history import History
from toolkit.engine.launch import check_processes, end_with_launcher
from toolkit.engine.progress import Talk
from toolkit.engine.seed import seed_everything
from toolkit.errors import Finding, RecipeError, did_you_mean, raise_errors
from toolkit.recipe.schema import Recipe, TrainSection

if TYPE_CHECKING:
    from toolkit.engine.session import FitResult

PATIENCE = timedelta(hours=6)
"""How long processes wait for the first one, which alone measures and writes when training is done."""
PLAIN = {DistributedType.NO, DistributedType.MULTI_CPU, DistributedType.MULTI_GPU, DistributedType.MULTI_XPU}
"""Ways of running in which every process holds the whole model."""


@dataclass(frozen=True)
class Stage:
    """Which of several trainings in a row this is, and what came before it."""

    name: str = ""
    """Empty for the first one, which most runs leave it at."""
    before: FitResult | None = None
    """How the stage before went; the models have its best weights."""
    prepared: float = 0.0
    """Seconds of this stage before its first step."""

    @property
    def steps(self) -> int:
        """Optimiser steps of the stages before."""
        return self.before.steps if self.before else 0

    @property
    def epochs(self) -> float:
        """Passes over the data of the stages before."""
        return self.before.epochs if self.before else 0.0

    @property
    def seconds(self) -> float:
        """Time spent before the first step of this stage."""
        return self.prepared + (self.before.seconds if self.before else 0.0)

    def shift(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """A line of history with its position counted from the start of the run."""
        moved = {"step": self.steps, "epoch": self.epochs, "seconds": self.seconds}
        return {key: value + moved[key] if key in moved else value for key, value in line.items()}


@dataclass
class Run:
    """What a task needs to execute a recipe.

    ``start`` makes one; ``close`` ends its trackers.
    """

    folder: Path
    recipe: Recipe
    accelerator: Accelerator
    history: History
    talk: Talk
    resume: bool = False
    stage: Stage = Stage()

    @classmethod
    def start(cls, recipe: Recipe, folder: Path, resume: bool = False, progress: bool = True) -> Run:
        """Open the run's folder, join its processes and seed everything.

        Args:
            recipe: resolved.
            folder: the run's folder, made when missing; the first process's choice counts.
            resume: go on from ``checkpoints/last`` when there is one.
            progress: talk on stderr.

        Raises:
            RecipeError: unknown or missing trackers, a precision this machine does not have.
            TrainingError: fewer or more processes run than were asked for.
        """
        end_with_launcher()
        raise_errors(check_train(recipe.train), RecipeError)
        accelerator = _accelerator(recipe.train, folder)
        check_processes(accelerator.num_processes)
        folder = Path(broadcast_object_list([str(folder)])[0])  # each may have named it after its own clock
        folder.mkdir(parents=True, exist_ok=True)
        history = History(folder / layout.HISTORY)
        talk = Talk(speaks=progress and accelerator.is_main_process)
        run = cls(folder, recipe, accelerator, history, talk, resume)
        if run.is_main and not resume:
            history.path.unlink(missing_ok=True)
            shutil.rmtree(run.checkpoints, ignore_errors=True)
        if recipe.train.report_to:
            accelerator.init_trackers(recipe.name or recipe.task, config=_flat(recipe.model_dump()))
        seed_everything(recipe.train.seed)
        return run

    @property
    def checkpoints(self) -> Path:
        """Where ``last`` and ``best`` are kept."""
        return self.folder / layout.CHECKPOINTS / self.stage.name

    @property
    def has_later_stage(self) -> bool:
        """Whether a stage after this one has begun: then this one is done, and history goes on beyond it."""
        return any(self.checkpoints.glob("*/last"))

    def then(self, stage: Stage, train: TrainSection) -> Run:
        """The same run in its next stage."""
        return replace(self, stage=stage, recipe=self.recipe.model_copy(update={"train": train}))

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and talks."""
        return self.accelerator.is_main_process

    @property
    def processes(self) -> int:
        """How many processes share the work."""
        return self.accelerator.num_processes

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.accelerator.device

    def say(self, text: str) -> None:
        """One line on stderr, from the first process only."""
        self.talk.say(text)

    def record(self, line: Mapping[str, Any]) -> None:
        """Write a line of history, and the same numbers to the trackers.

        Raises:
            DiskFullError: no space left.
        """
        line = self.stage.shift(line)
        if self.is_main:
            self.history.add(line)
        numbers = {key: value for key, value in _flat(line).items() if isinstance(value, int | float)}
        self.accelerator.log(numbers, step=line["step"])

    def sum(self, *values: float) -> list[float]:
        """Each value summed over the processes."""
        if self.processes == 1:
            return list(values)
        # float64 holds every count exactly; Apple's GPUs, which lack it, never run several processes.
        total = self.accelerator.reduce(torch.tensor(values, dtype=torch.float64, device=self.device), "sum")
        assert isinstance(total, torch.Tensor)  # reduce keeps the type of what it is given
        return total.tolist()

    def agree(self, values: Sequence[float]) -> list[float]:
        """The first process's values, in every process."""
        if self.processes == 1:
            return list(values)
        tensor = torch.tensor(values, dtype=torch.float64, device=self.device)
        self.share([tensor])
        return tensor.tolist()

    def share(self, tensors: Sequence[torch.Tensor]) -> None:
        """Give every process the first one's tensors, in place."""
        if self.processes > 1:
            for tensor in tensors:
                torch.distributed.broadcast(tensor.data, 0)

    def close(self) -> None:
        """Finish the trackers' files."""
        for tracker in self.accelerator.trackers:
            tracker.finish()
        self.accelerator.trackers.clear()


def check_train(train: TrainSection) -> list[Finding]:
    """What in the ``train`` section cannot work on this machine."""
    findings = [_check_tracker(name) for name in train.report_to]
    gpus, local = torch.cuda.device_count(), int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    if train.device == "auto" and 0 < gpus < local:
        fix = "start one process per GPU, or set train.device to cpu"
        findings.append(Finding("error", "train.device", f"{local} processes for {gpus} GPUs", fix))
    if train.mixed_precision == "fp16" and (train.device == "cpu" or not torch.accelerator.is_available()):
        fix = "use bf16 or no"
        findings.append(Finding("error", "train.mixed_precision", "fp16 needs a GPU", fix))
    if train.unfreeze and (train.freeze == "none" or train.lora):
        fix = "set train.freeze to backbone or a number of layers, or leave train.unfreeze out"
        message = "there is nothing to unfreeze" if not train.lora else "LoRA keeps the model frozen"
        findings.append(Finding("error", "train.unfreeze", message, fix))
    return [finding for finding in findings if finding]


def _check_tracker(name: str) -> Finding | None:
    where = "train.report_to"
    if name not in LOGGER_TYPE_TO_CLASS:
        return Finding("error", where, f"unknown tracker '{name}'", did_you_mean(name, LOGGER_TYPE_TO_CLASS))
    if name not in {str(tracker) for tracker in get_available_trackers()}:
        return Finding(
            "error", where, f"tracker '{name}' is not installed", f"pip install {name.replace('_', '-')}"
        )
    return None


def _accelerator(train: TrainSection, folder: Path) -> Accelerator:
    # Accelerate keeps one state per interpreter and refuses another precision or device; a notebook trains twice.
    joined = torch.distributed.is_available() and torch.distributed.is_initialized()
    AcceleratorState._reset_state(reset_partial_state=not joined)  # pyright: ignore[reportPrivateUsage]
    accelerator = Accelerator(
        cpu=train.device == "cpu" or not torch.accelerator.is_available(),
        mixed_precision=train.mixed_precision,
        log_with=list(train.report_to) or None,
        project_config=ProjectConfiguration(project_dir=str(folder), logging_dir=str(folder / "trackers")),
        kwargs_handlers=[InitProcessGroupKwargs(timeout=PATIENCE)],
    )
    if accelerator.distributed_type not in PLAIN:
        name = accelerator.distributed_type.value
        raise RecipeError(
            f"{name} is not supported; start plain data-parallel processes (toolkit train … --processes N)"
        )
    return accelerator


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, str | int | float | bool]:
    """Nested data as ``a/b: value``, which is what trackers take."""
    flat: dict[str, str | int | float | bool] = {}
    for key, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{key}/")
        else:
            flat[prefix + key] = value if isinstance(value, str | int | float | bool) else str(value)
    return flat
