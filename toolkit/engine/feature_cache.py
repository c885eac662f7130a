"""The activations of a frozen backbone, computed once and kept on disk: later epochs train only what is above them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.data.store import cached_folder
from toolkit.engine.freeze import to_training
from toolkit.engine.turn import Batch
from toolkit.files import read_json, write_json

FEATURES, SHAPE = "features.f32", "shape.json"
ROWS = 64
"""Rows of a forward pass without gradients."""


@dataclass(frozen=True)
class Head:
    """The one module above the frozen boundary: its output is the model's logits, its input what is kept."""

    model: nn.Module
    module: nn.Module
    name: str

    def features(self, batch: Batch) -> Tensor:
        """The module's input for a batch, with the model as it is for prediction."""
        return _run(self.model, self.module, batch)[0]


@dataclass(frozen=True)
class Rows:
    """The inputs whose features are wanted, and what tells them from others."""

    count: int
    collate: Callable[[np.ndarray, int], Batch]
    """From row numbers and an epoch to the model's inputs."""
    identity: dict[str, Any] = field(default_factory=dict[str, Any])


def find_head(model: nn.Module, batch: Batch) -> Head | None:
    """What is trained of a partly frozen model, when the rest can be computed once.

    The smallest module that holds all trainable weights is tried: it qualifies when the model's logits are exactly what
    it makes of its single input, in training mode too, so that no dropout or statistics before it are left out.

    Args:
        model: with its backbone frozen.
        batch: a few rows of inputs.
    """
    name = _common_module(model)
    if not name:
        return None
    module = model.get_submodule(name)
    to_training(model)
    try:
        captured, logits = _run(model, module, batch)
        again, _ = _run(model, module, batch)
        alone = module(captured)
    except (TypeError, ValueError):
        return None
    finally:
        model.eval()
    settled = torch.equal(captured, again)  # dropout before the module would draw another mask
    return Head(model, module, name) if settled and torch.equal(alone, logits) else None


def _common_module(model: nn.Module) -> str:
    """The dotted name of the smallest module with all trainable weights; empty when that is the model itself."""
    paths = [name.split(".")[:-1] for name, p in model.named_parameters() if p.requires_grad]
    if not paths:
        return ""
    shared: list[str] = []
    for names in zip(*paths, strict=False):
        if len(set(names)) > 1:
            break
        shared.append(names[0])
    return ".".join(shared)


def _run(model: nn.Module, module: nn.Module, batch: Batch) -> tuple[Tensor, Tensor]:
    """What a module is given while the model runs, and the model's logits.

    Raises:
        ValueError: it is not called once with one tensor.
    """
    seen: list[tuple[Any, ...]] = []
    hook = module.register_forward_pre_hook(lambda _, given: seen.append(given))
    try:
        with torch.no_grad():
            logits = model(**{key: value for key, value in batch.items() if key != "labels"}).logits
    finally:
        hook.remove()
    if len(seen) != 1 or len(seen[0]) != 1 or not isinstance(seen[0][0], Tensor):
        raise ValueError("the module is not called once with one tensor")
    return seen[0][0], logits


def cached_features(head: Head, rows: Rows, views: int = 1) -> np.ndarray:
    """Features of every row in so many epochs' views, memory-mapped float32 (views, rows, ...).

    They are computed at the first call and found again while model, rows and views are the same; an interrupted
    computation leaves nothing, and processes that ask at once compute once.

    Args:
        head: of the model, in evaluation mode.
        rows: the inputs.
        views: epochs whose augmented inputs are kept.

    Raises:
        DiskFullError: no space left.
    """
    parts = {
        "step": "features",
        "model": _frozen_digest(head.model),
        "head": head.name,
        "views": views,
        "rows": rows.count,
        **rows.identity,
    }
    folder = cached_folder("features", parts, lambda target: _compute(head, rows, views, target))
    return np.memmap(folder / FEATURES, np.float32, "r", shape=tuple(read_json(folder / SHAPE)))


def _compute(head: Head, rows: Rows, views: int, target: Path) -> None:
    kept: np.memmap[Any, Any] | None = None
    head.model.eval()
    device = next(head.model.parameters()).device
    for view in range(views):
        for start in range(0, rows.count, ROWS):
            numbers = np.arange(start, min(start + ROWS, rows.count))
            batch = {key: value.to(device) for key, value in rows.collate(numbers, view).items()}
            features = head.features(batch).float().cpu().numpy()
            if kept is None:
                shape = (views, rows.count, *features.shape[1:])
                kept = np.memmap(target / FEATURES, np.float32, "w+", shape=shape)
            kept[view, numbers] = features
    assert kept is not None  # a training has rows
    kept.flush()
    write_json(target / SHAPE, list(kept.shape))


def _frozen_digest(model: nn.Module) -> str:
    """A hash of the weights and statistics that the features depend on."""
    digest = sha256()
    kept = {name: p for name, p in model.named_parameters() if not p.requires_grad} | dict(
        model.named_buffers()
    )
    for name, tensor in sorted(kept.items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
