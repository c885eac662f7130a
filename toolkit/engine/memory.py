"""Memory: how much was used, and freed memory kept for the next step instead of given back to the system."""

from __future__ import annotations

import ctypes
import resource
import sys

import torch
from torch import nn

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # of glibc's malloc.h
LARGE = 1 << 30
PAD = 64 << 20


def keep_freed_memory() -> bool:
    """Tell glibc's allocator to reuse large blocks; whether it could be told.

    By default each activation above 32 MiB, and most above 128 KiB, is mapped anew at every step, and the system
    clears its pages: a small BERT's step then has 60 times the page faults and takes 6 % more processor time.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((M_MMAP_THRESHOLD, LARGE), (M_TRIM_THRESHOLD, LARGE), (M_TOP_PAD, PAD))
    return all([mallopt(option, value) == 1 for option, value in settings])


def peak_memory(device: torch.device) -> int:
    """Bytes in use at the worst moment so far: on a GPU the tensors, on the CPU the whole process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def own_memory(model: nn.Module) -> None:
    """Copy weights that are mapped from a file to where torch puts its own, in place.

    A file's tensors begin anywhere, and some kernels for small matrices sum in another order where memory is not
    aligned: a model would predict something else, in the last bit, once it is saved and loaded.
    """
    for parameter in model.parameters():
        parameter.data = parameter.data.clone()


def suit_convolutions(model: nn.Module) -> None:
    """Lay out the weights of a model with convolutions as their kernels like them: channels last, in place.

    A model gives the same numbers to the bit only in the same layout, so that it is chosen wherever one is opened.
    """
    if any(isinstance(module, nn.Conv2d) for module in model.modules()):
        for parameter in model.parameters():
            if parameter.ndim == 4:
                parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
