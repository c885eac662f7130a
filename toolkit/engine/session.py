"""What happens around the steps of a training: position, history, evaluation, best and last checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field

from torch import nn

from toolkit.engine import keeping
from toolkit.engine.batching import Rows
from toolkit.engine.freeze import to_training
from toolkit.engine.memory import peak_memory
from toolkit.engine.metric import Goal
from toolkit.engine.peak import matmul_peak
from toolkit.engine.run import Run
from toolkit.engine.state import State, Window
from toolkit.engine.step import Report
from toolkit.engine.turn import Batches, Objective, Turn
from toolkit.recipe.schema import TrainSection

Evaluate = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class FitResult:
    """How a training went."""

    steps: int
    epochs: float
    seconds: float
    """From start to end, evaluations included and interruptions left out."""
    best_metric: float | None
    best_step: int
    stopped: str | None
    """Why it ended before its last step, if it did."""
    samples_per_second: float
    """In optimiser steps."""
    peak_memory_bytes: int
    warnings: list[str]


@dataclass
class Session:
    """A training under way."""

    run: Run
    turns: list[Turn]
    total: int
    """Optimiser steps of the whole training."""
    goal: Goal | None
    """What evaluations are judged by; None when there are none."""
    state: State
    _clock: float = field(default_factory=time.perf_counter)

    @classmethod
    def start(
        cls,
        objectives: Sequence[Objective],
        batches: Batches,
        run: Run,
        best_metric: str,
        metrics: Collection[str] | None,
    ) -> Session:
        """Optimisers and schedules for the objectives, and the state of the checkpoint when resuming.

        Args:
            objectives: what to train.
            batches: the training rows.
            run: gives the recipe, the processes and the folder.
            best_metric: the task's own choice of metric.
            metrics: names the evaluation gives (empty: not known yet), or None when there is no evaluation.
        """
        train = run.recipe.train
        goal = Goal.of(train, best_metric, metrics)
        total = total_steps(batches, train)
        turns = [Turn.prepare(number, objective, run, total) for number, objective in enumerate(objectives)]
        state = keeping.resume(run, turns) if run.resume else None
        if state:
            run.say(f"resuming at step {state.step} of {total}")
        state = state or _first_state(run, turns)
        session = cls(run, turns, total, goal, state)
        for model in session.models:
            to_training(model)
            run.share([*model.parameters(), *model.buffers()])
        return session

    @property
    def models(self) -> list[nn.Module]:
        """The objectives' models."""
        return [turn.objective.model for turn in self.turns]

    @property
    def train(self) -> TrainSection:
        """The recipe's ``train`` section."""
        return self.run.recipe.train

    def remaining(self, batches: Batches) -> Iterator[Rows]:
        """The batches not yet done, epoch after epoch."""
        while self.state.step < self.total and not self.state.stopped:
            plan = batches.plan(self.state.epoch)
            self.state.batches = len(plan)
            for rows in plan[self.state.position :]:
                if self.state.step == self.total:
                    return
                yield rows
            self.state.epoch, self.state.position = self.state.epoch + 1, 0

    def count(self, rows: Rows, reports: Sequence[Report], seconds: float) -> None:
        """Note a step that was taken."""
        state, window = self.state, self.state.window
        state.step += 1
        state.position += 1
        state.samples += len(rows)
        state.seconds += seconds
        window.steps += 1
        window.samples += len(rows)
        window.seconds += seconds
        window.tokens += reports[0].tokens
        for turn, report in zip(self.turns, reports, strict=True):
            name = turn.objective.name
            window.flops += report.flops
            window.losses[name] = window.losses.get(name, 0.0) + report.loss
            if math.isfinite(report.norm):  # otherwise fp16's scaler has skipped the step
                window.norms[name] = report.norm
        self.run.talk.advance(state.step)

    @property
    def _last_step(self) -> bool:
        return self.state.step == self.total

    @property
    def log_due(self) -> bool:
        """Whether a line of history is due."""
        return self.state.step % self.train.logging_steps == 0 or self._last_step

    @property
    def evaluation_due(self) -> bool:
        """Whether this step ends an evaluation interval, an epoch or the training."""
        if self._last_step:
            return True
        if self.train.eval_steps:
            return self.state.step % self.train.eval_steps == 0
        return self.state.position == self.state.batches

    @property
    def save_due(self) -> bool:
        """Whether a resumable checkpoint is due."""
        if self.train.save_steps and not self._last_step and not self.state.stopped:
            return self.state.step % self.train.save_steps == 0
        return self.evaluation_due

    def log(self) -> None:
        """Write the means since the last line, and warn of gradients that vanish or explode."""
        state, window = self.state, self.state.window
        speed = window.samples / window.seconds
        line: dict[str, float | int | None] = {"step": state.step, "epoch": round(state.epochs, 6)}
        for turn in self.turns:
            name = turn.objective.name
            norm = window.norms.get(name, math.inf)
            suffix = f"_{name}" if len(self.turns) > 1 else ""
            line[f"loss{suffix}"] = window.losses[name] / window.steps
            line[f"learning_rate{suffix}"] = float(turn.schedule.get_last_lr()[0])
            line[f"gradient_norm{suffix}"] = norm
            warning = state.watch(name, norm)
            if warning:
                self.run.say(f"warning: {warning}")
        line["samples_per_second"] = speed
        line |= {"tokens_per_second": window.tokens / window.seconds} if window.tokens else {}
        line |= {"peak_share": self._peak_share(), "seconds": state.seconds}
        self.run.record(line)
        loss = sum(window.losses.values()) / window.steps
        left = (self.total - state.step) * state.seconds / state.step
        self.run.talk.figures(state.step, f"loss {loss:.4f}", speed, left)
        state.window = Window()

    def _peak_share(self) -> float | None:
        window = self.state.window
        if not window.flops:
            return None
        return window.flops / window.seconds / (matmul_peak(self.run.device) * self.run.processes)

    def judge(self, evaluate: Evaluate) -> None:
        """Evaluate, keep the best weights, and decide whether to stop early.

        Raises:
            RecipeError: the metric that was asked for is not among those given.
        """
        assert self.goal is not None  # there is a goal when there is an evaluation
        for model in self.models:
            self.run.share(list(model.buffers()))
            model.eval()
        scores = self._agree(evaluate())
        for model in self.models:
            to_training(model)
        state = self.state
        value = self.goal.value(scores)
        self.run.record({"step": state.step, "epoch": round(state.epochs, 6), "validation": scores})
        self.run.say(f"step {state.step}: validation {self.goal.name} {value:.4f}")
        if state.improves(value, self.goal.minimise, scores.get("loss")) and self.run.is_main:
            keeping.save_best(self.run, self.turns, {"step": state.step, self.goal.name: value})
        patience = self.train.early_stopping_patience
        if patience and state.misses >= patience and not self._last_step:
            state.stopped = f"no better validation {self.goal.name} in {patience} evaluations"
            self.run.say(f"stopping early at step {state.step}: {state.stopped}")

    def _agree(self, scores: dict[str, float]) -> dict[str, float]:
        """The first process's scores, so that all decide alike."""
        names = sorted(scores)
        return dict(zip(names, self.run.agree([float(scores[name]) for name in names]), strict=True))

    def save(self) -> None:
        """Write ``checkpoints/last``, from which a killed run goes on."""
        self._tick()
        keeping.save_last(self.run, self.turns, self.state)

    def _tick(self) -> None:
        now = time.perf_counter()
        self.state.wall_seconds += now - self._clock
        self._clock = now

    def finish(self) -> FitResult:
        """Give the models the best weights, and sum up."""
        self._tick()
        state = self.state
        self.run.accelerator.wait_for_everyone()
        if state.best is not None:
            keeping.restore_best(self.run, self.turns)
        stage = self.run.stage
        return FitResult(
            steps=state.step + stage.steps,
            epochs=round(state.epochs + stage.epochs, 6),
            seconds=state.wall_seconds + stage.seconds,
            best_metric=state.best,
            best_step=state.best_step + stage.steps,
            stopped=state.stopped,
            samples_per_second=state.samples / state.seconds if state.seconds else 0.0,
            peak_memory_bytes=peak_memory(self.run.device),
            warnings=list(state.warnings),
        )


def _first_state(run: Run, turns: Sequence[Turn]) -> State:
    """Where a stage begins: its weights must be better than the best ones of the stage before, or those are kept."""
    before = run.stage.before
    state = State(accumulation=run.recipe.train.gradient_accumulation_steps)
    if before is None:
        return state
    state.warnings += before.warnings
    if before.best_metric is not None:
        state.best, state.best_step = before.best_metric, before.best_step - run.stage.steps
        keeping.save_best(run, turns, {"step": before.best_step, "of": "the stage before"})
    return state


def total_steps(batches: Batches, train: TrainSection) -> int:
    """Optimiser steps of a training: ``max_steps``, or those of its epochs, fractions rounded up."""
    if train.max_steps:
        return train.max_steps
    whole = int(train.epochs)
    steps = sum(len(batches.plan(epoch)) for epoch in range(whole))
    if train.epochs > whole:
        steps += math.ceil((train.epochs - whole) * len(batches.plan(whole)))
    return steps
