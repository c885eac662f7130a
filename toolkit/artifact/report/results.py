"""How good the model is: headline figures and the table of classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.table import table
from toolkit.metrics.classification import ClassRow
from toolkit.metrics.glossary import describe, show, show_interval
from toolkit.metrics.measure import SPLITS, Measure, headline_split, measures_of

_EXPLANATION = (
    "Measured on the {rows:,} {noun} of the {split} split{unseen}. The 95% interval says how far a figure "
    "could move if another {rows:,} {noun} of the same kind were drawn (bootstrap). Two models whose "
    "intervals overlap widely are not clearly different."
)


_BY_HEART = "When the train column is much better than the others, the model has learnt its rows by heart."


def headline_section(
    metrics: Mapping[str, Any],
    balance: Mapping[str, Mapping[str, float]] | None = None,
    noun: str = "rows",
) -> ReportSection:
    """The held-out split's metrics as cards with intervals and meanings, and all splits side by side.

    Args:
        metrics: ``metrics.json``.
        balance: rows of each class by split, to say what always giving the most frequent one would score.
        noun: what a row is called, in the plural.
    """
    split = headline_split(metrics)
    measures = measures_of(metrics[split]) | measures_of(metrics.get("performance", {}))
    cards = [_card(name, measure) for name, measure in measures.items()]
    unseen = "" if split == "train" else ", which training never saw"
    if split == "validation":
        unseen = ", which chose the best checkpoint, so that they may be a little too good"
    explanation = _EXPLANATION.format(
        rows=metrics[split].get("rows", 0), split=split, unseen=unseen, noun=noun
    )
    counts = (balance or {}).get(split, {})
    if measures.keys() & {"accuracy", "tag_accuracy"} and sum(counts.values()):
        name = max(counts, key=lambda label: counts[label])
        share = show("accuracy", counts[name] / sum(counts.values()))
        of_words = " in tag accuracy" if "tag_accuracy" in measures else ""
        explanation += f" Always answering “{name}” would reach {share}{of_words}."
    shown = _splits_table(metrics, noun)
    html = render(
        "headline.html", cards=cards, table=shown, note=_BY_HEART if shown and "train" in metrics else ""
    )
    return ReportSection("Results", explanation, html)


def per_class_section(rows: Sequence[ClassRow], noun: str = "rows") -> ReportSection:
    """Precision, recall, F1 and support of each class; ``noun`` is what has one, in the plural."""
    explanation = (
        f"Precision: of the {noun} given this label, the share that truly have it. Recall: of the {noun} that "
        "truly have it, the share that was found. F1 is their harmonic mean. Support is the number of "
        f"{noun} with the label; with few of them the scores are uncertain. n/a where there is nothing to "
        "divide by."
    )
    cells = [
        (
            row["label"],
            *(_share(value) for value in (row["precision"], row["recall"], row["f1"])),
            f"{row['support']:,}",
        )
        for row in rows
    ]
    html = table(("label", "precision", "recall", "F1", "support"), cells)
    return ReportSection("Labels one by one", explanation, html)


def _share(value: float | None) -> str:
    return show("accuracy", value)


def _card(name: str, measure: Measure) -> dict[str, str]:
    metric = describe(name)
    interval = show_interval(name, measure)
    better = "" if metric.better == "neither" else f" {metric.better.capitalize()} is better."
    return {
        "title": metric.title,
        "value": show(name, measure["value"]),
        "interval": "; ".join(
            part for part in (f"95%: {interval}" if interval else "", measure.get("note")) if part
        ),
        "meaning": metric.meaning + better,
    }


def _splits_table(metrics: Mapping[str, Any], noun: str) -> Markup | str:
    splits = [name for name in reversed(SPLITS) if name in metrics]
    if len(splits) < 2:
        return ""
    names = dict.fromkeys(name for split in splits for name in measures_of(metrics[split]))
    rows: list[tuple[object, ...]] = [
        (describe(name).title, *(_cell(name, metrics[split].get(name)) for split in splits)) for name in names
    ]
    rows.append(
        (f"{noun.capitalize()} measured", *(f"{metrics[split].get('rows', 0):,}" for split in splits))
    )
    return table(("", *splits), rows, caption="All splits")


def _cell(name: str, measure: Measure | None) -> Markup:
    if measure is None:
        return Markup("")
    interval = show_interval(name, measure).replace(" to ", "\u00a0to ")  # on a phone, break after it
    sub = Markup('<span class="sub">{}</span>').format(interval)
    return Markup("{}{}").format(show(name, measure["value"]), sub)
