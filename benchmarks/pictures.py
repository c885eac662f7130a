"""Train the same model on the same pictures with the toolkit and with the plain transformers Trainer, side by side.

::

    python -m benchmarks.pictures frozen --seeds 0 1 2       a frozen ImageNet model, ten epochs of its classifier
    python -m benchmarks.pictures scratch --seeds 0 1 2      a timm model with new weights, of depthwise convolutions
    python -m benchmarks.pictures dense --seeds 0 1 2        another, of dense ones: bare arithmetic, little to save

All read the same PNG files, split once. Each run is a process of its own; they take turns within a seed. Frozen
weights do not keep the Trainer's batch norms from measuring each batch anew; ``trainer_settled`` forbids it, as the
toolkit does.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.process import ROOT, ChildError, measure
from benchmarks.recipes import train as train_toolkit
from benchmarks.summary import summarise
from toolkit.files import read_json, write_json
from toolkit.hub.cache import cache_folder

SETTINGS: dict[str, dict[str, Any]] = {
    "frozen": {
        "contenders": ["toolkit", "trainer", "trainer_settled"],
        "model": "sample:efficientnet-lite0",
        "rows": {"train": 2000, "validation": 200, "test": 1000},
        "size": 96,
        "flip": False,  # the same activations in every epoch, for both
        "train": {"epochs": 10, "batch_size": 32, "learning_rate": 3e-3, "freeze": "backbone"},
    },
    "scratch": {
        "contenders": ["toolkit", "trainer"],
        "model": "scratch:mobilenetv3_small_100",
        "rows": {"train": 4000, "validation": 200, "test": 1000},
        "size": 64,
        "flip": True,
        "train": {"epochs": 5, "batch_size": 64, "learning_rate": 2e-3},
    },
    "dense": {
        "contenders": ["toolkit", "trainer"],
        "model": "scratch:resnet18",
        "rows": {"train": 4000, "validation": 200, "test": 1000},
        "size": 32,
        "flip": True,
        "train": {"epochs": 3, "batch_size": 64, "learning_rate": 1e-3},
    },
}
TARGETS = {"frozen": 8.0, "scratch": 1.3, "dense": 1.3}


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one comparison, write its JSON, print its lines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pictures", description=main.__doc__)
    parser.add_argument("setting", choices=SETTINGS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args(arguments)
    try:
        results = _compare(given.setting, given.seeds)
    except ChildError as error:
        sys.exit(str(error))
    asked = TARGETS[given.setting]
    for name, measured in results["summary"].items():
        if "ratio" in measured:
            ratio = measured["ratio"]["median"]
            met = "met" if ratio >= asked else "NOT met"
            print(f"{name} takes {ratio:.2f}x the toolkit's seconds (asked {asked}x): {met}")
    print(json.dumps(results["summary"], indent=2))


def _compare(name: str, seeds: Sequence[int]) -> dict[str, Any]:
    setting = SETTINGS[name]
    results: dict[str, Any] = {
        **machine.circumstances(f"python -m benchmarks.pictures {name} --seeds {' '.join(map(str, seeds))}"),
        "setting": setting,
        "runs": [],
    }
    with tempfile.TemporaryDirectory(prefix="benchmark-") as temporary:
        work = Path(temporary)
        write_json(work / "setting.json", setting)
        measure("benchmarks.picture_files", work, log=work / "files.log")
        write_recipe(work, setting)
        for seed in seeds:
            for contender in setting["contenders"]:
                results["runs"].append(CONTENDERS[contender](work, seed))
                print(json.dumps(results["runs"][-1]), file=sys.stderr, flush=True)
            results["summary"] = summarise(results["runs"])
            write_json(ROOT / "benchmarks" / "results" / f"pictures-{name}.json", results)
    return results


def write_recipe(work: Path, setting: dict[str, Any]) -> None:
    """The setting as a recipe of the toolkit."""
    train = {"weight_decay": 0.01, "device": "cpu", **setting["train"]}
    recipe = {
        "task": "image-classification",
        "model": {"name": setting["model"]},
        "data": {"source": str(work / "pictures")},
        "train": train,
        "options": {"size": setting["size"], "augment": {"flip": setting["flip"]}},
    }
    (work / "recipe.yaml").write_text(json.dumps(recipe))  # JSON is YAML too


def _toolkit(work: Path, seed: int) -> dict[str, Any]:
    """Computing activations is part of the training's seconds, so those of an earlier run must not be found."""
    shutil.rmtree(cache_folder() / "features", ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="run-") as folder:
        run = train_toolkit(work / "recipe.yaml", [f"train.seed={seed}"], Path(folder))
    kept = ("seed", "peak_memory_bytes", "command_seconds", "others", "samples_per_second", "peak_share")
    measured = {key: run[key] for key in kept}
    measured |= {"seconds": run["seconds"], "accuracy": run["test"]["accuracy"]}
    return {"contender": "toolkit", **measured}


def _trainer(work: Path, seed: int, *flags: str) -> dict[str, Any]:
    out, log = work / f"trainer-{seed}.json", work / "trainer.log"
    usage = measure("benchmarks.picture_peers", work, "--seed", seed, "--out", out, *flags, log=log)
    return {
        "contender": "trainer",
        "seed": seed,
        **read_json(out),
        "command_seconds": usage.seconds,
        "others": usage.others,
    }


def _trainer_settled(work: Path, seed: int) -> dict[str, Any]:
    """The Trainer with the frozen backbone's batch norms in evaluation mode, as the toolkit has them."""
    return {**_trainer(work, seed, "--frozen-norms"), "contender": "trainer_settled"}


CONTENDERS = {"toolkit": _toolkit, "trainer": _trainer, "trainer_settled": _trainer_settled}


if __name__ == "__main__":
    main()
