"""Fine-tune a language model with the toolkit and with the plain transformers Trainer, side by side.

::

    python -m benchmarks.writers --seeds 0 1 2

Both train the same adapters (peft, LoRA) of SmolLM2-135M for one epoch on the same paragraphs of news from the Brown
corpus, sixteen to a step. The Trainer pads each batch to its longest text; the toolkit lays the texts end to end.
Compared are real tokens a second in the training, the peak of memory, and the loss on the same held-out paragraphs.
Each run is a process of its own; they take turns within a seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.process import ROOT, ChildError, measure
from benchmarks.recipes import train as train_toolkit
from benchmarks.summary import spread
from toolkit.files import read_json, write_json

ASKED = 1.5
"""Times the Trainer's tokens a second."""
SETTING: dict[str, Any] = {
    "model": "sample:smollm2",
    "genre": "news",
    "rows": {"train": 240, "test": 120},
    "max_length": 256,
    "train": {"epochs": 1, "batch_size": 16, "learning_rate": 5e-4},
    "lora": {"r": 16, "lora_alpha": 32},
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the comparison, write its JSON, print what came out."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.writers", description=main.__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--rows", type=int, help="train on so many paragraphs; a trial, which is not written")
    given = parser.parse_args(arguments)
    try:
        results = _compare(given.seeds, given.rows)
    except ChildError as error:
        sys.exit(str(error))
    ratio = results["summary"]["ratio_tokens_per_second"]["median"]
    met = "met" if ratio >= ASKED else "NOT met"
    print(f"the toolkit works through {ratio:.2f}x the Trainer's tokens a second (asked {ASKED}x): {met}")
    print(json.dumps(results["summary"], indent=2))


def _compare(seeds: Sequence[int], rows: int | None) -> dict[str, Any]:
    setting = {**SETTING, "rows": {**SETTING["rows"], **({"train": rows} if rows else {})}}
    results: dict[str, Any] = {
        **machine.circumstances(f"python -m benchmarks.writers --seeds {' '.join(map(str, seeds))}"),
        "setting": setting,
        "runs": [],
    }
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        work = Path(temporary)
        write_json(work / "setting.json", setting)
        measure("benchmarks.writer_peers", work, "--prepare", log=work / "files.log")
        write_recipe(work, setting)
        for seed in seeds:
            for contender in (_toolkit, _trainer):
                results["runs"].append(contender(work, seed))
                print(json.dumps(results["runs"][-1]), file=sys.stderr, flush=True)
            results["summary"] = summarise(results["runs"])
            if rows is None:
                write_json(ROOT / "benchmarks" / "results" / "writers.json", results)
    return results


def write_recipe(work: Path, setting: dict[str, Any]) -> None:
    """The setting as a recipe of the toolkit."""
    recipe = {
        "task": "text-generation",
        "model": {"name": setting["model"]},
        "data": {"source": str(work / "texts"), "validation": 0},
        "train": {"weight_decay": 0.0, "device": "cpu", "lora": setting["lora"], **setting["train"]},
        "options": {"max_length": setting["max_length"], "max_new_tokens": 16},
    }
    (work / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML too


def _toolkit(work: Path, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        run = train_toolkit(work / "recipe.yaml", [f"train.seed={seed}"], Path(folder))
        history = [
            json.loads(line) for line in (Path(folder) / "run" / "history.jsonl").read_text().splitlines()
        ]
    seconds = history[-1]["seconds"]
    return {
        "contender": "toolkit",
        "seed": seed,
        "seconds": seconds,
        "tokens_per_second": read_json(work / "texts.json")["tokens"] / seconds,
        "loss": run["test"]["loss"],
        "peak_share": run["peak_share"],
        "peak_memory_bytes": run["peak_memory_bytes"],
        "command_seconds": run["command_seconds"],
        "others": run["others"],
    }


def _trainer(work: Path, seed: int) -> dict[str, Any]:
    out = work / f"trainer-{seed}.json"
    usage = measure("benchmarks.writer_peers", work, "--seed", seed, "--out", out, log=work / "trainer.log")
    return {
        "contender": "trainer",
        "seed": seed,
        **read_json(out),
        "command_seconds": usage.seconds,
        "others": usage.others,
    }


def summarise(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Spread of each contender's measures, and the toolkit's tokens a second by the Trainer's, paired by seed."""
    summary: dict[str, Any] = {}
    for name in dict.fromkeys(run["contender"] for run in runs):
        own = [run for run in runs if run["contender"] == name]
        keys = ("seconds", "tokens_per_second", "loss", "peak_memory_bytes", "others")
        summary[name] = {key: spread([run[key] for run in own]) for key in keys}
    by_key = {(run["contender"], run["seed"]): run for run in runs}
    pairs = [
        (run, by_key["trainer", run["seed"]])
        for run in runs
        if run["contender"] == "toolkit" and ("trainer", run["seed"]) in by_key
    ]
    for key in ("tokens_per_second", "peak_memory_bytes"):
        summary[f"ratio_{key}"] = spread([own[key] / other[key] for own, other in pairs])
    return summary


if __name__ == "__main__":
    main()
