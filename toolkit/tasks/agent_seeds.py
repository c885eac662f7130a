"""The input of an agent's episode: the number it begins from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from toolkit.errors import DataError, Finding, raise_errors

MOST_SEED = 2**32 - 1
"""The largest that numpy's generators take."""


def check_seeds(inputs: Sequence[Any]) -> list[int]:
    """Whole numbers that begin an episode each.

    Raises:
        DataError: names each that is none.
    """
    seeds: list[int] = []
    problems: list[Finding] = []
    for number, value in enumerate(inputs, 1):
        try:
            seed = int(str(value))
        except ValueError:
            seed = -1
        if not 0 <= seed <= MOST_SEED:
            message, fix = f"{value!r} is no seed of an episode", f"give a whole number from 0 to {MOST_SEED}"
            problems.append(Finding("error", f"input {number}", message, fix))
        seeds.append(seed)
    raise_errors(problems, DataError)
    return seeds
