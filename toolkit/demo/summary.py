"""What the model is and how good it is, in one line each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

METRICS = {
    "accuracy": "accuracy",
    "micro_f1": "micro F1",
    "r2": "R²",
    "pearson": "Pearson correlation",
    "macro_f1": "macro F1",
}
"""Metrics fit for a headline, the best known first; more is better for each."""

SHARES = {"accuracy", "micro_f1", "macro_f1"}


def title(artifact: Artifact) -> str:
    """A title for people: ``nlp/film-reviews`` becomes ``Film reviews``."""
    words = re.sub(r"[-_]+", " ", artifact.title.rsplit("/", 1)[-1]).strip()
    return words[:1].upper() + words[1:]


def describe(artifact: Artifact) -> str:
    """Model, data and task, then the test score with its interval, as Markdown."""
    recipe = artifact.recipe
    model, data = plain(source_name(recipe.model.name)), plain(source_name(recipe.data.source))
    made = f"**{model}** fine-tuned on **{data}** for {recipe.task.replace('-', ' ')}."
    return f"{made} {quality(artifact.metrics)}".strip()


def source_name(source: str) -> str:
    """A name without the folders of the machine it was trained on, which are nobody's business."""
    if source.startswith("sample:"):
        return source.removeprefix("sample:")
    path = Path(source)
    return path.name if path.is_absolute() or path.suffix or path.exists() else source


def quality(metrics: Mapping[str, Any]) -> str:
    """The first headline metric of the test split, such as ``Test accuracy 86.1% (95% interval …)``."""
    test: Mapping[str, Any] = metrics.get("test", {})
    name = next((name for name in METRICS if name in test), None)
    if name is None:
        return ""
    measure, show = test[name], _percent if name in SHARES else _number
    rows = f" on {test['rows']:,} held-out rows" if "rows" in test else ""
    interval = f"95% interval {show(measure['low'])} to {show(measure['high'])}"
    return f"Test {METRICS[name]} **{show(measure['value'])}**{rows} ({interval})."


def _percent(value: float) -> str:
    return f"{100 * value:.1f}%"


def _number(value: float) -> str:
    return f"{value:.3f}"


def plain(text: str) -> str:
    """Text that Markdown and HTML show as it stands."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>&~$-])", lambda match: f"&#{ord(match[0])};", text)
