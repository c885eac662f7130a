from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from scipy.stats import binomtest, trim_mean

from toolkit.demo.summary import METRICS, quality
from toolkit.metrics.glossary import GLOSSARY, describe, show
from toolkit.metrics.returns import (
    Curve,
    interquartile_mean,
    interquartile_mean_of,
    mean_returns,
    score_episodes,
    seed_curves,
    time_to_threshold,
)

NAMES = ["mean_return", "iqm_return", "median_return", "worst_return", "mean_length", "success_rate"]


@pytest.fixture
def values():
    return np.random.default_rng(0).normal(100, 30, size=103)


@pytest.mark.parametrize("count", range(1, 14))
def test_interquartile_mean_is_scipys_for_every_count(count):
    values = np.random.default_rng(count).normal(size=(count, 3, 2))
    assert interquartile_mean(values) == pytest.approx(trim_mean(values, 0.25, axis=0))
    assert interquartile_mean(values, axis=1) == pytest.approx(trim_mean(values, 0.25, axis=1))
    assert interquartile_mean(values[:, 0, 0]) == pytest.approx(trim_mean(values[:, 0, 0], 0.25))


def test_interquartile_mean_by_hand():
    assert interquartile_mean([1000, 1, 2, 3, 4, 5, 6, -1000]) == 3.5


def test_interquartile_mean_does_not_hide_what_is_not_a_number():
    table = np.array([[1.0, np.nan, 2, 3, 4], [1, 2, 3, 4, 5]])
    assert interquartile_mean(table, axis=1) == pytest.approx([np.nan, 3.0], nan_ok=True)


def test_weighted_interquartile_mean_is_that_of_the_rows_drawn(values):
    drawn = np.random.default_rng(1).integers(0, len(values), size=(50, len(values)))
    weights = np.stack([np.bincount(row, minlength=len(values)) for row in drawn]).astype(float)
    expected = trim_mean(values[drawn], 0.25, axis=1)
    assert interquartile_mean_of(values)(weights) == pytest.approx(expected)


def test_scores_of_episodes(values):
    lengths, successes = np.arange(103) + 1, np.arange(103) % 4 > 0
    measures = score_episodes(values, lengths, successes)
    assert list(measures) == NAMES
    assert measures["mean_return"]["value"] == pytest.approx(values.mean())
    assert measures["iqm_return"]["value"] == pytest.approx(trim_mean(values, 0.25))
    assert measures["median_return"]["value"] == np.median(values)
    assert measures["worst_return"] == {"value": values.min(), "low": None, "high": None}
    assert measures["mean_length"]["value"] == 52
    assert measures["success_rate"]["value"] == pytest.approx(77 / 103)
    for name in set(NAMES) - {"worst_return"}:
        assert measures[name]["low"] < measures[name]["value"] < measures[name]["high"]
    json.dumps(measures, allow_nan=False)


def test_interval_of_the_mean_has_the_width_that_theory_gives(values):
    measure = score_episodes(values, values)["mean_return"]
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert measure["high"] - measure["low"] == pytest.approx(2 * half, rel=0.1)


def test_scores_repeat_with_a_seed_and_lists_do_as_well(values):
    assert score_episodes(values, values, seed=3) == score_episodes(list(values), list(values), seed=3)
    assert score_episodes(values, values, seed=3) != score_episodes(values, values, seed=4)


def test_without_successes_there_is_no_rate(values):
    assert "success_rate" not in score_episodes(values, values)


@pytest.mark.parametrize("successes", [[True] * 20, [False] * 20])
def test_unanimous_success_has_the_exact_interval_of_a_binomial(successes):
    measure = score_episodes(range(20), range(20), successes)["success_rate"]
    exact = binomtest(sum(successes), 20).proportion_ci(0.95, "exact")
    assert measure == pytest.approx({"value": float(successes[0]), "low": exact.low, "high": exact.high})


def test_without_resamples_there_are_values_alone():
    measures = score_episodes([1, 2], [1, 1], [True, True], resamples=0)
    assert measures["success_rate"] == {"value": 1.0, "low": None, "high": None}
    assert measures["mean_return"] == {"value": 1.5, "low": None, "high": None}


@pytest.mark.parametrize("episodes", [0, 1])
def test_no_episode_and_a_single_one_give_json(episodes):
    measures = score_episodes([5.0] * episodes, [9] * episodes, [True] * episodes)
    json.dumps(measures, allow_nan=False)
    for name, value in zip(NAMES, [5.0, 5.0, 5.0, 5.0, 9.0, 1.0], strict=True):
        assert measures[name]["value"] == (value if episodes else None)
        assert measures[name]["low"] is None
    assert measures["worst_return"].get("note") == (None if episodes else "no rows")


@pytest.mark.parametrize("odd", [float("nan"), float("inf")])
def test_a_return_that_is_not_finite_is_said_and_not_trimmed_away(odd):
    measures = score_episodes([1.0] * 20 + [odd], range(21))
    for name in NAMES[:4]:
        assert measures[name]["value"] is None
        assert measures[name]["note"] == "1 of 21 returns are not finite numbers"
    assert measures["mean_length"]["value"] == 10


def test_mean_returns_are_in_order_and_the_later_of_two_evaluations_counts():
    run = [(20, [1.0, 3.0]), (10, 5.0), (20, [6.0]), (30, []), (40, [1.0, float("nan")])]
    assert list(mean_returns(run).items()) == [(10, 5.0), (20, 6.0)]


def test_curve_is_over_the_steps_that_all_seeds_share():
    runs = [[(0, [0, 2]), (10, [4, 4]), (20, [9])], [(10, [6, 8]), (0, 3)], [(0, 5), (10, [1, 3]), (15, 2)]]
    curve = seed_curves(runs)
    assert curve.steps == (0, 10)
    assert curve.iqm == pytest.approx((3.0, 13 / 3)), "means of 1, 3, 5 and of 4, 7, 2"


def test_a_run_counts_once_however_many_episodes_it_played():
    assert seed_curves([[(0, [0.0] * 99)], [(0, [10.0])]]).iqm == (5.0,)


def test_interval_is_that_of_all_ways_to_draw_the_seeds():
    scores = np.array([1.0, 2.0, 4.0, 8.0])
    curve = seed_curves([[(7, score)] for score in scores], resamples=40_000)
    ways = np.array(list(itertools.product(scores, repeat=4)))
    low, high = np.quantile(trim_mean(ways, 0.25, axis=1), (0.025, 0.975))
    assert curve.iqm == (3.0,)
    assert curve.low == pytest.approx((low,), abs=0.2)
    assert curve.high == pytest.approx((high,), abs=0.2)


def test_interval_of_two_seeds_spans_them():
    curve = seed_curves([[(0, 1.0), (5, 2.0)], [(0, 3.0), (5, 2.0)]])
    assert curve == Curve((0, 5), (2.0, 2.0), (1.0, 2.0), (3.0, 2.0))


def test_one_seed_has_no_interval():
    assert seed_curves([[(5, [1.0, 2.0]), (9, 4.0)]]) == Curve((5, 9), (1.5, 4.0))
    assert seed_curves([[(5, 1.0)], [(5, 3.0)]], resamples=0) == Curve((5,), (2.0,))


@pytest.mark.parametrize("runs", [[], [[]], [[(0, 1.0)], [(1, 1.0)]]])
def test_without_a_shared_step_the_curve_is_empty(runs):
    assert seed_curves(runs) == Curve((), ())


@pytest.mark.parametrize(("threshold", "step"), [(3.0, 10), (3.5, 30), (9.0, None)])
def test_time_to_threshold_is_the_first_step_that_reaches_it(threshold, step):
    run = [(30, [4.0, 4.0]), (10, [1.0, 5.0]), (20, 2.0)]
    assert time_to_threshold(run, threshold) == step


def test_every_figure_of_an_agent_is_explained():
    for name in [*NAMES, "random_return", "steps_per_second", "action_seconds"]:
        assert GLOSSARY[name].meaning.endswith(".")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("mean_return", 0.9351, "0.935"),
        ("mean_return", 21.3, "21.30"),
        ("mean_return", -132.46, "-132.5"),
        ("mean_return", 2310.4, "2,310"),
        ("mean_return", 0.0, "0.000"),
        ("mean_length", 187.0, "187.0"),
        ("success_rate", 0.95, "95.0%"),
        ("steps_per_second", 1410.2, "1,410 / s"),
        ("action_seconds", 0.00031, "0.31 ms"),
        ("action_seconds", 0.0031, "3.1 ms"),
    ],
)
def test_figures_of_an_agent_read_in_their_unit(name, value, text):
    assert show(name, value) == text


def test_mean_return_is_a_headline():
    assert {"mean_return", "success_rate"} <= set(METRICS)
    measures = score_episodes([200.0] * 3 + [230.0] * 3, [9] * 6, [True] * 6, resamples=0)
    assert quality({"test": measures}) == "Test mean return **215.0**."


def test_what_an_environment_tells_besides_is_a_share_or_a_mean() -> None:
    info = {"crashed": [True, False, False, False], "speed": [20.0, 30.0, 25.0, 25.0]}
    measures = score_episodes(range(4), range(4), info=info)

    assert measures["crashed_rate"]["value"] == 0.25
    assert measures["mean_speed"]["value"] == 25.0
    none = score_episodes(range(100), range(100), info={"crashed": [False] * 100})["crashed_rate"]
    assert none["value"] == none["low"] == 0
    assert none["high"] == pytest.approx(1 - 0.025 ** (1 / 100))
    assert describe("crashed_rate").title == "Crashed rate"
    assert show("crashed_rate", 0.25) == "25.0%"
