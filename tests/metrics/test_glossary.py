from __future__ import annotations

import pytest

from toolkit.metrics.classification import METRICS
from toolkit.metrics.glossary import GLOSSARY, describe, show, show_interval
from toolkit.metrics.tagging import PLAIN, SPANS


def test_every_metric_of_every_problem_is_explained():
    for name in {*PLAIN, *SPANS, *(name for names in METRICS.values() for name in names)}:
        assert GLOSSARY[name].meaning.endswith(".")


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("accuracy", 0.8612, "86.1%"),
        ("mcc", 0.72134, "0.721"),
        ("mcc", -0.5, "-0.500"),
        ("mse", 0.001234, "0.00123"),
        ("mse", 12345.6, "1.23e+04"),
        ("latency_seconds", 0.0123, "12.3 ms"),
        ("latency_seconds", 2.5, "2.50 s"),
        ("throughput_per_second", 1410.2, "1,410 / s"),
        ("throughput_per_second", 2.53, "2.53 / s"),
        ("r2", None, "n/a"),
    ],
)
def test_values_read_in_their_unit(name, value, text):
    assert show(name, value) == text


def test_interval_reads_low_to_high_and_is_empty_without_one():
    assert show_interval("accuracy", {"value": 0.8, "low": 0.78, "high": 0.82}) == "78.0% to 82.0%"
    assert show_interval("accuracy", {"value": 0.8, "low": None, "high": None}) == ""


def test_unknown_metric_gets_a_readable_title():
    assert describe("word_error_rate").title == "Word error rate"
