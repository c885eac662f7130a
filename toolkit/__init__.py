"""Pretrained models on your own data: one recipe, one command, in every domain.

::

    artifact = toolkit.train("nlp/reviews", "train.epochs=1", data="reviews.csv")
    artifact.predict("A wonderful film.")
    artifact.evaluate(data="held_out.csv")
    artifact.demo().launch()

Errors that are meant for the caller are in :mod:`toolkit.errors`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.recipe.schema import Recipe
    from toolkit.run import check, evaluate, load, train

__version__ = "0.1.0"

__all__ = ["Recipe", "check", "evaluate", "load", "train"]

_HOME = {
    "Recipe": "toolkit.recipe.schema",
    "check": "toolkit.run",
    "evaluate": "toolkit.run",
    "load": "toolkit.run",
    "train": "toolkit.run",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that ``import toolkit`` costs nothing (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module 'toolkit' has no attribute '{name}'")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
