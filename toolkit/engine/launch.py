"""Several processes on one machine, and how one of them knows what was promised."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import signal
import sys
import threading
from collections.abc import Generator, Sequence

import psutil
from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from toolkit.errors import TrainingError

PROCESSES = "TOOLKIT_PROCESSES"
"""Environment variable in which ``launch`` promises how many processes it starts."""
PR_SET_PDEATHSIG = 1


def launch(argv: Sequence[str], processes: int) -> int:
    """Run ``python -m toolkit ARGV`` in several processes that share each batch, and wait for them.

    Args:
        argv: the toolkit's own arguments.
        processes: how many; each gets its share of the cores.

    Returns:
        The exit code of the process that failed first, 128 + signal when a signal ended it, or 0.

    Raises:
        KeyboardInterrupt: interrupted; the processes have been ended.
    """
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=processes,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        run_id="toolkit",
        max_restarts=0,
    )
    with _environment(processes), _signals_restored(), _silenced():
        try:
            elastic_launch(config, sys.executable)("-m", "toolkit", *argv)
        except ChildFailedError as error:
            code = error.get_first_failure()[1].exitcode
            return code if code > 0 else 128 - code
        except SignalException as error:
            if error.sigval == signal.SIGINT:
                raise KeyboardInterrupt from error
            return 128 + error.sigval
    return 0


def check_processes(processes: int) -> None:
    """Make sure that as many processes run together as were asked for.

    Raises:
        TrainingError: they do not; ``accelerate launch --cpu --num_processes 2`` for one starts a single process.
    """
    promised, launcher = _promised()
    if promised is not None and promised != processes:
        raise TrainingError(
            f"{launcher} promised {promised} processes, but {processes} run together; "
            f"use: toolkit train … --processes {promised}"
        )


def end_with_launcher() -> None:
    """Let the system end this process when its launcher is killed: an orphan would go on writing to the run."""
    if PROCESSES in os.environ and sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _promised() -> tuple[int | None, str]:
    """How many processes this one's launcher was asked for, and its name."""
    if PROCESSES in os.environ:
        return int(os.environ[PROCESSES]), "toolkit"
    if "ACCELERATE_MIXED_PRECISION" not in os.environ:
        return None, ""
    # Accelerate tells its processes nothing of their number when it starts a single one.
    with contextlib.suppress(psutil.Error, ValueError, IndexError):
        command = [word.replace("-", "_") for word in psutil.Process(os.getppid()).cmdline()]
        words = [part for word in command for part in word.split("=", 1)]
        return int(words[words.index("__num_processes") + 1]), "accelerate launch"
    return None, ""


@contextlib.contextmanager
def _environment(processes: int) -> Generator[None]:
    """Promise the processes, and give each its share of the cores: more threads than cores wait for each other."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    before = dict(os.environ)
    os.environ[PROCESSES] = str(processes)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // processes)))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _signals_restored() -> Generator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _silenced() -> Generator[None]:
    """Keep torch's account of a failure out of the talk: the process that failed has told."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
