from __future__ import annotations

import time

import pytest

from toolkit.metrics.speed import measure


def test_latency_and_throughput_of_a_predictor_with_known_times():
    sizes = []

    def predict(inputs):
        sizes.append(len(inputs))
        time.sleep(0.005 + 0.001 * len(inputs))

    start = time.perf_counter()
    result = measure(predict, ["a", "b", "c"], batch_size=16, seconds=0.6)
    assert time.perf_counter() - start < 1.5
    assert result["latency_seconds"]["value"] == pytest.approx(0.006, rel=0.5)
    assert result["throughput_per_second"]["value"] == pytest.approx(16 / 0.021, rel=0.5)
    assert set(sizes) == {1, 16}
    for value in result.values():
        assert value["low"] <= value["value"] <= value["high"]


def test_a_slow_predictor_is_called_once_per_measurement_and_once_to_warm_up():
    calls = []
    result = measure(lambda inputs: (calls.append(1), time.sleep(0.05)), ["a"], seconds=0.02)
    assert len(calls) == 4
    assert result["latency_seconds"]["value"] >= 0.05
    assert result["latency_seconds"]["low"] is None, "one call has no interval"


def test_no_inputs_no_numbers():
    assert measure(len, []) == {}
