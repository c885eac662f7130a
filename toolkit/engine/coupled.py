"""Steps whose rows bear on each other, still cut into pieces and shared among processes.

The gradient cache of Gao et al. 2021 (arXiv:2101.06983): a first pass computes the outputs of every piece and forgets
how, the loss of the whole batch is taken of these outputs, and a second pass computes each piece again and carries the
gradient that the loss has at its outputs into the model. It is the chain rule, so that the step is exactly that of one
large piece. Each pass is seeded alike, so that both draw the same dropout.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from toolkit.engine.batching import Rows, cut
from toolkit.engine.pieces import begin_piece, out_of_memory
from toolkit.engine.run import Run
from toolkit.engine.state import State
from toolkit.engine.turn import Batch, Coupled, Turn


def coupled_losses(
    turn: Turn, pieces: Sequence[Batch], rows: Rows, units: float, run: Run, state: State
) -> list[float] | None:
    """Add up the gradients of this process's pieces; the loss of the whole batch, or None when memory ran out.

    The first process tells the loss and the others tell 0, so that their sum is the loss.
    """
    loss = turn.objective.loss
    assert isinstance(loss, Coupled)
    first = _outputs(turn, loss, pieces, run, state)
    # Nobody may wait for the outputs of a process that has none.
    if run.sum(float(first is None))[0] or first is None:
        return None
    places = cut(np.arange(len(rows)), run.processes, state.accumulation)[run.accelerator.process_index]
    whole = _gather(first, places, len(rows), run).requires_grad_()
    try:
        with torch.enable_grad():
            total = loss.loss(whole, rows)
        (gradient,) = torch.autograd.grad(total / units, whole)
        for number, (piece, place) in enumerate(zip(pieces, places, strict=True)):
            outputs = first[0] if len(pieces) == 1 else _output(turn, loss, number, piece, run, state)
            run.accelerator.backward((outputs.float() * gradient[torch.from_numpy(place)]).sum())
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
        return None
    return [float(total.detach()) if run.is_main else 0.0]


def _outputs(
    turn: Turn, loss: Coupled, pieces: Sequence[Batch], run: Run, state: State
) -> list[Tensor] | None:
    """What the model makes of each piece; with its graph where a single piece is all, which needs no second pass."""
    try:
        with torch.set_grad_enabled(len(pieces) == 1):
            return [_output(turn, loss, number, piece, run, state) for number, piece in enumerate(pieces)]
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
    return None


def _output(turn: Turn, loss: Coupled, number: int, piece: Batch, run: Run, state: State) -> Tensor:
    moved = begin_piece(turn, number, piece, run, state)
    with run.accelerator.autocast():
        return loss.outputs(turn.objective.model, moved)


def _gather(outputs: Sequence[Tensor], places: Sequence[Rows], rows: int, run: Run) -> Tensor:
    """The outputs of all processes' pieces in the order of the batch, float32 (rows, width)."""
    # The first process always has a piece; another one may have none of a small batch.
    width = int(run.agree([float(outputs[0].shape[1]) if outputs else 0.0])[0])
    whole = torch.zeros(rows, width, device=run.device)
    for output, place in zip(outputs, places, strict=True):
        whole[torch.from_numpy(place)] = output.detach().float()
    if run.processes > 1:
        dist.all_reduce(whole)
    return whole
