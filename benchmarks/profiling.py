"""Where a contender's step time goes: torch.profiler over some steps in the middle of a short training.

The profiler follows the optimiser's steps through torch's own global hook, so nothing of the contender is
changed.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook
from torch.profiler import ProfilerActivity, profile, schedule

from benchmarks.process import cores

SKIPPED, STEPS = 5, 20
TOP = 25

KINDS = {
    "matrix multiply": ("addmm", "aten::mm", "bmm", "linear", "matmul", "baddbmm"),
    "attention": ("scaled_dot_product", "flash_attention"),
    "normalise, activate, drop out": ("layer_norm", "gelu", "tanh", "dropout", "bernoulli", "softmax"),
    "embedding": ("embedding", "index_put", "index_select"),
    "optimiser and clipping": ("adamw", "norm", "foreach", "optimizer"),
    "copy, fill and add": (
        "copy",
        "fill",
        "zero",
        "aten::add",
        "aten::mul",
        "aten::sum",
        "aten::div",
        "empty",
    ),
}


class StepClock:
    """Times the wall clock between the first and the last profiled step."""

    def __init__(self, profiler: profile) -> None:
        self.profiler = profiler
        self.marks: list[float] = []

    def __call__(self, *_: Any) -> None:
        """One optimiser step is done."""
        self.marks.append(time.perf_counter())
        self.profiler.step()

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the profiled steps."""
        return self.marks[SKIPPED + STEPS - 1] - self.marks[SKIPPED - 1]


def main() -> None:
    """Profile CONTENDER on the split in SETUP; FOLDER takes what it leaves."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("setup", type=Path)
    parser.add_argument("contender")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(cores())
    # The step before the first recorded one warms the profiler up.
    steps = schedule(wait=SKIPPED - 1, warmup=1, active=STEPS, repeat=1)
    with profile(activities=[ProfilerActivity.CPU], schedule=steps, acc_events=True) as profiler:
        clock = StepClock(profiler)
        handle = register_optimizer_step_post_hook(clock)
        _train(given.setup, given.contender, given.folder)
        handle.remove()
    print(report(profiler, clock.seconds))


def _train(setup: Path, contender: str, folder: Path) -> None:
    steps = SKIPPED + STEPS + 1
    if contender == "toolkit":
        import toolkit

        # One evaluation at the end: none falls between the profiled steps.
        limits = (f"train.max_steps={steps}", f"train.eval_steps={steps}")
        toolkit.train(setup / "recipe.yaml", *limits, out=folder)
    else:
        from benchmarks.peers import build

        build(setup, contender, seed=0, max_steps=steps)[0].train()


def report(profiler: profile, wall_seconds: float) -> str:
    """Time by kind of work as a share of the profiled steps' wall clock, then the longest operators."""
    events = profiler.key_averages()
    kinds: dict[str, float] = defaultdict(float)
    for event in events:
        if event.key.startswith("ProfilerStep"):
            continue  # the step itself: what it spends outside of its operators is the last line of the sum
        kinds[_kind(event.key)] += event.self_cpu_time_total / 1e6
    kinds["outside torch operators"] = wall_seconds - sum(kinds.values())
    lines = [f"{STEPS} steps in {wall_seconds:.2f} s, {wall_seconds / STEPS * 1e3:.0f} ms each (profiled)"]
    lines += [
        f"{seconds / wall_seconds:6.1%}  {kind}"
        for kind, seconds in sorted(kinds.items(), key=lambda k: -k[1])
    ]
    return "\n".join(
        [*lines, "", events.table(sort_by="self_cpu_time_total", row_limit=TOP, max_name_column_width=50)]
    )


def _kind(name: str) -> str:
    return next(
        (kind for kind, parts in KINDS.items() if any(part in name.lower() for part in parts)), "other"
    )


if __name__ == "__main__":
    main()
