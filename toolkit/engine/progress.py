"""Talk on stderr: a live bar on a terminal, plain lines otherwise, silence on all processes but the first."""

from __future__ import annotations

import contextlib
from collections.abc import Generator
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn


class Talk:
    """What a run says while it works.

    Args:
        speaks: False on every process but the first, and when the caller wants silence.
        live: draw a bar; by default when stderr is a terminal.
    """

    def __init__(self, speaks: bool = True, live: bool | None = None) -> None:
        self.console = Console(stderr=True, quiet=not speaks, highlight=False, soft_wrap=True)
        self.live = self.console.is_terminal if live is None else live
        self._bar: Progress | None = None
        self._total = 0

    def say(self, text: str) -> None:
        """One line of talk, above the bar when there is one."""
        self.console.print(text, markup=False)

    @contextlib.contextmanager
    def steps(self, total: int) -> Generator[None]:
        """Count up to ``total`` optimiser steps inside the block."""
        self._total = total
        if not self.live or self.console.quiet:
            yield
            return
        columns = (
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
        )
        with Progress(*columns, console=self.console) as bar:
            bar.add_task("training", total=total, figures="")
            self._bar = bar
            try:
                yield
            finally:
                self._bar = None

    def advance(self, step: int) -> None:
        """Move the bar to ``step``."""
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=step)

    def figures(self, step: int, how: str, speed: float, seconds_left: float, unit: str = "samples") -> None:
        """Show how the training goes: in the bar, or as a line.

        Args:
            step: steps done.
            how: what tells how good it is so far, ``loss 0.1234``.
            speed: of ``unit`` a second.
            seconds_left: until the end.
            unit: what is counted.
        """
        left = str(timedelta(seconds=round(seconds_left)))
        text = f"{how}  {speed:.0f} {unit}/s  {left} left"
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=step, figures=text)
        else:
            self.say(f"step {step}/{self._total}  {text}")
