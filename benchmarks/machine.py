"""The machine that was measured on, and the fastest matrix multiply it can do.

As a command, ``python -m benchmarks.machine`` prints the peak: measured in its own process, so that torch's
memory is not counted for a contender.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

import toolkit
from benchmarks.process import commit, cores

PACKAGES = ("torch", "transformers", "accelerate", "datasets", "tokenizers", "numpy")
SIZES = (2048, 4096)


def describe() -> dict[str, Any]:
    """CPU, cores, memory in bytes, load when started, and the versions that matter."""
    return {
        "cpu": _cpu_model(),
        "cores": cores(),
        "memory_bytes": psutil.virtual_memory().total,
        "load_average": os.getloadavg()[0],
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": {"toolkit": toolkit.__version__} | {name: version(name) for name in PACKAGES},
    }


def in_short(machine: dict[str, Any]) -> str:
    """One phrase for a recipe's header: CPU, cores, memory."""
    cpu = machine["cpu"].replace("(R)", "").replace("(TM)", "").replace(" Processor", "").replace(" CPU", "")
    return f"{' '.join(cpu.split())}, {machine['cores']} cores, {machine['memory_bytes'] / 2**30:.0f} GiB"


def matmul_peak(seconds: float = 1.5) -> float:
    """Best fp32 matrix multiply of this machine in FLOP/s, with torch's current threads.

    The best of several repeats of each size: the machine's ceiling is wanted, not its noise.

    Args:
        seconds: time spent on each size; at least three repeats are made.
    """
    return max(_size_peak(size, seconds) for size in SIZES)


def _size_peak(size: int, seconds: float) -> float:
    import torch

    left, right, out = (torch.rand(size, size) for _ in range(3))
    torch.matmul(left, right, out=out)
    best, deadline, repeats = float("inf"), time.perf_counter() + seconds, 0
    while repeats < 3 or time.perf_counter() < deadline:
        start = time.perf_counter()
        torch.matmul(left, right, out=out)
        best = min(best, time.perf_counter() - start)
        repeats += 1
    return 2 * size**3 / best


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


if __name__ == "__main__":
    import torch

    torch.set_num_threads(cores())
    print(json.dumps({"matmul_peak_flops": matmul_peak(), "threads": torch.get_num_threads()}))


def circumstances(command: str) -> dict[str, Any]:
    """What every results file begins with: how, when, of which commit and on which machine it was measured."""
    return {
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "machine": describe(),
    }
