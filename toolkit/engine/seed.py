"""Randomness that follows from a position, never from history."""

from __future__ import annotations

import random

import numpy as np
import torch


def seed_everything(*position: int) -> None:
    """Seed python, numpy and torch on all devices from a position such as ``(seed, step, piece)``.

    Seeding before each piece of work makes a resumed run, or one cut into other pieces by more processes, draw the
    same numbers as an uninterrupted one, with no generator state to save.
    """
    word = int(np.random.SeedSequence(position).generate_state(1, np.uint64)[0])
    random.seed(word)
    np.random.seed(word % 2**32)
    torch.manual_seed(word)
