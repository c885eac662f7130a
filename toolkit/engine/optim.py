"""Optimisers and learning-rate schedules from flat arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

FALLS: dict[str, Callable[[float], float]] = {
    "linear": lambda done: 1.0 - done,
    "cosine": lambda done: 0.5 * (1.0 + math.cos(math.pi * done)),  # Loshchilov & Hutter 2017, eq. 5
    "polynomial": lambda done: 1.0 - done,
    "constant": lambda done: 1.0,
    "constant_with_warmup": lambda done: 1.0,
}
"""The learning rate as a share of the highest, by the share of the steps after the warm-up that are done."""
FUSED_DEVICES = ("cpu", "cuda", "mps", "xpu")


def decay_groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Trainable parameters in two groups: weights that decay, and the norms, biases and scalars that do not.

    A parameter is spared when it has fewer than two dimensions, is called ``bias`` or belongs to a norm module.
    """
    norms = {
        id(p) for module in model.modules() if _is_norm(module) for p in module.parameters(recurse=False)
    }
    decay: list[nn.Parameter] = []
    spared: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            spare = parameter.ndim < 2 or id(parameter) in norms or name.rpartition(".")[2] == "bias"
            (spared if spare else decay).append(parameter)
    groups = [{"params": decay, "weight_decay": weight_decay}, {"params": spared, "weight_decay": 0.0}]
    return [group for group in groups if group["params"]]


def build_optimizer(
    model: nn.Module, name: str, *, learning_rate: float, weight_decay: float = 0.0, momentum: float = 0.9
) -> Optimizer:
    """An optimiser over the trainable parameters, fused where the device has a fused kernel.

    Args:
        model: already on its device.
        name: ``adamw`` (Loshchilov & Hutter 2019), ``adam`` (Kingma & Ba 2015) or ``sgd``.
        learning_rate: the peak of the schedule.
        weight_decay: decoupled for ``adamw``, added to the gradient for the others.
        momentum: of ``sgd``.
    """
    groups = decay_groups(model, weight_decay)
    fused = _can_fuse(parameter for group in groups for parameter in group["params"])
    if name == "sgd":
        return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum, fused=fused)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[name]
    return kind(groups, lr=learning_rate, fused=fused)


def build_schedule(optimizer: Optimizer, name: str, *, steps: int, warmup_ratio: float) -> LRScheduler:
    """A schedule over ``steps`` optimiser steps that rises from zero during the first ``warmup_ratio`` of them.

    The rates are those of transformers' ``get_scheduler``, which takes a second to import: it looks for DeepSpeed and
    loads peft.
    """
    warmup = 0 if name == "constant" else round(steps * warmup_ratio)
    fall = FALLS[name]

    def share(step: int) -> float:
        if step < warmup:
            return step / warmup
        return fall(min(1.0, (step - warmup) / max(1, steps - warmup)))

    return LambdaLR(optimizer, share)


def _is_norm(module: nn.Module) -> bool:
    return "norm" in type(module).__name__.lower()


def _can_fuse(parameters: Iterable[nn.Parameter]) -> bool:
    return all(p.device.type in FUSED_DEVICES and p.is_floating_point() for p in parameters)
