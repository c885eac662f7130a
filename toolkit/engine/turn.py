"""What is trained: objectives, and the optimiser and schedule that each of them gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from accelerate.optimizer import AcceleratedOptimizer
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from toolkit.engine.batching import Rows
from toolkit.engine.memory import suit_convolutions
from toolkit.engine.optim import build_optimizer, build_schedule
from toolkit.engine.run import Run

Batch = dict[str, Tensor]
IGNORED = -100
"""Among labels that are tokens: padding, which is not learnt. transformers' own number for it."""


class Batches(Protocol):
    """The training rows of a task."""

    def plan(self, epoch: int) -> list[Rows]:
        """The global batches of an epoch, as row indices; the same in every process."""
        ...

    def collate(self, rows: Rows, epoch: int = 0) -> Batch:
        """The model's inputs for some rows, on the CPU; augmented by draws that depend on row and epoch alone."""
        ...


def no_flops(batch: Batch) -> float:
    """The count of an objective whose operations are not known."""
    del batch
    return 0.0


def tokens_of(batch: Batch) -> float:
    """Real tokens of a batch of texts, read and written, padding left out; 0 where there are none.

    A row of several texts has an ``attention_mask`` for each of them, under names that end so.
    """
    masks = [value for name, value in batch.items() if name.endswith("attention_mask")]
    if masks:
        written = float((batch["labels"] != IGNORED).sum()) if "decoder_input_ids" in batch else 0.0
        return written + sum(float(mask.sum()) for mask in masks)
    return float(batch["input_ids"].numel()) if "input_ids" in batch else 0.0


@dataclass(frozen=True)
class Coupled:
    """A loss for which the rows of a step bear on each other, as in-batch negatives do.

    The model sees each piece by itself, the loss sees what it made of all rows of the step: see
    :mod:`toolkit.engine.coupled`.
    """

    outputs: Callable[[nn.Module, Batch], Tensor]
    """What the model makes of a piece, float (rows, width): each row by itself."""
    loss: Callable[[Tensor, Rows], Tensor]
    """From the outputs of all rows of a step, float32 (rows, width), and their row indices: the sum over the rows."""


@dataclass(frozen=True)
class Objective:
    """A loss and the model it trains; several of them take turns on each batch."""

    name: str
    model: nn.Module
    loss: Callable[[nn.Module, Batch], Tensor] | Coupled
    """Sum of the losses of a piece's units; the batch is on the model's device."""
    units: Callable[[Batch], float | Tensor]
    """How many units (rows, label tokens) a piece has."""
    flops: Callable[[Batch], float] = no_flops
    """Floating-point operations of a forward and backward pass over a piece, for ``peak_share``."""


@dataclass(frozen=True)
class Turn:
    """An objective with its optimiser and schedule."""

    number: int
    objective: Objective
    optimizer: AcceleratedOptimizer
    schedule: LRScheduler

    @property
    def parameters(self) -> list[nn.Parameter]:
        """What this turn trains."""
        return [parameter for group in self.optimizer.param_groups for parameter in group["params"]]

    @classmethod
    def prepare(cls, number: int, objective: Objective, run: Run, steps: int) -> Turn:
        """Move an objective's model to the run's device, and build what trains it for so many steps."""
        train = run.recipe.train
        objective.model.to(run.device)
        suit_convolutions(objective.model)
        optimizer = build_optimizer(
            objective.model,
            train.optimizer,
            learning_rate=train.learning_rate,
            weight_decay=train.weight_decay,
            momentum=train.momentum,
        )
        schedule = build_schedule(
            optimizer, train.lr_scheduler_type, steps=steps, warmup_ratio=train.warmup_ratio
        )
        return cls(
            number, objective, AcceleratedOptimizer(optimizer, scaler=run.accelerator.scaler), schedule
        )
