"""Forward passes over many rows: batched by length, shared among processes, given back in the rows' own order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import Accelerator

from toolkit.engine.turn import Batch


@dataclass(frozen=True)
class Places:
    """Where logits go that belong to single positions of a row: a table of ``size`` of them over all rows.

    ``take`` gets row numbers and their logits (rows, positions, labels), and gives places in the table with the logits
    (places, labels) that belong there.
    """

    size: int
    take: Callable[[np.ndarray, torch.Tensor], tuple[np.ndarray, torch.Tensor]]


def forward_rows(
    model: torch.nn.Module,
    lengths: Sequence[int] | np.ndarray,
    collate: Callable[[np.ndarray], Batch],
    *,
    batch_size: int = 32,
    accelerator: Accelerator | None = None,
    places: Places | None = None,
) -> np.ndarray:
    """Logits of every row, float32, shape (rows, labels), in the rows' own order; or (places, labels).

    Args:
        model: gives an output with ``logits``; run in evaluation mode, which is restored afterwards.
        lengths: tokens of each row; like lengths share a batch, so that hardly any padding is computed.
        collate: turns row numbers into the model's inputs on any device.
        batch_size: rows per forward pass.
        accelerator: when given, its processes share the batches and each gets all logits.
        places: for a model with a row of logits for each token; those of places nobody takes are 0.
    """
    device = next(model.parameters()).device

    def logits(rows: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
        inputs = {name: value.to(device) for name, value in collate(rows).items() if name != "labels"}
        output = model(**inputs).logits.float().cpu()
        return places.take(rows, output) if places else (rows, output)

    size = places.size if places else len(lengths)
    return _gathered(model, _batches(lengths, batch_size), logits, size, accelerator)


def compute_rows(
    model: torch.nn.Module,
    lengths: Sequence[int] | np.ndarray,
    collate: Callable[[np.ndarray], Batch],
    compute: Callable[[Batch], torch.Tensor],
    *,
    batch_size: int = 32,
    accelerator: Accelerator | None = None,
) -> np.ndarray:
    """What ``compute`` makes of every row, (rows, …), in the rows' own order.

    Args:
        model: run in evaluation mode, which is restored afterwards.
        lengths: tokens of each row; like lengths share a batch.
        collate: turns row numbers into a batch on any device.
        compute: from a batch on the model's device to numbers of one shape and type a row, the same for every batch.
        batch_size: rows per batch.
        accelerator: when given, its processes share the batches and each gets all rows.

    Raises:
        ValueError: there are no rows.
    """
    device = next(model.parameters()).device

    def computed(rows: np.ndarray) -> tuple[np.ndarray, torch.Tensor]:
        return rows, compute({name: value.to(device) for name, value in collate(rows).items()}).cpu()

    return _gathered(model, _batches(lengths, batch_size), computed, len(lengths), accelerator)


def _batches(lengths: Sequence[int] | np.ndarray, size: int) -> list[np.ndarray]:
    """Row numbers, those of like length together."""
    order = np.argsort(np.asarray(lengths), kind="stable")
    return [order[start : start + size] for start in range(0, len(order), size)]


def _gathered(
    model: torch.nn.Module,
    batches: Sequence[np.ndarray],
    compute: Callable[[np.ndarray], tuple[np.ndarray, torch.Tensor]],
    size: int,
    accelerator: Accelerator | None,
) -> np.ndarray:
    """What ``compute`` makes of each batch, put where it says in a table of ``size`` rows."""
    rank, world = (accelerator.process_index, accelerator.num_processes) if accelerator else (0, 1)
    found: torch.Tensor | None = None
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        # Every process runs at least one batch, so that all know a row's shape before they are summed.
        for rows in batches[rank::world] or batches[:1]:
            at, output = compute(rows)
            if found is None:
                found = torch.zeros(size, *output.shape[1:], dtype=output.dtype)
            found[torch.from_numpy(at)] = output if rank < len(batches) else torch.zeros_like(output)
    model.train(was_training)
    if found is None:
        raise ValueError("no rows to run the model on")
    return _sum_over_processes(found, accelerator).numpy()


def _sum_over_processes(found: torch.Tensor, accelerator: Accelerator | None) -> torch.Tensor:
    """Add up what the processes found: each has zeros where another computed the row."""
    if accelerator is None or accelerator.num_processes == 1:
        return found
    total = accelerator.reduce(found.to(accelerator.device), reduction="sum")
    assert isinstance(total, torch.Tensor)  # reduce keeps the type of what it is given
    return total.cpu()
