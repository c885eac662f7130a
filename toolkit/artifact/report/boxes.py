"""How well the objects of each class are found, and pictures with their true and predicted boxes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from toolkit.artifact.examples import to_image
from toolkit.artifact.overlay import Color, box_overlay, class_colors
from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.pictures import data_uri
from toolkit.artifact.report.table import table
from toolkit.metrics.detection import ClassRow
from toolkit.metrics.glossary import show

MOST_NAMES = 40
"""Classes in the legend."""


@dataclass(frozen=True)
class Boxed:
    """A picture, uint8 (height, width, channels), with boxes of corners in its pixels, (k, 4), and their classes."""

    title: str
    pixels: np.ndarray
    true: np.ndarray
    true_labels: Sequence[int]
    found: np.ndarray
    found_labels: Sequence[int]
    scores: Sequence[float]


def precision_section(rows: Sequence[ClassRow]) -> ReportSection:
    """Average precision and number of true objects of each class."""
    explanation = (
        "Average precision: the area under precision over recall, averaged over how exactly a box must fit (IoU 0.50 "
        "to 0.95), and where half is enough. n/a where there is no true object. Few objects make an uncertain figure."
    )
    total = max(1, sum(row["support"] for row in rows))
    cells = [
        (
            row["label"],
            show("mean_average_precision", row["average_precision"]),
            show("average_precision_50", row["average_precision_50"]),
            f"{row['support']:,}",
            f"{100 * row['support'] / total:.1f}%",
        )
        for row in rows
    ]
    headers = ("class", "average precision", "at IoU 0.50", "true objects", "share")
    return ReportSection("Classes one by one", explanation, table(headers, cells))


def boxes_section(pictures: Sequence[Boxed], names: Sequence[str], threshold: float) -> ReportSection:
    """Pictures with true boxes on the left and predicted ones on the right, worst first.

    Args:
        pictures: what to show.
        names: the classes.
        threshold: lowest score of the predicted boxes shown.
    """
    explanation = (
        "Each row: the picture with its true boxes, and with the predicted ones and their scores. Predicted boxes of a "
        f"score below {threshold:.0%} are left out here; the metrics count them."
    )
    colors: Mapping[int, Color] = dict(enumerate(class_colors(len(names) + 1)[1:]))
    shown = [
        {
            "title": one.title,
            "views": [
                (data_uri(_view(one, one.true, one.true_labels, [], (names, colors))), "true"),
                (data_uri(_view(one, one.found, one.found_labels, one.scores, (names, colors))), "predicted"),
            ],
        }
        for one in pictures
    ]
    present = sorted({int(label) for one in pictures for label in (*one.true_labels, *one.found_labels)})
    legend = [(names[label], "rgb({}, {}, {})".format(*colors[label])) for label in present][:MOST_NAMES]
    return ReportSection("Worst pictures", explanation, render("masks.html", shown=shown, legend=legend))


def _view(
    one: Boxed,
    boxes: np.ndarray,
    labels: Sequence[int],
    scores: Sequence[float],
    classes: tuple[Sequence[str], Mapping[int, Color]],
) -> Image.Image:
    names, colors = classes
    ends = [f": {score:.0%}" for score in scores] or [""] * len(labels)
    captions = [f"{names[int(label)]}{end}" for label, end in zip(labels, ends, strict=True)]
    return box_overlay(
        to_image(one.pixels), boxes.tolist(), captions, [colors[int(label)] for label in labels]
    )
