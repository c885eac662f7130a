"""Other runs of the same recipe that differ in their seed alone: together they tell what luck there is in one."""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.artifact import layout

_SEED = re.compile(r"(?m)^  seed: (\d+)$")


def find_siblings(run: Path, recipe: str) -> dict[int, Path]:
    """The finished runs beside ``run`` whose recipe is the same but for its seed, one for each other seed, by seed.

    Args:
        run: the folder of a run, which is not among them.
        recipe: text of its ``recipe.yaml``.
    """
    wanted = _SEED.sub("", recipe)
    found: dict[int, Path] = {}
    for other in sorted(run.resolve().parent.iterdir()):
        if other == run.resolve() or not layout.is_finished(other):
            continue
        text = (other / layout.RECIPE).read_text(encoding="utf-8")
        if _SEED.sub("", text) == wanted and _seed(text) != _seed(recipe):
            found.setdefault(_seed(text), other)
    return dict(sorted(found.items()))


def _seed(recipe: str) -> int:
    match = _SEED.search(recipe)
    return int(match[1]) if match else 0
