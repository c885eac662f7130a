"""How well the pixels of each class are found, and pictures with their true and predicted masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from toolkit.artifact.examples import to_image
from toolkit.artifact.overlay import class_colors, enlarged, mask_overlay
from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.pictures import data_uri
from toolkit.artifact.report.table import table
from toolkit.metrics.glossary import show
from toolkit.metrics.segmentation import ClassRow


def overlap_section(rows: Sequence[ClassRow]) -> ReportSection:
    """Intersection over union, Dice and pixels of each class."""
    explanation = (
        "IoU: pixels that truth and prediction share, of all that either of them gives the class. Dice: the shared "
        "pixels twice over, by the sum of both. n/a where a class occurs in neither. Few pixels make an uncertain "
        "figure."
    )
    total = max(1, sum(row["support"] for row in rows))
    cells = [
        (
            row["label"],
            show("mean_iou", row["iou"]),
            show("mean_dice", row["dice"]),
            f"{row['support']:,}",
            f"{100 * row['support'] / total:.1f}%",
        )
        for row in rows
    ]
    html = table(("class", "IoU", "Dice", "true pixels", "share"), cells)
    return ReportSection("Classes one by one", explanation, html)


def masks_section(
    pictures: Sequence[np.ndarray],
    true: np.ndarray,
    predicted: np.ndarray,
    *,
    names: Sequence[str],
    titles: Sequence[str],
) -> ReportSection:
    """Pictures with both masks beside them, worst first.

    Args:
        pictures: uint8 (height, width, channels).
        true: class numbers, uint8 (pictures, height, width).
        predicted: the same.
        names: the classes.
        titles: what to say of each picture.
    """
    explanation = "Each row: the picture, its true mask, and the predicted one. Class 0 is left bare."
    shown = [
        {
            "title": title,
            "views": [
                (data_uri(enlarged(picture)), "picture"),
                (data_uri(mask_overlay(picture, true[at])), "true"),
                (data_uri(mask_overlay(picture, predicted[at])), "predicted"),
            ],
        }
        for at, (picture, title) in enumerate(zip(map(to_image, pictures), titles, strict=True))
    ]
    colors = class_colors(len(names))
    legend = [(name, "rgb({}, {}, {})".format(*colors[at])) for at, name in enumerate(names) if at][:40]
    html = render("masks.html", shown=shown, legend=legend)
    return ReportSection("Worst pictures", explanation, html)
