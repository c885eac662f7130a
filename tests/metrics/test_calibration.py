from __future__ import annotations

import numpy as np
import pytest

from toolkit.metrics.calibration import fit_temperature, losses, probabilities, reliability
from toolkit.metrics.classification import score

SINGLE, MULTI = "single_label_classification", "multi_label_classification"


def calibrated(problem_type, rows=20_000, classes=4):
    """Logits and labels drawn from those very logits' probabilities."""
    generator = np.random.default_rng(0)
    logits = 1.5 * generator.normal(size=(rows, classes))
    chances = probabilities(problem_type, logits)
    if problem_type == MULTI:
        return logits, (generator.random(chances.shape) < chances).astype(float)
    return logits, (chances.cumsum(1) > generator.random((rows, 1))).argmax(1)


@pytest.mark.parametrize("problem_type", [SINGLE, MULTI])
@pytest.mark.parametrize("factor", [0.4, 1.0, 3.0])
def test_temperature_undoes_a_known_scaling(problem_type, factor):
    logits, labels = calibrated(problem_type)
    temperature = fit_temperature(factor * logits, labels, problem_type)
    assert temperature == pytest.approx(factor, rel=0.05)
    scores = score(problem_type, factor * logits, labels, temperature=temperature, resamples=200)
    assert scores["ece_calibrated"]["value"] < 0.015
    if factor != 1:
        assert scores["ece"]["value"] > 4 * scores["ece_calibrated"]["value"]


def test_temperature_is_where_the_loss_is_least():
    logits, labels = calibrated(SINGLE, rows=500)
    best = fit_temperature(2 * logits, labels, SINGLE)
    here = losses(SINGLE, 2 * logits / best, labels).mean()
    assert all(here <= losses(SINGLE, 2 * logits / t, labels).mean() for t in np.geomspace(0.05, 20, 50))


def test_temperature_is_one_where_nothing_can_be_fitted():
    right = np.eye(3)
    assert fit_temperature(right, np.arange(3), SINGLE) == 1.0  # all right: the loss falls forever
    assert fit_temperature(2 * right - 1, right, MULTI) == 1.0
    assert fit_temperature(np.zeros((5, 3)), np.zeros(5, dtype=int), SINGLE) == 1.0
    assert fit_temperature(np.zeros((0, 3)), np.zeros(0, dtype=int), SINGLE) == 1.0
    assert fit_temperature(np.zeros(4), np.ones(4), "regression") == 1.0


def test_temperature_stays_within_bounds_when_the_model_knows_nothing():
    generator = np.random.default_rng(0)
    logits = 100 * generator.normal(size=(300, 2))
    assert 1 < fit_temperature(logits, generator.integers(0, 2, 300), SINGLE) <= 20


def test_reliability_bins_hold_every_row_once_and_their_own_confidences():
    logits, labels = calibrated(SINGLE, rows=2000)
    bins = reliability(SINGLE, logits, labels)
    assert sum(bar["count"] for bar in bins) == 2000
    for bar in bins:
        assert (bar["confidence"] is None) == (bar["count"] == 0)
        if bar["count"]:
            assert bar["low"] <= bar["confidence"] <= bar["high"]


def test_reliability_averages_to_the_calibration_error():
    logits, labels = calibrated(MULTI, rows=2000)
    bars = [bar for bar in reliability(MULTI, 3 * logits, labels) if bar["count"]]
    gap = sum(bar["count"] * abs(bar["confidence"] - bar["accuracy"]) for bar in bars)
    ece = score(MULTI, 3 * logits, labels, resamples=0)["ece"]["value"]
    assert ece == pytest.approx(gap / labels.size)


def test_regression_has_no_reliability():
    assert reliability("regression", np.zeros(3), np.zeros(3)) == []
