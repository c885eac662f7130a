"""The circumstances of a run: versions and hardware, so that a number can be traced to where it came from."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import psutil
import torch

PACKAGES = (
    "transfer-toolkit",
    "torch",
    "transformers",
    "datasets",
    "accelerate",
    "tokenizers",
    "peft",
    "numpy",
)


def versions() -> dict[str, str]:
    """Installed versions of the packages that shape a result."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:  # a checkout that was never installed
            continue
    return found


def hardware(processes: int = 1) -> dict[str, Any]:
    """The machine: processor, cores this process may use, memory in bytes, GPUs, processes and threads of the run."""
    return {
        "cpu": _cpu_name(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "gpus": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())],
        "platform": platform.platform(),
        "processes": processes,
        "threads": torch.get_num_threads(),
    }


def _cpu_name() -> str:
    """The processor's name as the system knows it."""
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
