"""Run one measured child process: how long it took and how much memory it held at most."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).parent.parent


class ChildError(RuntimeError):
    """A measured process failed; the message ends with the last lines it wrote."""


@dataclass(frozen=True)
class Usage:
    """What the kernel counted for one child."""

    seconds: float
    """Wall clock."""
    peak_memory_bytes: int
    """Largest resident set."""
    others: float
    """Share of all cores that went to others meanwhile, 0 to 1; above a few percent, do not trust the run."""


def cores() -> int:
    """Cores this process may use; every contender gets that many torch threads."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resident_bytes(ru_maxrss: int) -> int:
    """``ru_maxrss`` in bytes: macOS counts bytes, Linux KiB."""
    return ru_maxrss if sys.platform == "darwin" else ru_maxrss * 1024


def measure(module: str, *arguments: object, log: Path) -> Usage:
    """Run ``python -m MODULE ARGUMENTS``; stdout goes to ``log``, stderr beside it with ``.err`` appended.

    The caller should hold little memory itself: on Linux a child's peak starts at its parent's size when
    forked.

    Raises:
        ChildError: the process did not exit with 0.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    log.parent.mkdir(parents=True, exist_ok=True)
    errors = log.with_name(log.name + ".err")
    with log.open("wb") as output, errors.open("wb") as complaints:
        start, busy = time.perf_counter(), _busy()
        child = subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=output, stderr=complaints)
        usage = _wait(child)
        seconds, busy = time.perf_counter() - start, _busy() - busy
    if child.returncode:
        raise ChildError(f"{_shell(command)} exited with {child.returncode}:\n{_tail(errors)}")
    others = (busy - usage.ru_utime - usage.ru_stime) / (seconds * (psutil.cpu_count() or 1))
    return Usage(seconds, resident_bytes(usage.ru_maxrss), max(0.0, others))


def commit() -> str | None:
    """The commit measured, with ``+`` when the tree has changes; None outside a checkout."""
    try:
        git = ("git", "-C", str(ROOT))
        head = subprocess.run(
            [*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True
        )
        changed = subprocess.run([*git, "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _busy() -> float:
    """Seconds that all cores together have worked since the machine started, for anyone."""
    times = psutil.cpu_times()
    return sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0)


def _wait(child: subprocess.Popen[bytes]) -> resource.struct_rusage:
    try:
        _, status, usage = os.wait4(child.pid, 0)
    except BaseException:
        child.kill()  # an interrupted benchmark leaves no contender behind to slow the next one
        child.wait()
        raise
    child.returncode = os.waitstatus_to_exitcode(status)
    return usage


def _environment() -> Mapping[str, str]:
    threads = str(cores())
    # Set for every contender alike; a tokenizer's own threads would fight with torch's for the same cores.
    return os.environ | {
        "OMP_NUM_THREADS": threads,
        "MKL_NUM_THREADS": threads,
        "TOKENIZERS_PARALLELISM": "false",
    }


def _shell(command: Sequence[str]) -> str:
    return " ".join(["python", *command[1:4]])


def _tail(path: Path, lines: int = 20) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
