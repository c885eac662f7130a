from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchmarks.baselines import parameters, require_same_rows, summarise, table


def run(recipe: str, seed: int, accuracy: float, test_rows: str = "a") -> dict[str, Any]:
    return {
        "recipe": recipe,
        "seed": seed,
        "accuracy": accuracy,
        "rows": 1007,
        "test_rows": test_rows,
        "seconds": 60.0 + seed,
        "latency_seconds": 0.004,
        "parameters": 1_800_000,
        "others": 0.01,
    }


RUNS = [run("nlp/lstm-reviews", 0, 0.78), run("nlp/reviews", 0, 0.86), run("nlp/lstm-reviews", 1, 0.80)]


def test_the_table_has_a_row_for_each_recipe_with_its_range_over_seeds() -> None:
    lines = table(summarise(RUNS)).splitlines()
    assert lines[2] == "| nlp/lstm-reviews | 0.7900 (0.7800-0.8000) | 60 (60-61) | 4.0 | 1,800,000 | 2 |"
    assert lines[3].startswith("| nlp/reviews | 0.8600 |")
    assert len({line.count("|") for line in lines}) == 1


def test_runs_on_other_rows_are_not_compared() -> None:
    require_same_rows(RUNS)
    with pytest.raises(ValueError, match="nlp/gru-reviews: not the test rows of nlp/lstm-reviews"):
        require_same_rows([*RUNS, run("nlp/gru-reviews", 0, 0.7, test_rows="b")])


def test_parameters_are_counted_without_reading_them(tmp_path: Path) -> None:
    save_file({"a": np.zeros((3, 4), np.float32), "b": np.zeros(5, np.float32)}, tmp_path / "w.safetensors")
    assert parameters(tmp_path / "w.safetensors") == 17
