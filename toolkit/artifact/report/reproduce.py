"""What is needed to get the same model again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.artifact.report.page import ReportSection, render
from toolkit.artifact.report.table import table


def reproduce_section(recipe: str, manifest: Mapping[str, Any]) -> ReportSection:
    """The resolved recipe, the command, and the machine and versions it ran with.

    Args:
        recipe: text of ``recipe.yaml``.
        manifest: ``manifest.json``: versions, hardware, seed, fit.
    """
    explanation = (
        "The recipe is resolved and pinned: with the same data and versions it gives the same model, bit "
        "for bit on a CPU with the same number of threads."
    )
    machine = manifest.get("hardware", {})
    processes = machine.get("processes", 1)
    command = "toolkit train recipe.yaml" + (f" --processes {processes}" if processes > 1 else "")
    facts = [(name, text) for name, text in _facts(manifest, machine) if text]
    html = render(
        "reproduce.html",
        command=command,
        recipe=recipe.strip(),
        hardware=table(("machine and run", ""), facts, numbers=()),
        versions=table(("package", "version"), manifest.get("versions", {}).items(), numbers=()),
    )
    return ReportSection("How to reproduce", explanation, html)


def _facts(manifest: Mapping[str, Any], machine: Mapping[str, Any]) -> list[tuple[str, str]]:
    fit = manifest.get("fit", {})
    peak = manifest.get("matmul_peak_flops")
    memory = fit.get("peak_memory_bytes")
    return [
        ("processor", f"{machine.get('cpu', '')}, {machine.get('cores', '?')} cores" if machine else ""),
        ("memory", _gigabytes(machine.get("memory_bytes"))),
        ("graphics", ", ".join(machine.get("gpus", [])) or ("none" if machine else "")),
        ("system", str(machine.get("platform", ""))),
        ("processes", str(machine.get("processes", ""))),
        ("threads each", str(machine.get("threads", ""))),
        ("matrix-multiply peak", f"{peak / 1e9:,.0f} GFLOP/s" if peak else ""),
        ("seed", str(manifest.get("seed", ""))),
        ("training time", _duration(fit.get("seconds"))),
        ("steps", f"{fit['steps']:,}" if "steps" in fit else ""),
        ("stopped early", str(fit.get("stopped") or "")),
        ("peak memory", _gigabytes(memory)),
        ("warnings", "; ".join(fit.get("warnings", []))),
    ]


def _gigabytes(count: float | None) -> str:
    return f"{count / 1e9:.1f} GB" if count else ""


def _duration(seconds: float | None) -> str:
    if not seconds:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min {rest} s"
