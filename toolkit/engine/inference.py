"""Forward passes over many rows: batched by length, shared among processes, given back in the rows' own order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator

from toolkit.engine.turn import Batch


def _logits(output: Any, inputs: Batch) -> torch.Tensor:
    del inputs
    return output.logits


def forward_rows(
    model: torch.nn.Module,
    lengths: Sequence[int] | np.ndarray,
    collate: Callable[[np.ndarray], Batch],
    *,
    batch_size: int = 32,
    accelerator: Accelerator | None = None,
    take: Callable[[Any, Batch], torch.Tensor] = _logits,
) -> np.ndarray:
    """Logits of every row, float32, shape (rows, labels), in the rows' own order.

    Args:
        model: gives an output with ``logits``; run in evaluation mode, which is restored afterwards.
        lengths: tokens of each row; like lengths share a batch, so that hardly any padding is computed.
        collate: turns row numbers into the model's inputs on any device.
        batch_size: rows per forward pass.
        accelerator: when given, its processes share the batches and each gets all logits.
        take: what to keep of the model's output for some inputs, (rows, any), in place of the logits.
    """
    order = np.argsort(np.asarray(lengths), kind="stable")
    batches = [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
    rank, world = (accelerator.process_index, accelerator.num_processes) if accelerator else (0, 1)
    device = next(model.parameters()).device
    logits: torch.Tensor | None = None
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        # Every process runs at least one batch, so that all know the logits' width before they are summed.
        for rows in batches[rank::world] or batches[:1]:
            inputs = {k: v.to(device) for k, v in collate(rows).items() if k != "labels"}
            output = take(model(**inputs), inputs).float().cpu()
            if logits is None:
                logits = torch.zeros(len(order), *output.shape[1:])
            logits[torch.from_numpy(rows)] = output if rank < len(batches) else 0.0
    model.train(was_training)
    if logits is None:
        raise ValueError("no rows to run the model on")
    return _sum_over_processes(logits, accelerator).numpy()


def _sum_over_processes(logits: torch.Tensor, accelerator: Accelerator | None) -> torch.Tensor:
    """Add up the processes' logits: each has zeros where another computed the row."""
    if accelerator is None or accelerator.num_processes == 1:
        return logits
    total = accelerator.reduce(logits.to(accelerator.device), reduction="sum")
    assert isinstance(total, torch.Tensor)  # reduce keeps the type of what it is given
    return total.cpu()
