"""The parent's side of one run: measure the peak, train, test, and put it all on one line of the results."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from benchmarks.process import Usage, measure
from toolkit.files import read_json

CONTENDERS = ("toolkit", "trainer", "trainer_grouped", "trainer_padded")


def run(work: Path, contender: str, seed: int) -> dict[str, Any]:
    """Train ``contender`` with ``seed`` on the split in ``work`` and test it.

    Returns:
        ``seconds`` of the training steps alone, ``accuracy`` on the test split, ``peak_memory_bytes`` when
        training ended, ``tokens`` (real ones), ``padding`` (padded / real tokens), ``matmul_peak_flops``
        measured right before, ``peak_share``, and ``command_seconds`` and ``command_peak_memory_bytes`` of
        the whole process.

    Raises:
        ChildError: a process failed.
    """
    log, folder = work / "logs" / f"{contender}-{seed}", work / "runs" / f"{contender}-{seed}"
    peak = _printed("benchmarks.machine", log=log.with_suffix(".peak"))["matmul_peak_flops"]
    train = _train_toolkit if contender == "toolkit" else _train_peer
    usage, measured = train(work, contender, seed, folder)
    tested = _printed("benchmarks.accuracy", work, folder / "model", log=log.with_suffix(".accuracy"))
    shutil.rmtree(folder)
    return {
        "contender": contender,
        "seed": seed,
        **measured,
        **_arithmetic(read_json(work / "setup.json"), measured, peak),
        "accuracy": tested["accuracy"],
        "test_rows": tested["rows"],
        "command_seconds": usage.seconds,
        "command_peak_memory_bytes": usage.peak_memory_bytes,
        "others": usage.others,
    }


def _train_toolkit(work: Path, contender: str, seed: int, folder: Path) -> tuple[Usage, dict[str, Any]]:
    """Evaluations and checkpoints, which the peers do without, count in ``fit_seconds`` only."""
    arguments = ("train", work / "recipe.yaml", f"train.seed={seed}", "--out", folder, "--json")
    usage = measure("toolkit", *arguments, log=work / "logs" / f"{contender}-{seed}")
    fit = read_json(folder / "manifest.json")["fit"]
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]
    measured = {key: fit[key] for key in ("steps", "peak_memory_bytes")}
    measured["seconds"] = max(line["seconds"] for line in history if "seconds" in line)
    measured["fit_seconds"] = fit["seconds"]
    measured["padded_tokens"] = read_json(work / "setup.json")["toolkit_padded_tokens"]
    return usage, measured


def _train_peer(work: Path, contender: str, seed: int, folder: Path) -> tuple[Usage, dict[str, Any]]:
    arguments = (work, "--contender", contender, "--seed", seed, "--out", folder)
    usage = measure("benchmarks.peers", *arguments, log=work / "logs" / f"{contender}-{seed}")
    return usage, read_json(folder / "run.json")


def _arithmetic(setup: dict[str, Any], measured: dict[str, Any], peak: float) -> dict[str, Any]:
    """Tokens and the share of the peak.

    Training costs about 6 FLOP for each weight of the encoder's linear layers and each real token, forward 2
    and backward 4 (Kaplan et al. 2020, arXiv:2001.08361). Attention scores, head and optimiser come on top,
    so the share is a little low; padding is work too but counts as none.
    """
    tokens = round(setup["tokens_per_epoch"] * setup["train"]["epochs"])
    flops = 6 * setup["encoder_matmul_parameters"] * tokens
    return {
        "tokens": tokens,
        "padding": measured["padded_tokens"] / tokens,
        "matmul_peak_flops": peak,
        "peak_share": flops / measured["seconds"] / peak,
    }


def _printed(module: str, *arguments: object, log: Path) -> dict[str, Any]:
    measure(module, *arguments, log=log)
    return json.loads(log.read_text())
