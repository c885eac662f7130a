"""Train agents with the toolkit and with plain stable-baselines3 under the zoo's settings, side by side.

::

    python -m benchmarks.agents cartpole-dqn cartpole-ppo --seeds 0 1 2 3 4
    python -m benchmarks.agents --seeds 0 1 2 3 4                             all of them

Each run is a process of its own; the two take turns within a seed. Compared are the returns of 100 further episodes
after the same number of steps, and the wall time until an evaluation's mean return reaches the threshold, evaluations
included.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.header import HeaderError, check_header, write_measured
from benchmarks.process import ROOT, ChildError, measure
from benchmarks.summary import ranged, spread
from benchmarks.zoo import SETTINGS, Setting
from toolkit.files import read_json, write_json
from toolkit.recipe.catalogue import find

EPISODES = 10
EVALUATIONS = 20
ASKED = 0.6
"""Of plain stable-baselines3's wall time."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare some settings, write one JSON file each, print what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.agents", description=main.__doc__)
    parser.add_argument("settings", nargs="*", metavar="SETTING", help=", ".join(SETTINGS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--write-header", action="store_true", help="fill each recipe's 'measured:'")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.settings if name not in SETTINGS]
    if unknown:
        parser.error(f"unknown {', '.join(unknown)}; choose from {', '.join(SETTINGS)}")
    for name in given.settings or SETTINGS:
        recipe = find(SETTINGS[name].recipe)
        try:
            if given.write_header:
                check_header(recipe)
            results = _compare(name, given.seeds)
            if given.write_header:
                write_measured(recipe, in_short(results))
        except (ChildError, HeaderError) as error:
            sys.exit(str(error))
        print(f"{name}: {json.dumps(results['summary'], indent=2)}", flush=True)


def _compare(name: str, seeds: Sequence[int]) -> dict[str, Any]:
    setting = SETTINGS[name]
    results: dict[str, Any] = {
        **machine.circumstances(f"python -m benchmarks.agents {name} --seeds {' '.join(map(str, seeds))}"),
        "setting": setting._asdict(),
        "runs": [],
    }
    for seed in seeds:
        for contender in (_toolkit, _plain):
            with tempfile.TemporaryDirectory(prefix="benchmark-") as work:
                results["runs"].append(contender(name, setting, seed, Path(work)))
            print(json.dumps(_short(results["runs"][-1])), file=sys.stderr, flush=True)
        results["summary"] = summarise(results["runs"], setting)
        write_json(ROOT / "benchmarks" / "results" / f"agents-{name}.json", results)
    return results


def _toolkit(name: str, setting: Setting, seed: int, work: Path) -> dict[str, Any]:
    del name
    every = setting.steps // EVALUATIONS
    changes = [f"train.seed={seed}", f"train.eval_steps={every}", f"options.n_eval_episodes={EPISODES}"]
    usage = measure(
        "toolkit", "train", find(setting.recipe), *changes, "--out", work / "run", log=work / "log"
    )
    manifest = read_json(work / "run" / "manifest.json")
    lines = [json.loads(line) for line in (work / "run" / "history.jsonl").read_text().splitlines()]
    evaluations = [
        {"step": line["step"], "seconds": line["seconds"], "return": line["validation"]["mean_return"]}
        for line in lines
        if "validation" in line
    ]
    test = read_json(work / "run" / "metrics.json")["test"]
    return {
        "contender": "toolkit",
        "seed": seed,
        "seconds": manifest["fit"]["seconds"],
        "steps": manifest["fit"]["steps"],
        "parts": manifest["data"]["seconds"],
        "evaluations": evaluations,
        "mean_return": test["mean_return"]["value"],
        "command_seconds": usage.seconds,
        "others": usage.others,
    }


def _plain(name: str, setting: Setting, seed: int, work: Path) -> dict[str, Any]:
    out, every = work / "peer.json", setting.steps // EVALUATIONS
    words = [name, "--seed", seed, "--every", every, "--episodes", EPISODES, "--out", out]
    usage = measure("benchmarks.agent_peers", *words, log=work / "log")
    run = read_json(out)
    returns = run.pop("returns")
    return {
        "contender": "stable-baselines3",
        "seed": seed,
        **run,
        "mean_return": sum(returns) / len(returns),
        "command_seconds": usage.seconds,
        "others": usage.others,
    }


def summarise(runs: Sequence[Mapping[str, Any]], setting: Setting) -> dict[str, Any]:
    """Returns, seconds and steps a second of each contender, and the ratios of their times, paired by seed."""
    summary: dict[str, Any] = {"published": setting.published, "threshold": setting.threshold}
    for contender in dict.fromkeys(run["contender"] for run in runs):
        own = [run for run in runs if run["contender"] == contender]
        times = [time_to(run, setting.threshold) for run in own]
        reached = [seconds for seconds in times if seconds is not None]
        summary[contender] = {
            "mean_return": spread([run["mean_return"] for run in own]),
            "seconds": spread([run["seconds"] for run in own]),
            "steps_per_second": spread([run["steps"] / run["seconds"] for run in own]),
            "reached": f"{len(reached)} of {len(own)} seeds",
            **({"seconds_to_threshold": spread(reached)} if reached else {}),
            "others": max(run["others"] for run in own),
        }
    for key, of in (
        ("whole", lambda run: run["seconds"]),
        ("to_threshold", lambda r: time_to(r, setting.threshold)),
    ):
        ratios = _ratios(runs, of)
        if ratios:
            summary[f"ratio_{key}"] = {**spread(ratios), "seeds": len(ratios), "asked": ASKED}
    return summary


def in_short(results: Mapping[str, Any]) -> str:
    """What the recipe's header says of a comparison."""
    summary, runs = results["summary"], results["runs"]
    own, other = summary["toolkit"], summary["stable-baselines3"]
    steps = max(run["steps"] for run in runs)
    seeds = len({run["seed"] for run in runs})
    return (
        f"mean return {ranged(own['mean_return'], '{:.1f}')} over 100 episodes after {steps:,} steps, training seconds "
        f"{ranged(own['seconds'], '{:.0f}')}, evaluations included, {seeds} seeds; plain stable-baselines3 with the "
        f"zoo's settings {ranged(other['mean_return'], '{:.1f}')} in {ranged(other['seconds'], '{:.0f}')} seconds; "
        f"{machine.in_short(results['machine'])}; {results['date']}; {results['command']}"
    )


def time_to(run: Mapping[str, Any], threshold: float) -> float | None:
    """Seconds until an evaluation first reached the threshold; None when none did."""
    return next((e["seconds"] for e in run["evaluations"] if e["return"] >= threshold), None)


def _ratios(runs: Sequence[Mapping[str, Any]], of: Any) -> list[float]:
    """The toolkit's time as a share of the other's, for each seed in which both have one."""
    pairs: dict[int, dict[str, float | None]] = {}
    for run in runs:
        pairs.setdefault(run["seed"], {})[run["contender"]] = of(run)
    found: list[float] = []
    for pair in pairs.values():
        own, other = pair.get("toolkit"), pair.get("stable-baselines3")
        if own is not None and other is not None:
            found.append(own / other)
    return found


def _short(run: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in run.items() if key not in {"evaluations", "parts"}}


if __name__ == "__main__":
    main()
