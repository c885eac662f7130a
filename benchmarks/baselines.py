"""Recurrent networks with new weights beside a fine-tuned transformer: the same texts, the same split, one table.

::

    python -m benchmarks.baselines --seeds 0 1 2
    python -m benchmarks.baselines nlp/lstm-reviews --seeds 0 --limit 600      a trial in a minute or two

Each recipe is trained as it is, in a process of its own with as many torch threads as there are cores; the recipes take
turns within a seed. All read one source with one ``split_seed``, and a run whose test rows are others stops the
benchmark. Figures are those of the runs' own ``metrics.json`` and ``manifest.json``.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from benchmarks import machine
from benchmarks.process import ROOT, ChildError, measure
from benchmarks.summary import ranged, spread
from toolkit.errors import ToolkitError
from toolkit.files import read_json, write_json
from toolkit.recipe.catalogue import find

RECIPES = ("nlp/lstm-reviews", "nlp/gru-reviews", "nlp/reviews")
Row = Mapping[str, Any]


def main(arguments: Sequence[str] | None = None) -> None:
    """Train each recipe with each seed, write one JSON file, and print its table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines", description=main.__doc__)
    parser.add_argument("recipes", nargs="*", default=list(RECIPES), metavar="RECIPE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--limit", type=int, help="rows of the source to use: a trial, never to be quoted")
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "baselines.json")
    given = parser.parse_args(arguments)
    try:
        results = _measure(given)
    except (ChildError, ToolkitError, ValueError) as error:
        sys.exit(str(error))
    print(table(results["summary"]))


def _measure(given: argparse.Namespace) -> dict[str, Any]:
    changes = [f"data.limit={given.limit}"] if given.limit else []
    words = [*given.recipes, "--seeds", *map(str, given.seeds)] + (
        ["--limit", str(given.limit)] if changes else []
    )
    command = f"python -m benchmarks.baselines {shlex.join(words)}"
    results: dict[str, Any] = {**machine.circumstances(command), "runs": []}
    for seed in given.seeds:
        for recipe in given.recipes:
            with tempfile.TemporaryDirectory(prefix="benchmark-") as work:
                results["runs"].append(train(recipe, [*changes, f"train.seed={seed}"], Path(work)))
            require_same_rows(results["runs"])
            results["summary"] = summarise(results["runs"])
            write_json(given.out, results)  # after each run: hours of measuring survive an interruption
            last = results["runs"][-1]
            print(f"{recipe} seed {seed}: {last['accuracy']:.4f} in {last['seconds']:.0f} s", flush=True)
    return results


def train(recipe: str, changes: Sequence[str], work: Path) -> dict[str, Any]:
    """One training in a process of its own, and what its run folder says of it.

    Raises:
        ChildError: it failed.
    """
    folder = work / "run"
    usage = measure("toolkit", "train", find(recipe), *changes, "--out", folder, log=work / "log")
    manifest, metrics = read_json(folder / "manifest.json"), read_json(folder / "metrics.json")
    return {
        "recipe": recipe,
        "seed": manifest["seed"],
        "accuracy": metrics["test"]["accuracy"]["value"],
        "rows": metrics["test"]["rows"],
        "test_rows": manifest["data"]["fingerprints"]["test"],
        "seconds": manifest["fit"]["seconds"],
        "latency_seconds": metrics["performance"]["latency_seconds"]["value"],
        "parameters": parameters(folder / "model" / "model.safetensors"),
        "command_seconds": usage.seconds,
        "others": usage.others,
    }


def parameters(weights: Path) -> int:
    """Numbers in a file of weights; what is tied is there once. No tensor is read."""
    with safe_open(weights, "np") as file:
        shapes = [file.get_slice(name).get_shape() for name in file.keys()]  # noqa: SIM118  (no mapping)
    total = 0
    for shape in shapes:
        count = 1
        for size in shape:
            count *= size
        total += count
    return total


def require_same_rows(runs: Sequence[Row]) -> None:
    """Make sure that all runs were tested on the same rows.

    Raises:
        ValueError: they were not.
    """
    others = sorted({run["recipe"] for run in runs if run["test_rows"] != runs[0]["test_rows"]})
    if others:
        raise ValueError(
            f"{', '.join(others)}: not the test rows of {runs[0]['recipe']}; nothing can be compared"
        )


def summarise(runs: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """By recipe, in order of first run: seeds, parameters, and the spread of accuracy, seconds and latency."""
    found: dict[str, dict[str, Any]] = {}
    for name in dict.fromkeys(run["recipe"] for run in runs):
        mine = [run for run in runs if run["recipe"] == name]
        spreads = {
            key: spread([run[key] for run in mine]) for key in ("accuracy", "seconds", "latency_seconds")
        }
        rows = {"rows": mine[0]["rows"], "parameters": mine[0]["parameters"]}
        found[name] = {"seeds": [run["seed"] for run in mine], **rows, **spreads}
        found[name]["others"] = max(run["others"] for run in mine)
    return found


def table(summary: Mapping[str, Row]) -> str:
    """The summary as a Markdown table: means, ranges over seeds in brackets."""
    head = ["recipe", "test accuracy", "training s", "latency ms", "parameters", "seeds"]
    rows = [head, ["---", *["---:"] * (len(head) - 1)]]
    for name, row in summary.items():
        cells = (("accuracy", "{:.4f}", 1), ("seconds", "{:.0f}", 1), ("latency_seconds", "{:.1f}", 1000))
        figures = [
            ranged({name: value * scale for name, value in row[key].items()}, form)
            for key, form, scale in cells
        ]
        rows.append([name, *figures, f"{row['parameters']:,}", str(len(row["seeds"]))])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
