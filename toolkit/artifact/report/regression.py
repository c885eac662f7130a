"""Predicted numbers against true ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from toolkit.artifact.report.chart import Axis, Bar, Chart, Series, short
from toolkit.artifact.report.page import ReportSection, render

_MOST = 1500
_BINS = 31


def regression_section(
    predictions: NDArray[np.generic], labels: NDArray[np.generic], names: tuple[str, ...] = ()
) -> ReportSection:
    """Predictions over true values, and the spread of the errors, for each output.

    Args:
        predictions: (rows,) or (rows, outputs).
        labels: the same shape.
        names: of the outputs.
    """
    explanation = (
        "Left, each dot is a row: on the dashed line the prediction is right, above it too high. Right, "
        "how large the errors are: centred on zero there is no bias, and the narrower the better."
    )
    guess = np.asarray(predictions, dtype=np.float64).reshape(len(labels), -1)
    truth = np.asarray(labels, dtype=np.float64).reshape(len(labels), -1)
    charts: list[Chart] = []
    for index, (true, predicted) in enumerate(zip(truth.T, guess.T, strict=True)):
        suffix = f": {names[index]}" if len(names) > 1 else ""
        charts += [_scatter(true, predicted, suffix), _residuals(predicted - true, suffix)]
    note = f"{_MOST:,} of {len(truth):,} rows are drawn as dots." if len(truth) > _MOST else ""
    html = render("figures.html", charts=[c.svg() for c in charts], notes=[note] if note else [], columns="")
    return ReportSection("Predictions and true values", explanation, html)


def _scatter(truth: NDArray[np.float64], guess: NDArray[np.float64], suffix: str) -> Chart:
    kept = np.random.default_rng(0).permutation(len(truth))[:_MOST]
    points = list(zip(truth[kept].tolist(), guess[kept].tolist(), strict=True))
    low, high = float(min(truth.min(), guess.min())), float(max(truth.max(), guess.max()))
    line = Series("right", [(low, low), (high, high)], "dashed", 2)
    x, y = Axis("true value", low, high), Axis("predicted", low, high)
    return Chart(f"Prediction and truth{suffix}", x, y, [Series("rows", points, "cloud"), line])


def _residuals(errors: NDArray[np.float64], suffix: str) -> Chart:
    widest = float(np.abs(errors).max()) or 1.0
    counts, edges = np.histogram(errors, bins=_BINS, range=(-widest, widest))
    bars = [
        Bar(
            float(left),
            float(right),
            float(count),
            f"{count:,} rows between {short(left)} and {short(right)}",
        )
        for left, right, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    x, y = Axis("predicted minus true", -widest, widest), Axis("rows", low=0)
    bias = f"Mean {errors.mean():.3g}, standard deviation {errors.std():.3g}."
    return Chart(f"Errors{suffix}", x, y, bars=bars, mark=0.0, mark_label="no error", caption=bias)
