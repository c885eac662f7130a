"""A few training rows of each class, as if no more had been labelled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from typing import Any

import numpy as np

from toolkit.data.load import Rows
from toolkit.errors import DataError, Finding, RecipeError

WHERE = "options.few_shot"


def draw_few(rows: Rows, count: int, seed: int) -> Rows:
    """The rows with ``count`` training rows of each class, drawn by ``seed``; the other splits stay as they are.

    Raises:
        RecipeError: the rows have no single class each.
        DataError: classes with fewer training rows, all of them.
    """
    space = rows.labels
    if space is None or space.problem_type != "single_label_classification":
        message = "rows can be drawn class by class only where each has one class"
        raise RecipeError(Finding("error", WHERE, message, "leave it out"))
    train = rows.splits["train"]
    codes = np.asarray(train["label"][:])
    places = {name: np.flatnonzero(codes == code) for code, name in enumerate(space.names)}
    fewer = [
        Finding("error", rows.manifest["source"], _too_few(name, len(found), count), _fix(places))
        for name, found in places.items()
        if len(found) < count
    ]
    if fewer:
        raise DataError(fewer)
    random = np.random.default_rng(seed)
    chosen = np.sort(
        np.concatenate([random.choice(found, count, replace=False) for found in places.values()])
    )
    message = f"{count} training rows of each class are used, drawn by train.seed, of {len(train):,} in all"
    return replace(
        rows,
        splits={**rows.splits, "train": train.select(chosen)},
        findings=[*rows.findings, Finding("note", WHERE, message)],
        manifest={**rows.manifest, **_manifest(rows.manifest, chosen, count, space.names)},
    )


def _too_few(name: str, found: int, count: int) -> str:
    return f"class '{name}' has {found} training row{'' if found == 1 else 's'}, fewer than {WHERE}={count}"


def _fix(places: Mapping[str, np.ndarray]) -> str:
    most = min(len(found) for found in places.values())
    return f"add rows of it, or set {WHERE}={most}" if most else "add rows of it"


def _manifest(
    manifest: Mapping[str, Any], chosen: np.ndarray, count: int, names: tuple[str, ...]
) -> dict[str, Any]:
    """What is different of the training split."""
    before = f"{manifest['fingerprints']['train']} {chosen.tolist()}"
    train = {
        "rows": len(chosen),
        "fingerprints": sha256(before.encode()).hexdigest(),
        "class_balance": dict.fromkeys(names, count),
    }
    return {key: {**manifest[key], "train": value} for key, value in train.items()}
