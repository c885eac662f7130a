"""Train recipes as they are, over several seeds, and fill the ``measured:`` of their headers.

::

    python -m benchmarks.recipes vision/digits-mlp vision/digits-cnn --seeds 0 1 2 --write-header
    python -m benchmarks.recipes vision/fashion --seeds 0 train.epochs=1        a trial, with any value changed

Each training is a process of its own, one after the other, with as many torch threads as there are cores. The figures
are those of the run's own ``metrics.json`` and ``manifest.json``: the test split was held out, and ``toolkit train``
never looks at it before the end.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.header import HeaderError, check_header, write_measured
from benchmarks.process import ROOT, ChildError, measure
from benchmarks.summary import ranged, spread
from toolkit.errors import ToolkitError
from toolkit.files import read_json, write_json
from toolkit.metrics.glossary import describe
from toolkit.recipe.catalogue import find


def main(arguments: Sequence[str] | None = None) -> None:
    """Train each recipe with each seed, write one JSON file a recipe, and print what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recipes", description=main.__doc__)
    parser.add_argument("recipes", nargs="+", metavar="RECIPE|KEY=VALUE")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--metric", help="what the header quotes; by default the first of the test split")
    parser.add_argument("--write-header", action="store_true", help="fill each recipe's 'measured:'")
    parser.add_argument("--results", type=Path, default=ROOT / "benchmarks" / "results")
    given = parser.parse_args(arguments)
    changes = [word for word in given.recipes if "=" in word]
    if given.write_header and changes:
        parser.error("--write-header quotes recipes as they are")
    try:
        for name in [word for word in given.recipes if "=" not in word]:
            if given.write_header:
                check_header(find(name))
            results = _measure(name, changes, given)
            if given.write_header:
                write_measured(find(name), in_short(results))
    except (ChildError, HeaderError, ToolkitError) as error:
        sys.exit(str(error))


def _measure(name: str, changes: Sequence[str], given: argparse.Namespace) -> dict[str, Any]:
    words = [name, *changes, "--seeds", *map(str, given.seeds)]
    words += ["--metric", given.metric] if given.metric else []
    results: dict[str, Any] = {
        **machine.circumstances(f"python -m benchmarks.recipes {shlex.join(words)}"),
        "runs": [],
    }
    target = given.results / f"{name.replace('/', '-')}.json"
    for seed in given.seeds:
        with tempfile.TemporaryDirectory(prefix="benchmark-") as work:
            results["runs"].append(train(find(name), [*changes, f"train.seed={seed}"], Path(work)))
        results["summary"] = summarise(results["runs"], given.metric)
        if not changes:
            write_json(target, results)  # after each run: hours of measuring survive an interruption
        print(f"{name} seed {seed}: {in_short({**results, 'runs': results['runs'][-1:]})}", flush=True)
    return results


def train(recipe: Path, changes: Sequence[str], work: Path) -> dict[str, Any]:
    """One training in a process of its own, and what its run folder says of it.

    Raises:
        ChildError: it failed.
    """
    usage = measure("toolkit", "train", recipe, *changes, "--out", work / "run", log=work / "log")
    manifest, metrics = read_json(work / "run" / "manifest.json"), read_json(work / "run" / "metrics.json")
    history = [json.loads(line) for line in (work / "run" / "history.jsonl").read_text().splitlines()]
    steps = [line for line in history if "samples_per_second" in line]
    shares = [line["peak_share"] for line in steps if line.get("peak_share")]
    return {
        "seed": manifest["seed"],
        "test": {key: value["value"] for key, value in metrics["test"].items() if isinstance(value, Mapping)},
        "rows": metrics["test"]["rows"],
        "seconds": manifest["fit"]["seconds"],
        "samples_per_second": manifest["fit"]["samples_per_second"],
        "peak_share": sum(shares) / len(shares) if shares else None,
        "validation": [line["validation"] for line in history if "validation" in line],
        "command_seconds": usage.seconds,
        "others": usage.others,
        "peak_memory_bytes": manifest["fit"]["peak_memory_bytes"],
    }


def summarise(runs: Sequence[Mapping[str, Any]], metric: str | None = None) -> dict[str, Any]:
    """Spread of the quoted metric, of what it was before training if that was measured, and of the seconds."""
    name = metric or next(iter(runs[0]["test"]))
    before = f"{name}_before"
    shares = [run["peak_share"] for run in runs if run["peak_share"] is not None]
    return {
        "metric": name,
        "value": spread([run["test"][name] for run in runs]),
        "before": spread([run["test"][before] for run in runs]) if before in runs[0]["test"] else None,
        "seconds": spread([run["seconds"] for run in runs]),
        "samples_per_second": spread([run["samples_per_second"] for run in runs]),
        # above 1 the peak was measured while others were at work: such a share says nothing
        "peak_share": spread(shares) if shares and max(shares) <= 1 else None,
        "others": max(run["others"] for run in runs),
    }


def in_short(results: Mapping[str, Any]) -> str:
    """What a recipe's header says: metric and seconds with their range, seeds, machine, date and command."""
    runs = results["runs"]
    summary = summarise(runs, results["summary"]["metric"])
    title = _within(describe(summary["metric"]).title)
    value, seconds = ranged(summary["value"], "{:.4f}"), ranged(summary["seconds"], "{:.0f}")
    share = summary["peak_share"]
    was = f", before training {ranged(summary['before'], '{:.4f}')}," if summary["before"] else ""
    parts = [f"test {title} {value}{was} on {runs[0]['rows']:,} rows"]
    parts.append(f"training seconds {seconds}, evaluations included, at {_speed(summary)}")
    parts += [f"{share['mean']:.0%} of the machine's matrix-multiply peak"] if share else []
    parts.append(f"{len(runs)} seed{'s' if len(runs) > 1 else ''}")
    place = f"{machine.in_short(results['machine'])}; {results['date']}; {results['command']}"
    return f"{', '.join(parts)}; {place}"


def _within(title: str) -> str:
    """A title within a sentence: "Accuracy" with a small letter, "ROUGE-1" as it is."""
    return title if title[1:2].isupper() else title[:1].lower() + title[1:]


def _speed(summary: Mapping[str, Any]) -> str:
    mean = summary["samples_per_second"]["mean"]
    return f"{mean:,.0f} samples/s" if mean >= 10 else f"{mean:.1f} samples/s"


if __name__ == "__main__":
    main()
