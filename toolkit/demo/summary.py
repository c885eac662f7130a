"""What the model is and how good it is, in one line each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.artifact.origin import source_of
from toolkit.hub.models import SCRATCH
from toolkit.hub.samples import PREFIX
from toolkit.metrics.glossary import show, show_interval
from toolkit.metrics.measure import headline_split, measures_of

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

METRICS = {
    "accuracy": "accuracy",
    "span_f1": "entity F1",
    "tag_accuracy": "tag accuracy",
    "mean_return": "mean return",
    "success_rate": "success rate",
    "mean_average_precision": "mean average precision",
    "chrf": "chrF",
    "rougeL": "ROUGE-L",
    "mean_iou": "mean IoU",
    "mean_dice": "mean Dice",
    "perplexity": "perplexity",
    "masked_accuracy": "accuracy of the first guess for a masked token",
    "f1": "F1",
    "mean_reciprocal_rank": "mean reciprocal rank",
    "micro_f1": "micro F1",
    "r2": "R²",
    "spearman": "Spearman correlation",
    "pearson": "Pearson correlation",
    "macro_f1": "macro F1",
    "top5_accuracy": "accuracy of the best five labels",
}
"""Metrics fit for a headline, the best known first, as they are written within a sentence."""


def quoted(text: str) -> str:
    """A message as a Markdown quotation, line by line."""
    return "\n".join(f"> {plain(line)}\n>" for line in text.splitlines())


def title(artifact: Artifact) -> str:
    """A title for people: ``nlp/film-reviews`` becomes ``Film reviews``."""
    words = re.sub(r"[-_]+", " ", artifact.title.rsplit("/", 1)[-1]).strip()
    return words[:1].upper() + words[1:]


def describe(artifact: Artifact) -> str:
    """Model, data and task, the test score with its interval, and how to ask where that is not plain, as Markdown."""
    recipe = artifact.recipe
    name = recipe.model.name
    model, data = (
        plain(source_name(name.removeprefix(SCRATCH))),
        plain(source_name(source_of(recipe, artifact.manifest))),
    )
    how = "trained from scratch" if name.startswith(SCRATCH) else "fine-tuned"
    algorithm = recipe.options.get("algorithm")
    where = f"in **{data}** with **{plain(algorithm.upper())}**" if algorithm else f"on **{data}**"
    made = f"**{model}** {how} {where} for {recipe.task.replace('-', ' ')}."
    known = quality(artifact.metrics, artifact.manifest.get("unit", "rows"))
    return " ".join(filter(None, (made, known, plain(artifact.manifest.get("hint", "")))))


def source_name(source: str) -> str:
    """A name without the folders of the machine it was trained on, which are nobody's business."""
    if source.startswith(PREFIX):
        return source.removeprefix(PREFIX)
    path = Path(source)
    return path.name if path.is_absolute() or path.suffix or path.exists() else source


def quality(metrics: Mapping[str, Any], unit: str = "rows") -> str:
    """The first headline metric of the test split, such as ``Test accuracy 86.1% (95% interval …)``.

    Of validation where no test rows were held out; nothing where no metric has a value, or none on held-out rows.
    """
    split = headline_split(metrics)
    measures = measures_of(metrics[split])
    name = next((name for name in METRICS if name in measures and measures[name]["value"] is not None), None)
    if name is None or split == "train":
        return ""
    measure = measures[name]
    rows = f" on {metrics[split]['rows']:,} held-out {unit}" if "rows" in metrics[split] else ""
    interval = show_interval(name, measure)
    return (
        f"{split.capitalize()} {METRICS[name]} **{show(name, measure['value'])}**{rows}"
        f"{f' (95% interval {interval})' if interval else ''}."
    )


def plain(text: str) -> str:
    """Text that Markdown and HTML show as it stands."""
    return re.sub(r"([\\`*_{}\[\]()#+!|<>&~$-])", lambda match: f"&#{ord(match[0])};", text)
