from __future__ import annotations

from typing import Any

import pytest

from benchmarks.agents import summarise, time_to
from benchmarks.zoo import SETTINGS
from toolkit.recipe.catalogue import find


def run(contender: str, seed: int, seconds: float, reached: float | None) -> dict[str, Any]:
    evaluations = [{"step": 100, "seconds": 1.0, "return": 10.0}]
    if reached is not None:
        evaluations.append({"step": 200, "seconds": reached, "return": 480.0})
    return {
        "contender": contender,
        "seed": seed,
        "seconds": seconds,
        "steps": 1000,
        "evaluations": evaluations,
        "mean_return": 400.0 + seed,
        "others": 0.01 * seed,
    }


def test_times_are_compared_seed_by_seed() -> None:
    runs = [
        run("toolkit", 0, 10.0, 5.0),
        run("stable-baselines3", 0, 20.0, 20.0),
        run("toolkit", 1, 12.0, 6.0),
        run("stable-baselines3", 1, 16.0, None),
    ]
    summary = summarise(runs, SETTINGS["cartpole-dqn"])
    assert summary["ratio_whole"]["mean"] == pytest.approx((0.5 + 0.75) / 2)
    assert summary["ratio_to_threshold"]["median"] == 0.25
    assert summary["ratio_to_threshold"]["seeds"] == 1
    assert summary["stable-baselines3"]["reached"] == "1 of 2 seeds"
    assert summary["toolkit"]["others"] == 0.01


def test_a_threshold_that_was_never_reached_has_no_time() -> None:
    assert time_to(run("toolkit", 0, 1.0, None), 475.0) is None
    assert time_to(run("toolkit", 0, 1.0, 3.0), 475.0) == 3.0


@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_has_its_recipe(name: str) -> None:
    text = find(SETTINGS[name].recipe).read_text()
    assert f"env: {SETTINGS[name].environment}" in text
    assert f"max_steps: {SETTINGS[name].steps}" in text
