from __future__ import annotations

import json
import time

import numpy as np
import pytest

from toolkit.metrics.measure import bootstrap, mean_of, median_of


def test_interval_of_a_share_has_the_width_that_theory_gives():
    right = np.arange(1000) < 800
    measure = bootstrap({"accuracy": mean_of(right)}, 1000)["accuracy"]
    assert measure["value"] == pytest.approx(0.8)
    half = 1.96 * np.sqrt(0.8 * 0.2 / 1000)
    assert measure["low"] == pytest.approx(0.8 - half, abs=0.004)
    assert measure["high"] == pytest.approx(0.8 + half, abs=0.004)


def test_interval_covers_the_true_mean_about_95_times_in_100():
    generator = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        measure = bootstrap({"mean": mean_of(generator.exponential(size=200))}, 200, seed=seed, resamples=400)
        covered += measure["mean"]["low"] <= 1 <= measure["mean"]["high"]
    assert 0.90 <= covered / 200 <= 0.985


def test_same_seed_same_interval_and_another_seed_another():
    values = np.random.default_rng(1).normal(size=300)
    first, again, other = (bootstrap({"m": mean_of(values)}, 300, seed=s) for s in (3, 3, 4))
    assert first == again
    assert first != other


def test_median_is_numpys_on_odd_counts():
    values = np.random.default_rng(2).normal(size=101)
    measure = bootstrap({"median": median_of(values)}, 101)["median"]
    assert measure["value"] == np.median(values)
    assert measure["low"] < measure["value"] < measure["high"]


@pytest.mark.parametrize("rows", [0, 1])
def test_no_rows_and_one_row_give_json(rows):
    measure = bootstrap({"m": mean_of(np.ones(rows))}, rows)["m"]
    json.dumps(measure, allow_nan=False)
    assert measure["value"] == (None if rows == 0 else 1.0)
    assert (measure["low"], measure["high"]) == (None, None)
    assert measure["note"] == ("no rows" if rows == 0 else "a single observation has no interval")


def test_undefined_statistic_is_null_with_a_reason():
    measure = bootstrap({"m": lambda weights: np.full(len(weights), np.nan)}, 5)["m"]
    assert measure == {"value": None, "low": None, "high": None, "note": "undefined on these rows"}


def test_without_resamples_only_the_value():
    assert bootstrap({"m": mean_of(np.arange(3))}, 3, resamples=0)["m"] == {
        "value": 1.0,
        "low": None,
        "high": None,
    }


def test_ten_thousand_rows_take_less_than_a_second():
    start = time.perf_counter()
    bootstrap({"m": mean_of(np.random.default_rng(0).normal(size=10_000))}, 10_000)
    assert time.perf_counter() - start < 1
