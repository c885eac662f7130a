"""What each piece of a step begins with, and how it may end: short of memory."""

from __future__ import annotations

import torch
from accelerate.utils.memory import should_reduce_batch_size

from toolkit.engine.run import Run
from toolkit.engine.seed import seed_everything
from toolkit.engine.state import State
from toolkit.engine.turn import Batch, Turn


def begin_piece(turn: Turn, number: int, piece: Batch, run: Run, state: State) -> Batch:
    """Seed for this process's ``number``-th piece of the step, and bring it to the device."""
    rank = run.accelerator.process_index
    seed_everything(run.recipe.train.seed, state.step, turn.number, rank + number * run.processes)
    return {key: value.to(run.device, non_blocking=True) for key, value in piece.items()}


def out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether an error says that memory ran out."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return should_reduce_batch_size(error) or "not enough memory" in str(error)
