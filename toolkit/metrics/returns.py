"""Scores of episodes, and learning curves over several seeds, with the interquartile mean of Agarwal et al. 2021."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from toolkit.metrics.measure import (
    RESAMPLES,
    Floats,
    Measure,
    Statistic,
    bootstrap,
    exact_if_unanimous,
    mean_of,
    median_of,
    point,
    undefined,
)

Evaluations = Sequence[tuple[int, ArrayLike]]
"""What one training run was evaluated to: a step, and the returns of the episodes played there, or their mean."""


@dataclass(frozen=True)
class Curve:
    """The interquartile mean of several runs at each step, and its 95% interval, empty where there is one run."""

    steps: tuple[int, ...]
    iqm: tuple[float, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


def score_episodes(
    returns: ArrayLike,
    lengths: ArrayLike,
    successes: ArrayLike | None = None,
    info: Mapping[str, Sequence[bool | float]] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Measure]:
    """Mean, interquartile mean, median and worst return, mean length and success rate of one policy's episodes.

    The intervals say how far a figure could move with other episodes of the same policy. They say nothing of
    what another training seed would give: see ``seed_curves``.

    Args:
        returns: sum of rewards of each episode, (episodes,).
        lengths: steps of each episode, (episodes,).
        successes: whether each episode reached its goal, (episodes,), where the environment says so.
        info: other values of each episode, (episodes,), by name: flags become ``NAME_rate``, numbers ``mean_NAME``.
        seed: of the resampling.
        resamples: as of ``bootstrap``.
    """
    values = np.asarray(returns, dtype=np.float64)
    others = {"mean_length": mean_of(np.asarray(lengths))}
    if successes is not None:
        others["success_rate"] = mean_of(np.asarray(successes))
    for name, told in (info or {}).items():
        others[info_metric(name, told)] = mean_of(np.asarray(told))
    measures = _returns(values, seed, resamples)
    measures |= bootstrap(others, len(values), seed=seed, resamples=resamples)
    for name in measures:
        if name.endswith("_rate"):
            measures[name] = exact_if_unanimous(measures[name], len(values))
    return measures


def info_metric(name: str, told: Sequence[bool | float]) -> str:
    """What the mean of a value that episodes tell of themselves is called."""
    return f"{name}_rate" if all(isinstance(value, bool) for value in told) else f"mean_{name}"


def interquartile_mean(values: ArrayLike, axis: int = 0) -> Floats:
    """The mean of the middle half along ``axis``: a quarter, rounded down, is cut from either end.

    NaN where any value is. Agarwal et al. 2021, arXiv:2108.13264; ``scipy.stats.trim_mean(values, 0.25, axis)``.
    """
    ascending = np.sort(np.moveaxis(np.asarray(values, dtype=np.float64), axis, -1))  # NaN comes last
    count = ascending.shape[-1]
    middle = ascending[..., count // 4 : count - count // 4].mean(-1)
    return np.where(np.isnan(ascending[..., -1]), np.nan, middle)


def interquartile_mean_of(values: ArrayLike) -> Statistic:
    """The interquartile mean of ``values`` (rows,), each repeated as often as its whole-numbered weight says."""
    ascending = np.sort(np.asarray(values, dtype=np.float64))
    order = np.argsort(np.asarray(values, dtype=np.float64), kind="stable")

    def trimmed(weights: Floats) -> Floats:
        reached = np.cumsum(weights[:, order], axis=1)
        total = reached[:, -1:]
        cut = np.floor(total / 4)
        kept = np.diff(np.clip(reached, cut, total - cut), axis=1, prepend=cut)
        return (kept @ ascending) / kept.sum(1)

    return trimmed


def mean_returns(run: Evaluations) -> dict[int, float]:
    """Step to mean return, in the order of the steps.

    Evaluations without episodes, or with a return that is no finite number, are left out. Of two at the same step the
    later counts: it is that of a resumed run.
    """
    played = ((step, np.asarray(returns, dtype=np.float64)) for step, returns in run)
    means = {step: float(one.mean()) for step, one in played if one.size and np.isfinite(one).all()}
    return dict(sorted(means.items()))


def seed_curves(runs: Sequence[Evaluations], *, seed: int = 0, resamples: int = RESAMPLES) -> Curve:
    """The interquartile mean over runs that differ in their seed, at the steps that all of them share.

    As rliable does (Agarwal et al. 2021, arXiv:2108.13264): a run's score at a step is the mean return of its
    episodes there, the interquartile mean is over runs, and the 95% percentile interval comes from a bootstrap
    that draws runs with replacement within each task, here one, and keeps the episodes of a run as they are. Whole
    runs are drawn, the same at all steps: rliable draws anew at each, which makes the same interval at each step.
    With fewer than four runs nothing can be cut, and it is their mean.

    Args:
        runs: of one environment and recipe, one for each seed.
        seed: of the resampling.
        resamples: how many; 0 gives no interval.
    """
    scores = [mean_returns(run) for run in runs]
    steps = [step for step in scores[0] if all(step in one for one in scores)] if scores else []
    if not steps:
        return Curve((), ())
    table = np.array([[one[step] for step in steps] for one in scores])
    iqm = tuple(interquartile_mean(table).tolist())
    if len(runs) == 1 or not resamples:
        return Curve(tuple(steps), iqm)
    drawn = np.random.default_rng(seed).integers(0, len(runs), size=(resamples, len(runs)))
    # One step at a time: all of them at once would be (resamples, runs, steps).
    redrawn = [interquartile_mean(column[drawn], axis=1) for column in table.T]
    low, high = np.quantile(redrawn, (0.025, 0.975), axis=1)
    return Curve(tuple(steps), iqm, tuple(low.tolist()), tuple(high.tolist()))


def time_to_threshold(run: Evaluations, threshold: float) -> int | None:
    """The first step at which the mean return of an evaluation reaches ``threshold``; None if none does."""
    return next((step for step, value in mean_returns(run).items() if value >= threshold), None)


def _returns(values: Floats, seed: int, resamples: int) -> dict[str, Measure]:
    statistics: dict[str, Statistic] = {
        "mean_return": mean_of(values),
        "iqm_return": interquartile_mean_of(values),
        "median_return": median_of(values),
    }
    odd = int(np.count_nonzero(~np.isfinite(values)))
    if odd:  # trimming and medians would hide them
        lost = undefined(f"{odd:,} of {len(values):,} returns are not finite numbers")
        return dict.fromkeys((*statistics, "worst_return"), lost)
    measures = bootstrap(statistics, len(values), seed=seed, resamples=resamples)
    worst = point(float(values.min())) if len(values) else undefined("no rows")
    return {**measures, "worst_return": worst}
