"""Where a training stands: everything a checkpoint must know besides tensors, as plain JSON data."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

VANISHED = 1e-7
"""A gradient norm below this moves no weight."""
EXPLODED = 1e3
"""A gradient norm this many times its running median is an explosion."""
MEMORY = 50
"""Logged gradient norms that the running median looks back on."""


@dataclass
class Window:
    """Sums over the steps since the last line of history."""

    steps: int = 0
    samples: int = 0
    tokens: float = 0.0
    flops: float = 0.0
    seconds: float = 0.0
    losses: dict[str, float] = field(default_factory=dict[str, float])
    norms: dict[str, float] = field(default_factory=dict[str, float])


@dataclass
class State:
    """The position of the loop, the best evaluation so far and what is being watched."""

    step: int = 0
    """Optimiser steps done."""
    epoch: int = 0
    position: int = 0
    """Batches of this epoch already done."""
    batches: int = 1
    """Batches of this epoch."""
    accumulation: int = 1
    """Pieces per process and batch; doubled when memory runs out."""
    samples: int = 0
    seconds: float = 0.0
    """Time spent in optimiser steps, interruptions and evaluations left out."""
    wall_seconds: float = 0.0
    best: float | None = None
    best_step: int = 0
    best_loss: float | None = None
    """Validation loss of the best evaluation, where one is known."""
    misses: int = 0
    """Evaluations since the best one."""
    stopped: str | None = None
    window: Window = field(default_factory=Window)
    norms: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    warnings: list[str] = field(default_factory=list[str])

    @property
    def epochs(self) -> float:
        """Passes over the data, fractions included."""
        return self.epoch + self.position / self.batches

    def to_dict(self) -> dict[str, Any]:
        """The state as JSON data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> State:
        """The state that ``to_dict`` described."""
        values: dict[str, Any] = {**data, "window": Window(**data["window"])}
        return cls(**values)

    def improves(self, value: float, minimise: bool, loss: float | None = None) -> bool:
        """Note an evaluation; whether it is the best so far. A value that is not a number never is.

        Of equal values the one with the lower loss is better: the accuracy of a few hundred rows reaches its highest
        value early and keeps it, while the model still learns.
        """
        better = self.best is None or (value < self.best if minimise else value > self.best)
        surer = loss is not None and self.best_loss is not None and loss < self.best_loss
        if math.isnan(value) or not (better or (value == self.best and surer)):
            self.misses += 1
            return False
        self.best, self.best_step, self.best_loss, self.misses = value, self.step, loss, 0
        return True

    def watch(self, name: str, norm: float) -> str | None:
        """Note a gradient norm; a warning when it has vanished or exploded, once for each kind."""
        seen = self.norms.setdefault(name, [])
        usual = statistics.median(seen) if seen else math.inf
        seen[:] = [*seen, norm][-MEMORY:] if math.isfinite(norm) else seen
        if len(seen) >= 3 and max(seen[-3:]) < VANISHED:
            return self._warn(
                f"{name}: the gradient has vanished (norm {norm:.1e}); nothing is learned any more"
            )
        if not math.isfinite(norm) or (usual > VANISHED and norm > EXPLODED * usual):
            return self._warn(
                f"{name}: the gradient has exploded (norm {norm:.1e}, usually {usual:.1e}); lower train.learning_rate"
            )
        return None

    def _warn(self, text: str) -> str | None:
        kind = text.partition("(")[0]
        if any(known.startswith(kind) for known in self.warnings):
            return None
        self.warnings.append(text)
        return text
