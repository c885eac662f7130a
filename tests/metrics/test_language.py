from __future__ import annotations

import math

import numpy as np
import pytest

from toolkit.metrics.language import score


def test_figures_are_of_all_tokens_together() -> None:
    measures = score(np.array([2.0, 4.0]), np.array([4.0, 2.0]), np.array([10.0, 5.0]))

    assert measures["loss"]["value"] == pytest.approx(1.0)
    assert measures["perplexity"]["value"] == pytest.approx(math.e)
    assert measures["bits_per_byte"]["value"] == pytest.approx(6 / math.log(2) / 15)
    assert "perplexity_before" not in measures


def test_the_change_is_measured_on_the_same_rows() -> None:
    random = np.random.default_rng(0)
    before = random.uniform(20, 60, 200)
    measures = score(before * 0.9, np.full(200, 20.0), np.full(200, 80.0), before)

    change = measures["perplexity_change"]
    expected = math.exp(-0.1 * before.sum() / (20 * 200)) - 1
    assert change["value"] == pytest.approx(expected)
    assert change["high"] - change["low"] < 0.02  # rows differ much, but each changed alike
    assert measures["perplexity_before"]["value"] == pytest.approx(math.exp(before.sum() / 4000))
    assert measures["perplexity"]["low"] < measures["perplexity"]["value"] < measures["perplexity"]["high"]


def test_rows_without_tokens_count_nothing() -> None:
    measures = score(np.array([3.0, 0.0]), np.array([3.0, 0.0]), np.array([9.0, 0.0]), resamples=0)

    assert measures["loss"]["value"] == 1.0
