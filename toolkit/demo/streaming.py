"""Things made one after the other in a thread of their own, while the page is busy with those before."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

Thing = TypeVar("Thing")

AHEAD = 2
"""Things made before they are asked for."""
PATIENCE = 30.0
"""Seconds until a thing that nobody asks for ends it all: the visitor has gone."""


def in_own_thread(make: Callable[[], Iterator[Thing]]) -> Iterator[Thing]:
    """What an iterator gives, made from beginning to end in one thread.

    Gradio asks for each next value from whichever thread is free, but a window or a GPU's context belongs to the
    thread that opened it. An error of the iterator is raised here.
    """
    handed: queue.Queue[tuple[Thing] | BaseException | None] = queue.Queue(AHEAD)
    unwanted = threading.Event()
    thread = threading.Thread(target=_fill, args=(make, handed, unwanted), daemon=True)
    thread.start()
    try:
        while (item := handed.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item[0]
    finally:
        unwanted.set()
        _drain(handed)


def _fill(
    make: Callable[[], Iterator[Thing]],
    handed: queue.Queue[tuple[Thing] | BaseException | None],
    unwanted: threading.Event,
) -> None:
    end: BaseException | None = None
    try:
        source = make()
        try:
            for thing in source:
                if unwanted.is_set():
                    break
                handed.put((thing,), timeout=PATIENCE)
        finally:
            close: Callable[[], None] = getattr(source, "close", lambda: None)
            close()  # here, not wherever it is forgotten
    except queue.Full:
        return
    except BaseException as error:  # handed to the one who waits, whatever it is
        end = error
    if not unwanted.is_set():
        _hand_last(handed, end)


def _hand_last(handed: queue.Queue[tuple[Thing] | BaseException | None], end: BaseException | None) -> None:
    try:
        handed.put(end, timeout=PATIENCE)
    except queue.Full:
        return


def _drain(handed: queue.Queue[tuple[Thing] | BaseException | None]) -> None:
    """Make room, so that a thread that waits to hand something over sees that it is not wanted."""
    try:
        while True:
            handed.get_nowait()
    except queue.Empty:
        return
