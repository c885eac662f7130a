"""Other runs of the same recipe that differ in their seed alone: together they tell what luck there is in one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.artifact import layout

_SEED = re.compile(r"(?m)^  seed: \d+$")


def find_siblings(run: Path, recipe: str) -> dict[str, list[dict[str, Any]]]:
    """History of each finished run beside ``run`` whose recipe is the same but for its seed, by the run's name.

    Args:
        run: the folder of a run, which is not among them.
        recipe: text of its ``recipe.yaml``.
    """
    wanted = _SEED.sub("", recipe)
    found: dict[str, list[dict[str, Any]]] = {}
    seeds = {_seed(recipe)}
    for other in sorted(run.resolve().parent.iterdir()):
        if other == run.resolve() or not layout.is_finished(other):
            continue
        text = (other / layout.RECIPE).read_text(encoding="utf-8")
        if _SEED.sub("", text) == wanted and _seed(text) not in seeds:
            seeds.add(_seed(text))
            found[other.name] = read_history(other)
    return found


def read_history(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's ``history.jsonl``."""
    path = run / layout.HISTORY
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [json.loads(line) for line in lines]


def evaluations(history: list[dict[str, Any]]) -> list[tuple[int, list[float]]]:
    """Step and returns of each evaluation of an agent."""
    return [(line["step"], line["returns"]) for line in history if _is_evaluation(line)]


def _is_evaluation(line: Mapping[str, Any]) -> bool:
    return "returns" in line


def _seed(recipe: str) -> str:
    match = _SEED.search(recipe)
    return match.group().strip() if match else ""
