"""Play episodes with a trained agent: the one way of evaluate, predict, demo and Space."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.engine.rollout.agent import Agent
from toolkit.engine.rollout.play import Arena, Episode, Frame, watch
from toolkit.envs.making import EnvSpec, pinned, require_rl, settings_of
from toolkit.envs.stage import Stage, stage_of
from toolkit.envs.watched import episode_seed
from toolkit.tasks.agent_options import ALGORITHM_OPTIONS, Options, WrapperSection
from toolkit.tasks.agent_seeds import MOST_SEED, check_seeds
from toolkit.tasks.protocol import Attribution

if TYPE_CHECKING:
    from toolkit.recipe.schema import Recipe
    from toolkit.tasks.protocol import Prediction

VALIDATION, TEST = 1, 2
"""What an episode is played for, as part of its seed: no training episode has the same one."""


def options_of(recipe: Recipe) -> Options:
    """The checked options of the recipe's algorithm."""
    return ALGORITHM_OPTIONS[recipe.options["algorithm"]](**recipe.options)


def spec_of(options: Options, *, evaluation: bool = False) -> EnvSpec:
    """The environment that is learnt in, or evaluated in."""
    own = options.eval_env_kwargs if evaluation else None
    wrappers = [
        (given.name, given.kwargs) if isinstance(given, WrapperSection) else (given, {})
        for given in options.wrappers
    ]
    if options.frame_stack:
        wrappers.append(("FrameStackObservation", {"stack_size": options.frame_stack}))
    kwargs = options.env_kwargs if own is None else own
    return pinned(EnvSpec(options.env, kwargs, wrappers, options.max_episode_steps))


def held_out_seeds(purpose: int, count: int) -> list[int]:
    """Seeds of episodes that no training plays; the same for every seed of training."""
    return [episode_seed(0, purpose, number, MOST_SEED) for number in range(count)]


@dataclass
class Player:
    """An agent and the environment it is measured in."""

    agent: Agent
    spec: EnvSpec
    test_episodes: int
    reported: Sequence[str] = ()
    """Keys of the last step's info that are kept."""
    arena: Arena = field(init=False)
    revision: str | None = None

    def __post_init__(self) -> None:
        self.arena = Arena(self.spec, self.reported)

    def __call__(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Prediction]:
        """Play the episode of each seed, in order.

        Raises:
            DataError: an input is no seed.
            EnvironmentFault: the environment breaks down.
        """
        del batch_size  # as many play at a time as make no difference to an episode
        seeds = check_seeds(inputs)
        return [told(episode) for episode in self.arena.play(self.agent, seeds)] if seeds else []

    def explain(self, value: Any) -> Attribution:
        """Nothing: what an agent does is watched."""
        del value
        return Attribution(reason="an episode is watched, not explained: open the demo")

    def watch(
        self,
        seed: int,
        changes: Mapping[str, Any] | None = None,
        *,
        deterministic: bool = True,
        every: int = 1,
    ) -> Iterator[Frame]:
        """Every step of one episode, in an environment with some arguments changed; only so many-th are drawn."""
        spec = replace(self.spec, kwargs={**self.spec.kwargs, **(changes or {})})
        return watch(self.agent, spec, seed, deterministic=deterministic, every=every)

    def settings(self) -> dict[str, bool | int | float]:
        """What of the environment can be changed before an episode is watched."""
        return settings_of(self.spec)

    def stage(self) -> Stage:
        """What its actions are called, and how fast its environment runs."""
        return stage_of(self.spec)

    def test_seeds(self) -> list[int]:
        """Of the episodes that the finished agent is measured on."""
        return held_out_seeds(TEST, self.test_episodes)

    def save(self, folder: Path) -> None:
        """Write the agent."""
        self.agent.save(folder)

    @classmethod
    def load(cls, folder: Path, recipe: Recipe) -> Player:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder holds no agent, or a pickle.
            MissingExtraError: the packages of reinforcement learning are not installed.
        """
        require_rl()
        options = options_of(recipe)
        spec = spec_of(options, evaluation=True)
        return cls(Agent.load(folder), spec, options.n_test_episodes, options.report_info)


def told(episode: Episode) -> Prediction:
    """An episode as a prediction."""
    outcome = "" if episode.success is None else ", success" if episode.success else ", no success"
    return {"label": f"return {episode.total:.2f} in {episode.length:,} steps{outcome}", **episode.to_dict()}
