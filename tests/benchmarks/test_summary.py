from __future__ import annotations

from typing import Any

import pytest

from benchmarks.summary import in_short, summarise, table, verdicts


def run(contender: str, seed: int, seconds: float, accuracy: float) -> dict[str, Any]:
    return {
        "contender": contender,
        "seed": seed,
        "seconds": seconds,
        "command_seconds": seconds + 10,
        "accuracy": accuracy,
        "peak_memory_bytes": 2**30,
        "peak_share": 35 / seconds,
    }


RUNS = [
    run("toolkit", 0, 50, 0.86),
    run("trainer", 0, 100, 0.85),
    run("toolkit", 1, 100, 0.84),  # the machine was slow: the peer of this seed was slow with it
    run("trainer", 1, 220, 0.86),
    run("toolkit", 2, 40, 0.87),
    run("trainer", 2, 76, 0.86),
]


def test_ratios_are_of_runs_of_the_same_seed() -> None:
    ratio = summarise(RUNS)["trainer"]["ratio"]
    assert (ratio["median"], ratio["low"], ratio["high"]) == (2.0, 1.9, 2.2)


def test_accuracies_are_equal_when_the_means_differ_less_than_the_seeds_do() -> None:
    compared = summarise(RUNS)["trainer"]
    assert compared["accuracy_difference"]["mean"] == pytest.approx(0.0)
    assert compared["within_spread"] is True
    worse = [run | {"accuracy": run["accuracy"] - 0.1 * (run["contender"] == "trainer")} for run in RUNS]
    assert summarise(worse)["trainer"]["within_spread"] is False


def test_one_seed_says_nothing_of_spread() -> None:
    assert summarise(RUNS[:2])["trainer"]["within_spread"] is None
    assert "one seed" in table(summarise(RUNS[:2]))


def test_a_seed_that_only_one_contender_has_run_is_not_compared() -> None:
    summary = summarise(RUNS[:3])
    assert summary["trainer"]["ratio"]["high"] == 2.0
    assert summary["toolkit"]["seeds"] == [0, 1]
    assert "ratio" not in summarise(RUNS[1:3])["trainer"]


def test_the_table_has_a_row_for_each_contender_and_as_many_cells_as_columns() -> None:
    lines = table(summarise(RUNS)).splitlines()
    assert [line.split("|")[1].strip() for line in lines[2:]] == ["toolkit", "trainer"]
    assert len({line.count("|") for line in lines}) == 1


def test_targets_are_said_to_be_met_or_not() -> None:
    lines = verdicts(summarise(RUNS), {"trainer": 2.1, "trainer_padded": 4.0}, peak=0.6)
    assert lines[0].endswith("2.00x, NOT met")
    assert lines[1].endswith("64%, met")
    assert len(lines) == 2


def test_the_phrase_for_the_recipe_names_accuracy_time_and_seeds() -> None:
    phrase = in_short(summarise(RUNS)["toolkit"])
    assert phrase == "test accuracy 0.857 (0.840-0.870), training seconds 63 (40-100), over 3 seeds"
