"""Where the time of a training goes."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Clock:
    """Seconds by what they were spent on; pieces within a piece count for the inner one alone."""

    seconds: dict[str, float] = field(default_factory=dict[str, float])
    _open: list[float] = field(default_factory=list[float])

    @contextmanager
    def on(self, part: str) -> Generator[None]:
        """Count the time of a block."""
        started = time.perf_counter()
        self._open.append(0.0)
        try:
            yield
        finally:
            took = time.perf_counter() - started
            inner = self._open.pop()
            self.seconds[part] = self.seconds.get(part, 0.0) + took - inner
            if self._open:
                self._open[-1] += took

    def timed(self, part: str, function: Callable[P, R]) -> Callable[P, R]:
        """The function, its time counted."""

        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.on(part):
                return function(*args, **kwargs)

        return call
