"""How fast this machine multiplies matrices: the yardstick of ``peak_share``."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import torch

SIZES = {"cpu": 1024}
"""Side of the square matrices; elsewhere large enough to fill a GPU."""
SECONDS = 1.0
"""How long to measure: the best of many short runs is what the machine can do."""


@functools.cache
def matmul_peak(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Floating-point operations per second of a square matrix multiply, the best seen in about a second."""
    side = SIZES.get(device.type, 4096)
    left, right = (torch.ones(side, side, device=device, dtype=dtype) for _ in range(2))
    best = 0.0
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end:
        started = time.perf_counter()
        (left @ right)[0, 0].item()  # reading a value waits for the device
        best = max(best, 2 * side**3 / (time.perf_counter() - started))
    return best


def training_flops(model: torch.nn.Module) -> float:
    """Floating-point operations of one training step for each token.

    2 forward for every weight of a matrix multiply, 2 for the gradient of its input, and 2 for its own when it is
    trained (Kaplan et al. 2020, arXiv:2001.08361, section 2.1). Embedding tables, which are looked up and not
    multiplied, and attention scores are left out; so is, in a model of repeated layers, all outside of them: a head
    runs once for each input, not for each token.
    """
    layers = [m for m in model.modules() if isinstance(m, torch.nn.ModuleList)] or [model]
    kinds = (torch.nn.Linear, torch.nn.RNNBase)
    found = {
        id(weight): weight
        for layer in layers
        for module in layer.modules()
        if isinstance(module, kinds)
        for weight in module.parameters(recurse=False)
        if weight.ndim == 2
    }
    return float(sum((6 if weight.requires_grad else 4) * weight.numel() for weight in found.values()))


def picture_flops(model: torch.nn.Module, pixel_values: torch.Tensor) -> float:
    """Floating-point operations of one training step for each picture: those of a forward pass, counted, three times.

    As for texts, the backward pass counts twice the forward one; what is frozen is counted as if it were trained.

    Args:
        model: called with ``pixel_values``.
        pixel_values: float (pictures, channels, height, width).
    """
    return 3.0 * forward_flops(model, lambda: model(pixel_values=pixel_values)) / len(pixel_values)


def forward_flops(model: torch.nn.Module, forward: Callable[[], object]) -> float:
    """Floating-point operations of a forward pass, counted while it runs in evaluation mode.

    Args:
        model: what ``forward`` runs.
        forward: makes the pass.
    """
    from torch.utils.flop_counter import FlopCounterMode

    was_training = model.training
    model.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        forward()
    model.train(was_training)
    return float(counter.get_total_flops())
