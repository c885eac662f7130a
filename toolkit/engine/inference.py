"""Forward passes over many rows: batched by length, shared among processes, given back in the rows' own order."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from accelerate import Accelerator

from toolkit.engine.turn import Batch


def forward_rows(
    model: torch.nn.Module,
    lengths: Sequence[int] | np.ndarray,
    collate: Callable[[np.ndarray], Batch],
    *,
    batch_size: int = 32,
    accelerator: Accelerator | None = None,
) -> np.ndarray:
    """Logits of every row, float32, shape (rows, labels), in the rows' own order.

    Args:
        model: gives an output with ``logits``; run in evaluation mode, which is restored afterwards.
        lengths: tokens of each row; like lengths share a batch, so that hardly any padding is computed.
        collate: turns row numbers into the model's inputs on any device.
        batch_size: rows per forward pass.
        accelerator: when given, its processes share the batches and each gets all logits.
    """

    def logits(batch: Batch) -> torch.Tensor:
        inputs = {name: value for name, value in batch.items() if name != "labels"}
        return model(**inputs).logits.float()

    return compute_rows(model, lengths, collate, logits, batch_size=batch_size, accelerator=accelerator)


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
    order = np.argsort(np.asarray(lengths), kind="stable")
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    rank, world = (accelerator.process_index, accelerator.num_processes) if accelerator else (0, 1)
    device = next(model.parameters()).device
    found: torch.Tensor | None = None
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        # Every process runs at least one batch, so that all know a row's shape before they are summed.
        for rows in batches[rank::world] or batches[:1]:
            output = compute({name: value.to(device) for name, value in collate(rows).items()}).cpu()
            if found is None:
                found = torch.zeros(len(order), *output.shape[1:], dtype=output.dtype)
            found[torch.from_numpy(rows)] = output if rank < len(batches) else torch.zeros_like(output)
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
