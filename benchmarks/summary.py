"""From single runs to a table: mean and range over seeds, and ratios paired by seed.

A run is a dict with ``contender``, ``seed`` and what ``MEASURED`` names. Runs of one seed were made one after
the other, so their ratio suffers less from a machine that slows down over the hours than a ratio of means
would.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Run = Mapping[str, Any]

MEASURED = (
    "seconds",
    "fit_seconds",
    "command_seconds",
    "accuracy",
    "peak_memory_bytes",
    "peak_share",
    "matmul_peak_flops",
    "padding",
    "others",
)


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean, median, lowest and highest of some values."""
    return {
        "mean": statistics.fmean(values),
        "median": statistics.median(values),
        "low": min(values),
        "high": max(values),
    }


def summarise(runs: Sequence[Run], base: str = "toolkit") -> dict[str, dict[str, Any]]:
    """Each contender's spread of every measure, and how it compares with ``base`` seed by seed.

    Returns:
        By contender, in order of first run: the measures, ``seeds``, and (for the others, where seeds are
        shared with ``base``) ``ratio`` (its seconds / base's), ``accuracy_difference`` (base's minus its) and
        ``within_spread``.
    """
    names = list(dict.fromkeys(run["contender"] for run in runs))
    summary = {name: _measures([run for run in runs if run["contender"] == name]) for name in names}
    for name in names:
        pairs = _pairs(runs, base, name)
        if name != base and pairs:
            summary[name] |= _compare(pairs)
    return summary


def _measures(runs: Sequence[Run]) -> dict[str, Any]:
    kept = {key: [run[key] for run in runs if run.get(key) is not None] for key in MEASURED}
    measured: dict[str, Any] = {key: spread(values) for key, values in kept.items() if values}
    return {"seeds": [run["seed"] for run in runs]} | measured


def _pairs(runs: Sequence[Run], base: str, other: str) -> list[tuple[Run, Run]]:
    by_key = {(run["contender"], run["seed"]): run for run in runs}
    seeds = dict.fromkeys(run["seed"] for run in runs)
    return [
        (by_key[base, seed], by_key[other, seed])
        for seed in seeds
        if (base, seed) in by_key and (other, seed) in by_key
    ]


def _compare(pairs: Sequence[tuple[Run, Run]]) -> dict[str, Any]:
    """Ratios and differences of (base, other) pairs.

    Accuracies count as equal when their means differ by no more than the wider of the two ranges over seeds;
    one seed has no range, so nothing is said then.
    """
    difference = spread([base["accuracy"] - other["accuracy"] for base, other in pairs])
    widest = max(_range([run["accuracy"] for run in side]) for side in zip(*pairs, strict=True))
    return {
        "ratio": spread([other["seconds"] / base["seconds"] for base, other in pairs]),
        "accuracy_difference": difference,
        "within_spread": abs(difference["mean"]) <= widest if len(pairs) > 1 else None,
    }


def _range(values: Sequence[float]) -> float:
    return max(values) - min(values)


def table(summary: Mapping[str, Mapping[str, Any]]) -> str:
    """The summary as a Markdown table: means, ranges over seeds in brackets."""
    columns = {
        "contender": str,
        "training s": lambda name: _cell(summary[name], "seconds", "{:.1f}"),
        "x toolkit (median)": lambda name: _cell(summary[name], "ratio", "{:.2f}", "median"),
        "accuracy": lambda name: _cell(summary[name], "accuracy", "{:.4f}"),
        "toolkit minus it": lambda name: _difference(summary[name]),
        "padded / real tokens": lambda name: _cell(summary[name], "padding", "{:.2f}"),
        "share of peak": lambda name: _cell(summary[name], "peak_share", "{:.0%}"),
        "peak MiB": lambda name: _cell(summary[name], "peak_memory_bytes", "{:.0f}", scale=2**20),
        "with its extras s": lambda name: _cell(summary[name], "fit_seconds", "{:.1f}"),
        "whole command s": lambda name: _cell(summary[name], "command_seconds", "{:.1f}"),
        "cores taken by others": lambda name: _cell(summary[name], "others", "{:.0%}"),
    }
    rows = [list(columns), ["---"] * len(columns)]
    rows += [[column(name) for column in columns.values()] for name in summary]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _cell(measures: Mapping[str, Any], key: str, form: str, centre: str = "mean", scale: float = 1) -> str:
    if key not in measures:
        return "-"
    middle, low, high = (form.format(measures[key][part] / scale) for part in (centre, "low", "high"))
    return middle if low == high else f"{middle} ({low}-{high})"


def _difference(measures: Mapping[str, Any]) -> str:
    if "accuracy_difference" not in measures:
        return "-"
    words = {True: "within seeds' spread", False: "beyond seeds' spread", None: "one seed"}
    return f"{measures['accuracy_difference']['mean']:+.4f}, {words[measures['within_spread']]}"


def verdicts(
    summary: Mapping[str, Mapping[str, Any]], targets: Mapping[str, float], peak: float
) -> list[str]:
    """One line for each target: what was wanted, what was measured, met or not."""
    lines = [
        _verdict(
            f"{name}: {target}x the toolkit's seconds", summary[name]["ratio"]["median"], target, "{:.2f}x"
        )
        for name, target in targets.items()
        if "ratio" in summary.get(name, {})
    ]
    share = summary.get("toolkit", {}).get("peak_share")
    if share:
        lines.append(_verdict(f"toolkit: {peak:.0%} of the machine's peak", share["mean"], peak, "{:.0%}"))
    return lines


def _verdict(wanted: str, measured: float, target: float, form: str) -> str:
    return f"target {wanted}: {form.format(measured)}, {'met' if measured >= target else 'NOT met'}"


def in_short(measures: Mapping[str, Any]) -> str:
    """One phrase for a recipe's header: accuracy and training seconds, with their range over seeds."""
    seeds = len(measures["seeds"])
    accuracy = _cell(measures, "accuracy", "{:.3f}")
    seconds = _cell(measures, "seconds", "{:.0f}")
    return (
        f"test accuracy {accuracy}, training seconds {seconds}, over {seeds} seed{'s' if seeds > 1 else ''}"
    )


def ranged(values: Mapping[str, float], form: str) -> str:
    """The mean, with the lowest and the highest value where these differ: ``0.98 (0.97-0.99)``."""
    middle, low, high = (form.format(values[key]) for key in ("mean", "low", "high"))
    separator = " to " if low.startswith("-") else "-"
    return middle if low == high else f"{middle} ({low}{separator}{high})"
