from __future__ import annotations

from typing import Any

from benchmarks.recipes import in_short, summarise


def results(speed: float, **test: float) -> dict[str, Any]:
    runs = [
        {
            "seed": seed,
            "test": {name: value + seed for name, value in test.items()},
            "rows": 1_009,
            "seconds": 60.0 + seed,
            "samples_per_second": speed,
            "peak_share": None,
            "others": 0.0,
        }
        for seed in (0, 2)
    ]
    machine = {"cpu": "Quick", "cores": 2, "memory_bytes": 2**34}
    return {
        "runs": runs,
        "summary": summarise(runs),
        "machine": machine,
        "date": "a day",
        "command": "python",
    }


def test_a_header_has_metric_range_seeds_and_place():
    said = in_short(results(1_234.5, accuracy=0.5, loss=3.0))
    assert said.startswith("test accuracy 1.5000 (0.5000-2.5000) on 1,009 rows, training seconds 61 (60-62)")
    assert "1,234 samples/s, 2 seeds; Quick, 2 cores, 16 GiB; a day; python" in said


def test_what_was_measured_before_training_stands_beside_it():
    said = in_short(results(0.25, perplexity=38.0, perplexity_before=46.0))
    assert "test perplexity 39.0000 (38.0000-40.0000), before training 47.0000 (46.0000-48.0000), on" in said
    assert "at 0.2 samples/s" in said


def test_a_title_of_capitals_keeps_them():
    assert in_short(results(1.0, rouge1=0.3)).startswith("test ROUGE-1 1.3000")
