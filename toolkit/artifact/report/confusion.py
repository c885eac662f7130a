"""Which labels are taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.table import table

MOST = 20
_PAIRS = 10
_OTHERS = "all others"


def confusion_section(matrix: NDArray[np.int64], names: Sequence[str], noun: str = "rows") -> ReportSection:
    """The confusion matrix; beyond 20 classes, the most confused ones with the rest as one.

    Args:
        matrix: counts (true, predicted).
        names: the classes, in the matrix's order.
        noun: what is counted, in the plural.
    """
    explanation = (
        "Each row is a true label, each column what the model said; the diagonal is right. Colour and "
        f"percentages are shares of the row, that is, of the {noun} that truly have the label."
    )
    shown, labels, note = _collapse(matrix, names)
    html = render(
        "confusion.html",
        labels=labels,
        cells=_cells(shown, labels),
        note=note,
        pairs=_pairs(matrix, names, noun),
    )
    return ReportSection("Confusion matrix", explanation, html)


def _collapse(matrix: NDArray[np.int64], names: Sequence[str]) -> tuple[NDArray[np.int64], list[str], str]:
    if len(names) <= MOST:
        return matrix, list(names), ""
    wrong = matrix - np.diag(np.diag(matrix))
    involved = wrong.sum(0) + wrong.sum(1)
    kept = np.sort(np.argsort(-involved, kind="stable")[: MOST - 1])
    group = np.full(len(names), len(kept))
    group[kept] = np.arange(len(kept))
    shown = np.zeros((len(kept) + 1, len(kept) + 1), dtype=np.int64)
    np.add.at(shown, (group[:, None], group[None, :]), matrix)
    note = (
        f"The {len(kept)} labels with the most errors of {len(names):,}; “{_OTHERS}” holds the rest, and "
        "errors among them count there as right."
    )
    return shown, [names[int(index)] for index in kept] + [_OTHERS], note


def _cells(matrix: NDArray[np.int64], labels: Sequence[str]) -> list[list[dict[str, Any]]]:
    totals = np.maximum(matrix.sum(1, keepdims=True), 1)
    shares = matrix / totals
    return [
        [
            {
                "count": int(matrix[row, column]),
                "share": float(shares[row, column]),
                "right": row == column,
                "tip": f"truly {labels[row]}, predicted {labels[column]}: {100 * shares[row, column]:.1f}%",
            }
            for column in range(len(labels))
        ]
        for row in range(len(labels))
    ]


def _pairs(matrix: NDArray[np.int64], names: Sequence[str], noun: str) -> Markup | str:
    """The most frequent confusions, where the matrix is too large to see them at once."""
    if len(names) <= 6:
        return ""
    wrong = matrix - np.diag(np.diag(matrix))
    confused = np.argwhere(wrong)  # with thousands of labels nearly all cells are empty
    order = np.argsort(-wrong[tuple(confused.T)], kind="stable")[:_PAIRS]
    found = [(int(true), int(guess)) for true, guess in confused[order]]
    totals = matrix.sum(1)
    rows = [
        (
            names[true],
            names[guess],
            f"{wrong[true, guess]:,}",
            f"{100 * wrong[true, guess] / totals[true]:.1f}%",
        )
        for true, guess in found
    ]
    headers = ("truly", "predicted", noun, "of the true label")
    return table(headers, rows, numbers=(2, 3), caption="Most frequent confusions") if rows else ""
