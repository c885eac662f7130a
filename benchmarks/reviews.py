"""Fine-tune the same model on the same texts with the toolkit and with its peers, side by side.

::

    python -m benchmarks.reviews --seeds 0 1 2 --write-header
    python -m benchmarks.reviews --seeds 0 --limit 300 --epochs 1      a trial in a minute or two
    python -m benchmarks.reviews --profile --limit 1500                where the toolkit's step time goes

Every contender runs in a process of its own, started by this one, in turns (A B C D, A B C D, …), with as
many torch threads as there are cores. Right before each run the machine's matrix-multiply peak is measured
anew. This process imports no torch: a child's peak memory starts at its parent's size.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine, summary
from benchmarks.contenders import CONTENDERS, run
from benchmarks.header import HeaderError, check_header, write_measured
from benchmarks.process import ROOT, ChildError, measure
from toolkit.errors import ToolkitError
from toolkit.files import read_json, write_json
from toolkit.recipe.catalogue import find

RECIPE = "nlp/reviews"
TARGETS = {"trainer_grouped": 1.2, "trainer": 1.7, "trainer_padded": 4.0}
PEAK_TARGET = 0.7
LEAST_SEEDS = 3
BUSY = 0.05
"""Share of the cores that others may take before a run is called disturbed."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the benchmark, write its JSON, print its table."""
    given = _parser().parse_args(arguments)
    try:
        _measure(given)
    except (ChildError, HeaderError, ToolkitError) as error:
        sys.exit(str(error))


def _measure(given: argparse.Namespace) -> None:
    recipe = find(given.recipe)
    if given.write_header:
        _require_whole(given)
        check_header(recipe)
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        work = Path(temporary)
        _say("splitting the texts")
        measure("benchmarks.split", work, recipe, *_overrides(given), log=work / "split.log")
        if given.profile:
            _profile(work, given)
            return
        results = _compare(work, given)
    if given.write_header:
        write_measured(recipe, _measured(results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reviews", description=main.__doc__)
    parser.add_argument("--recipe", default=RECIPE, help="a text-classification recipe (%(default)s)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, default=list(CONTENDERS))
    parser.add_argument("--epochs", type=float, help="instead of the recipe's")
    parser.add_argument(
        "--limit", type=int, help="rows of the source to use, before the split; all by default"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results" / "reviews.json")
    parser.add_argument("--write-header", action="store_true", help="fill the recipe's 'measured:'")
    parser.add_argument(
        "--profile", action="store_true", help="profile each contender's step instead of comparing"
    )
    return parser


def _require_whole(given: argparse.Namespace) -> None:
    partial = given.limit or given.epochs or given.profile or "toolkit" not in given.contenders
    if partial or len(given.seeds) < LEAST_SEEDS:
        raise SystemExit(
            "--write-header quotes a full run of the recipe: leave out --limit, --epochs and --profile, "
            f"keep the toolkit among the contenders, and give at least {LEAST_SEEDS} seeds"
        )


def _overrides(given: argparse.Namespace) -> list[str]:
    overrides = ["train.device=cpu"]
    overrides += [f"train.epochs={given.epochs:g}"] if given.epochs else []
    return overrides + ([f"data.limit={given.limit}"] if given.limit else [])


def _compare(work: Path, given: argparse.Namespace) -> dict[str, Any]:
    results: dict[str, Any] = {
        **machine.circumstances(_command(given)),
        "setup": {key: value for key, value in read_json(work / "setup.json").items() if key != "model"},
        "runs": [],
    }
    for seed in given.seeds:
        for contender in given.contenders:
            results["runs"].append(run(work, contender, seed))
            results["summary"] = summary.summarise(results["runs"])
            write_json(given.out, results)  # after each run: hours of measuring survive an interruption
            _say(_line(results["runs"][-1]))
    print(summary.table(results["summary"]))
    print("\n".join(["", *summary.verdicts(results["summary"], TARGETS, PEAK_TARGET)]))
    disturbed = [line for line in results["runs"] if line["others"] > BUSY]
    if disturbed:
        _say(
            f"{len(disturbed)} of {len(results['runs'])} runs were disturbed by other programs; not fit to quote"
        )
    return results


def _line(measured: dict[str, Any]) -> str:
    return (
        f"{measured['contender']} seed {measured['seed']}: {measured['seconds']:.1f} s, "
        f"accuracy {measured['accuracy']:.4f}, {measured['peak_share']:.0%} of "
        f"{measured['matmul_peak_flops'] / 1e9:.0f} GFLOP/s"
    )


def _profile(work: Path, given: argparse.Namespace) -> None:
    for contender in given.contenders:
        log = work / f"{contender}.profile"
        measure("benchmarks.profiling", work, contender, work / "profile" / contender, log=log)
        print(f"## {contender}\n\n{log.read_text()}")


def _measured(results: dict[str, Any]) -> str:
    short = summary.in_short(results["summary"]["toolkit"])
    return f"{short}; {machine.in_short(results['machine'])}; {results['date']}; {results['command']}"


def _command(given: argparse.Namespace) -> str:
    words = ["--seeds", *map(str, given.seeds)]
    words += ["--recipe", given.recipe] if given.recipe != RECIPE else []
    words += ["--contenders", *given.contenders] if given.contenders != list(CONTENDERS) else []
    words += ["--epochs", f"{given.epochs:g}"] if given.epochs else []
    words += ["--limit", str(given.limit)] if given.limit else []
    return f"python -m benchmarks.reviews {shlex.join(words)}"


def _say(message: str) -> None:
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
