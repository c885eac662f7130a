"""What a model wrote, beside what it read and what it should have written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.artifact.report.chart import Axis, Chart, Series
from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.table import table
from toolkit.metrics.glossary import describe, show

SHOWN_CHARACTERS = 600
_MOST = 1500


def texts_section(
    title: str, rows: Sequence[Mapping[str, Any]], *, metric: str, explanation: str
) -> ReportSection:
    """Source, reference and prediction side by side.

    Args:
        title: of the section.
        rows: each with ``row`` in the source, ``source``, ``reference``, ``prediction`` and ``score`` of the metric.
        metric: what each row is scored by.
        explanation: which rows these are.
    """
    cells = [
        (
            f"{row['row']:,}",
            show(metric, row["score"]),
            *(_shortened(str(row[name])) for name in ("source", "reference", "prediction")),
        )
        for row in rows
    ]
    headers = ("row", describe(metric).title, "source", "reference", "prediction")
    return ReportSection(title, explanation, table(headers, cells, numbers=(1,)))


def lengths_section(
    predictions: Sequence[str], references: Sequence[str], ratio: float | None, signatures: Mapping[str, str]
) -> ReportSection:
    """How long predictions are beside their references, and how exactly texts were compared.

    Args:
        predictions: at least one.
        references: one for each.
        ratio: characters of all predictions by those of all references.
        signatures: how each metric was computed, by its name.
    """
    explanation = (
        "Each dot is a row: on the dashed line a prediction is as long as its reference, below it shorter. Rows at the "
        "right that lie flat were cut at options.max_target_length, or the model stops too soon."
    )
    lengths = np.array([[len(text) for text in pair] for pair in zip(references, predictions, strict=True)])
    notes = [] if ratio is None else [f"Length ratio over all rows: {show('length_ratio', ratio)}."]
    if len(lengths) > _MOST:
        notes.append(f"{_MOST:,} of {len(lengths):,} rows are drawn as dots.")
    notes += [f"{describe(name).title}: {signature}" for name, signature in signatures.items()]
    html = render("figures.html", charts=[_chart(lengths).svg()], notes=notes, columns="")
    return ReportSection("Lengths, and how texts were compared", explanation, html)


def _chart(lengths: NDArray[np.int64]) -> Chart:
    kept = np.random.default_rng(0).permutation(len(lengths))[:_MOST]
    points = [(float(reference), float(prediction)) for reference, prediction in lengths[kept]]
    highest = float(max(1, lengths.max()))
    line = Series("as long", [(0, 0), (highest, highest)], "dashed", 2)
    x, y = Axis("characters of the reference", 0, highest), Axis("of the prediction", 0, highest)
    return Chart("Length of prediction and reference", x, y, [Series("rows", points, "cloud"), line])


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[: SHOWN_CHARACTERS - 1].rstrip() + "…"
