"""What a finished agent is worth: episodes it has never trained on, beside what chance gets, and films of them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact import layout
from toolkit.artifact.report import (
    ReportSection,
    curves_section,
    episodes_section,
    headline_section,
    pace_section,
    reproduce_section,
    returns_section,
    settings_section,
    videos_section,
)
from toolkit.artifact.report.videos import Video
from toolkit.artifact.siblings import find_siblings
from toolkit.engine.history import History
from toolkit.engine.metric import Goal
from toolkit.engine.rollout.agent import Agent, batched
from toolkit.engine.rollout.diary import BEST_METRIC, goal_of
from toolkit.engine.rollout.play import Episode
from toolkit.envs import spaces
from toolkit.envs.video import encode
from toolkit.errors import ToolkitError
from toolkit.metrics.glossary import describe, show
from toolkit.metrics.measure import Measure, bootstrap, median_of
from toolkit.metrics.returns import score_episodes
from toolkit.tasks.agent_options import Options
from toolkit.tasks.agent_player import VALIDATION, Player, held_out_seeds, told
from toolkit.tasks.finishing import Outcome, Records, in_a_sentence

if TYPE_CHECKING:
    from toolkit.engine.session import FitResult
    from toolkit.tasks.agent_training import Lived

RANDOM_EPISODES = 30
EXAMPLES = 8
ANSWERS = 200
"""Actions whose time is taken."""
FPS = 30.0
"""Of a film whose environment does not say how fast it runs."""
LONGEST = 20.0
"""Seconds of a film; longer episodes are shown faster."""
MOST_FRAMES = 400
"""Pictures of a film: drawing them on a processor takes longer than playing."""
LOSSES = (
    "A loss need not fall while an agent gets better: what it learns from changes with what it does, and a policy "
    "that has found new rewards has more to learn. The returns above say whether it learns; a loss that grows without "
    "end says that the learning rate is too high."
)
MANIFEST: Mapping[str, Any] = {
    "unit": "episodes",
    "library_name": "stable-baselines3",
    "label_names": [],
    "train_keys": ["max_steps", "batch_size", "learning_rate", "lr_scheduler_type", "max_grad_norm", "seed"],
}


@dataclass(frozen=True)
class Played:
    """The episodes a finished agent is measured on, and those of chance."""

    test: Sequence[Episode]
    chance: Sequence[Episode]


def measure(lived: Lived, result: FitResult) -> Outcome:
    """Play on every split, and describe how it went."""
    prepared, player = lived.prepared, lived.prepared.player
    seeds = player.test_seeds()
    validation = held_out_seeds(VALIDATION, prepared.options.n_eval_episodes)
    played = Played(
        player.arena.play(player.agent, seeds), player.arena.play_randomly(seeds[:RANDOM_EPISODES])
    )
    metrics: dict[str, Any] = {
        "test": _scores(played.test),
        "validation": _scores(player.arena.play(player.agent, validation)),
        "random_policy": _scores(played.chance),
        "performance": {**_answering(player.agent, player), **_pace(result)},
    }
    return Outcome(
        metrics=metrics,
        shown="test",
        summary=_summary(lived, metrics),
        sections=lambda records: _sections(lived, played, result, records),
        examples=[{"episode": e.seed, "label": told(e)["label"]} for e in played.test[:EXAMPLES]],
        manifest=MANIFEST,
    )


def test_metrics(player: Player) -> dict[str, Any]:
    """Scores of the test episodes, played again."""
    return _scores(player.arena.play(player.agent, player.test_seeds()))


def _scores(episodes: Sequence[Episode]) -> dict[str, Any]:
    successes = [episode.success for episode in episodes]
    known = [success for success in successes if success is not None]
    measures = score_episodes(
        [episode.total for episode in episodes],
        [episode.length for episode in episodes],
        known if len(known) == len(episodes) else None,
        info={key: [episode.info[key] for episode in episodes] for key in episodes[0].info},
    )
    return {**measures, "rows": len(episodes)}


def _answering(agent: Agent, player: Player) -> dict[str, Measure]:
    """Time to choose one action."""
    given = batched(player.arena.seats[0].observation)
    times: list[float] = []
    for _ in range(ANSWERS):
        started = time.perf_counter()
        agent.act(given)
        times.append(time.perf_counter() - started)
    return bootstrap(
        {"action_seconds": median_of(np.array(times[ANSWERS // 10 :]))}, len(times) - ANSWERS // 10
    )


def _pace(result: FitResult) -> dict[str, Measure]:
    speed = result.samples_per_second
    return {"steps_per_second": {"value": speed, "low": None, "high": None}}


def _summary(lived: Lived, metrics: Mapping[str, Any]) -> str:
    prepared = lived.prepared
    options = prepared.options
    source = lived.manifest["source"]
    made = f"{options.algorithm.upper()} on {source}, {prepared.algorithm.num_timesteps:,} steps"
    chance = metrics["random_policy"]["mean_return"]["value"]
    how = in_a_sentence(prepared.recipe, metrics, "test", "mean_return", "episodes", made)
    return f"{how} Actions at random get {chance:.1f}."


def _sections(lived: Lived, played: Played, result: FitResult, records: Records) -> Sequence[ReportSection]:
    prepared = lived.prepared
    history = prepared.run.history.lines()
    siblings = find_siblings(prepared.run.folder, records.recipe)
    others = {seed: History(run / layout.HISTORY).lines() for seed, run in siblings.items()}
    told_by = {prepared.recipe.train.seed: history, **others}
    curves = {seed: _evaluations(lines) for seed, lines in sorted(told_by.items())}
    steps = [line for line in history if "samples_per_second" in line]
    goal = goal_of(prepared.recipe.train)
    judged = [] if goal.name == BEST_METRIC else [line for line in history if "validation" in line]
    returns = [episode.total for episode in played.test]
    chance = [episode.total for episode in played.chance]
    return [
        headline_section(records.metrics, noun="episodes"),
        returns_section(
            {seed: curve for seed, curve in curves.items() if curve},
            threshold=prepared.options.stop_at_return,
            random_return=float(np.mean(chance)),
            best_step=result.best_step if len(curves) == 1 else None,
            kept=_kept(goal, result) if judged else "",
        ),
        _films(prepared.player, played.test),
        episodes_section(returns, [episode.length for episode in played.test], chance),
        _environment(lived),
        curves_section(
            [_losses(line) for line in [*steps, *judged]],
            metric=goal.name,
            best_step=result.best_step,
            explanation=LOSSES,
        ),
        pace_section([(line["step"], line["samples_per_second"]) for line in steps], lived.parts),
        reproduce_section(records.recipe, records.manifest),
    ]


def _kept(goal: Goal, result: FitResult) -> str:
    """Why this policy, where it is not the one with the highest return."""
    title, extreme = describe(goal.name).title.lower(), "lowest" if goal.minimise else "highest"
    return (
        f"Of this training the policy of step {result.best_step:,} was kept: its {title} was the {extreme} of all "
        f"evaluations, {show(goal.name, result.best_metric)}; of equals the one with the higher return."
    )


def _evaluations(history: Sequence[Mapping[str, Any]]) -> list[tuple[int, list[float]]]:
    """Step and returns of each evaluation."""
    return [(line["step"], line["returns"]) for line in history if "returns" in line]


def _losses(line: Mapping[str, Any]) -> dict[str, Any]:
    """A line of history without what other parts of the report show."""
    return {key: value for key, value in line.items() if key != "samples_per_second"}


def _films(player: Player, episodes: Sequence[Episode]) -> ReportSection:
    """The median and the worst episode, as films."""
    ordered = sorted(episodes, key=lambda episode: episode.total)
    chosen = {"The median episode": ordered[len(ordered) // 2], "The worst episode": ordered[0]}
    try:
        return videos_section([_film(player, title, episode) for title, episode in chosen.items()])
    except ToolkitError as error:  # of a machine without a display the rest is worth having
        return videos_section([], reason=f"There are no films: {error}.")


def _film(player: Player, title: str, episode: Episode) -> Video:
    every = -(-episode.length // MOST_FRAMES)
    seen = [frame.picture for frame in player.watch(episode.seed, every=every)]
    pictures = [picture for picture in seen if picture is not None]
    rate = float(player.arena.seats[0].env.metadata.get("render_fps") or FPS)
    shown = max(rate / every, len(pictures) / LONGEST)
    faster = shown * every / rate
    caption = f"Seed {episode.seed}: {told(episode)['label']}"
    caption += f"; shown {faster:.3g} times as fast" if faster > 1.01 else ""
    height, width = pictures[0].shape[:2]
    return Video(title, f"{caption}.", encode(pictures, shown), width, height)


def _environment(lived: Lived) -> ReportSection:
    """What was learnt in, and with which settings."""
    prepared = lived.prepared
    algorithm, options = prepared.algorithm, prepared.options
    rows: list[tuple[str, str]] = [
        ("environment", lived.manifest["source"]),
        ("what the agent sees", spaces.describe(algorithm.observation_space)),
        ("what it chooses", spaces.describe(algorithm.action_space)),
        (
            "environments at once",
            f"{options.n_envs} ({'in processes of their own' if options.vec_env == 'subproc' else 'in one process'})",
        ),
    ]
    rows += _settings(options)
    return settings_section(
        "Environment and algorithm", rows, [str(finding) for finding in prepared.findings]
    )


def _settings(options: Options) -> list[tuple[str, str]]:
    """The algorithm and what is not as usual; of a section that was asked for, such as ``her``, all of it."""
    changed = options.model_dump(exclude={"env", "n_envs", "vec_env"}, exclude_defaults=True)
    whole = options.model_dump()
    return [(name, _plain(whole[name])) for name in dict.fromkeys(["algorithm", *changed])]


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(part)}" for key, part in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_plain(part) for part in value)
    return str(value)
