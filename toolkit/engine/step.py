"""One optimiser step: the pieces of a batch, their common loss, the processes' sum, memory that runs out."""

from __future__ import annotations

import gc
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from safetensors.torch import save_file
from torch import Tensor, nn

from toolkit.engine.batching import Rows, cut
from toolkit.engine.coupled import coupled_losses
from toolkit.engine.pieces import begin_piece, out_of_memory
from toolkit.engine.run import Run
from toolkit.engine.state import State
from toolkit.engine.turn import Batch, Batches, Coupled, Turn, tokens_of
from toolkit.errors import TrainingError
from toolkit.files import write_json


@dataclass(frozen=True)
class Report:
    """What one step did, summed over the processes."""

    loss: float
    """Per unit."""
    norm: float
    """Of the gradient, before clipping."""
    tokens: float
    flops: float


def take_step(turn: Turn, batches: Batches, rows: Rows, run: Run, state: State) -> Report:
    """One optimiser step on a global batch, the same whatever the number of pieces and processes.

    Raises:
        TrainingError: the loss or the gradient is not finite, or a single row does not fit into memory.
    """
    while True:
        turn.optimizer.zero_grad()
        pieces = [
            batches.collate(piece, state.epoch)
            for piece in cut(rows, run.processes, state.accumulation)[_rank(run)]
        ]
        counts = (turn.objective.units, tokens_of, turn.objective.flops)
        units, tokens, flops = run.sum(*(sum(float(count(piece)) for piece in pieces) for count in counts))
        losses = _accumulate(turn, pieces, rows, max(units, 1.0), run, state)
        # Processes agree on whether to try again before they exchange gradients: one that ran out of memory
        # while the others wait for its gradients would hang them.
        loss, failures = run.sum(sum(losses or ()), float(losses is None))
        if not failures:
            break
        _smaller_pieces(rows, run, state)
    _sum_gradients(turn.parameters, run)
    norm = _clip(turn, run)
    if not math.isfinite(loss) or (not math.isfinite(norm) and run.accelerator.scaler is None):
        raise _not_finite(pieces, losses or [], rows, run, state)
    turn.optimizer.step()
    if not turn.optimizer.step_was_skipped:
        turn.schedule.step()
    return Report(loss / max(units, 1.0), norm, tokens, flops)


def _accumulate(
    turn: Turn, pieces: Sequence[Batch], rows: Rows, units: float, run: Run, state: State
) -> list[float] | None:
    """Add up the pieces' gradients; their losses, or None when memory ran out."""
    loss = turn.objective.loss
    if isinstance(loss, Coupled):
        return coupled_losses(turn, pieces, rows, units, run, state)
    losses: list[Tensor] = []
    try:
        for number, piece in enumerate(pieces):
            moved = begin_piece(turn, number, piece, run, state)
            with run.accelerator.autocast():
                value = loss(turn.objective.model, moved)
            run.accelerator.backward(value / units)
            losses.append(value.detach())
        return [float(value) for value in losses]
    except (RuntimeError, MemoryError) as error:
        if not out_of_memory(error):
            raise
    return None


def _smaller_pieces(rows: Rows, run: Run, state: State) -> None:
    pieces = min(state.accumulation, math.ceil(len(rows) / run.processes))
    if pieces * run.processes >= len(rows):
        raise TrainingError(
            "out of memory on a single row: shorten or shrink the inputs, use LoRA, gradient checkpointing "
            "or a smaller model"
        )
    state.accumulation = pieces * 2
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    text = f"half the micro-batch, {state.accumulation} pieces per step and process, the same result"
    run.say(f"out of memory at step {state.step + 1}: {text}")


def _sum_gradients(parameters: Iterable[nn.Parameter], run: Run) -> None:
    """Add the processes' gradients.

    By hand rather than through DistributedDataParallel: a process may have no piece of a small batch, may leave
    parameters unused or call its model in any way, and can still back out when another runs out of memory.
    """
    if run.processes == 1:
        return
    gradients: list[Tensor] = []
    for parameter in parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    work = [dist.all_reduce(gradient, async_op=True) for gradient in gradients]
    for reduction in work:
        reduction.wait()


def _clip(turn: Turn, run: Run) -> float:
    """Scale the gradient down to the longest allowed; its norm before."""
    run.accelerator.unscale_gradients(turn.optimizer)
    gradients = [p.grad for p in turn.parameters if p.grad is not None]
    norm = torch.nn.utils.get_total_norm(gradients)
    limit = run.recipe.train.max_grad_norm
    if limit is not None and norm > limit:
        torch.nn.utils.clip_grads_with_norm_(turn.parameters, limit, norm)
    return float(norm)


def _not_finite(
    pieces: Sequence[Batch], losses: Sequence[float], rows: Rows, run: Run, state: State
) -> TrainingError:
    """Save the batch that broke the training, and say where it is."""
    folder = run.folder / "offending_batch"
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{n}.{key}": value.contiguous() for n, piece in enumerate(pieces) for key, value in piece.items()
    }
    save_file(tensors, folder / f"process{_rank(run)}.safetensors")
    bad = [n for n, loss in enumerate(losses) if not math.isfinite(loss)]
    if run.is_main:
        write_json(
            folder / "rows.json", {"step": state.step + 1, "epoch": state.epochs, "rows": rows.tolist()}
        )
    what = "loss" if bad or run.processes > 1 else "gradient"
    return TrainingError(
        f"the {what} is not a finite number at step {state.step + 1}; the batch is saved in {folder} "
        "(tensors and row numbers). Lower train.learning_rate, or look at these rows"
    )


def _rank(run: Run) -> int:
    return run.accelerator.process_index
