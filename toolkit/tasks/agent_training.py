"""From a recipe to an agent that learns."""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.utils import LinearSchedule

from toolkit.engine.memory import peak_memory
from toolkit.engine.rollout.agent import Agent, threads, threads_for
from toolkit.engine.rollout.build import agent_of, build_algorithm, give_weights, normalized
from toolkit.engine.rollout.diary import BEST_METRIC, goal_of
from toolkit.engine.rollout.foreign import take_weights
from toolkit.engine.rollout.play import Episode
from toolkit.engine.rollout.policies import build_policy, require_actions
from toolkit.engine.rollout.rollout import rollout
from toolkit.envs import spaces
from toolkit.envs.checking import check_environment
from toolkit.envs.making import make, require_rl
from toolkit.envs.vector import make_environments
from toolkit.errors import Finding, ModelError, RecipeError, raise_errors
from toolkit.files import atomic_folder
from toolkit.hub.models import SCRATCH, locate_model
from toolkit.tasks.agent_options import Options
from toolkit.tasks.agent_player import VALIDATION, Player, held_out_seeds, options_of, spec_of

if TYPE_CHECKING:
    from toolkit.engine.run import Run
    from toolkit.engine.session import FitResult
    from toolkit.recipe.schema import ModelSection, Recipe

LARGE_NETWORKS = ("cnn",)
"""Policies that a GPU speeds up; small ones wait for it longer than they compute."""
TRIED = 4.0
"""Seconds of real learning by which ``check`` predicts the rest."""
LIVED_IN = (
    "env",
    "env_kwargs",
    "eval_env_kwargs",
    "max_episode_steps",
    "wrappers",
    "frame_stack",
    "normalize",
    "n_envs",
    "vec_env",
    "algorithm",
    "n_eval_episodes",
    "n_test_episodes",
    "report_info",
    "stop_at_return",
    "clip_range_schedule",
)
"""Options that are about the environment and the training around the algorithm: no arguments of it."""


@dataclass
class Prepared:
    """Everything a training needs, made and checked."""

    recipe: Recipe
    options: Options
    run: Run
    algorithm: BaseAlgorithm
    network: str
    config: Mapping[str, Any]
    findings: Sequence[Finding]
    player: Player = field(init=False)

    def __post_init__(self) -> None:
        spec = spec_of(self.options, evaluation=True)
        self.player = Player(self.agent(), spec, self.options.n_test_episodes, self.options.report_info)

    def agent(self) -> Agent:
        """The policy as it is now."""
        return agent_of(self.algorithm, self.options.algorithm, self.network, self.config)

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        total = self.recipe.train.max_steps
        assert total is not None  # the recipe was checked
        return total

    def evaluate(self) -> list[Episode]:
        """Play the evaluation's episodes with the policy as it is now."""
        self.player.agent = self.agent()
        seeds = held_out_seeds(VALIDATION, self.options.n_eval_episodes)
        return self.player.arena.play(self.player.agent, seeds)


@dataclass
class Lived:
    """What an agent learnt from, in the place that rows have elsewhere."""

    prepared: Prepared
    parts: Mapping[str, float]
    """Seconds of the training by what they were spent on."""

    @property
    def manifest(self) -> dict[str, Any]:
        """The environment, as ``manifest.json`` tells it."""
        options, algorithm = self.prepared.options, self.prepared.algorithm
        return {
            "source": shown_name(options.env),
            "columns": {},
            "described": self.described,
            "observations": spaces.describe(algorithm.observation_space),
            "actions": spaces.describe(algorithm.action_space),
            "environments": options.n_envs,
            "seconds": {name: round(value, 3) for name, value in self.parts.items()},
        }

    @property
    def described(self) -> str:
        """The environment in a sentence."""
        algorithm = self.prepared.algorithm
        return (
            f"Experience gathered in `{shown_name(self.prepared.options.env)}`. The agent sees "
            f"{spaces.describe(algorithm.observation_space)} and chooses {spaces.describe(algorithm.action_space)}."
        )

    def inputs(self, split: str, role: str) -> list[int]:
        """Seeds of test episodes."""
        del split, role
        return self.prepared.player.test_seeds()


def shown_name(env: str) -> str:
    """An environment's name without the folders of this machine."""
    return Path(env).name if ".py" in env else env


@contextmanager
def prepare(recipe: Recipe, run: Run) -> Generator[Prepared]:
    """Make the environments and the algorithm, and close the environments when the block ends.

    Raises:
        RecipeError: settings that do not go together.
        EnvironmentFault: the environment cannot be made, breaks gymnasium's rules, or does not fit the algorithm.
        ModelError: the agent to begin from cannot be opened.
    """
    require_rl()
    options = options_of(recipe)
    raise_errors(_unfit(recipe, options, run), RecipeError)
    spec = spec_of(options)
    findings = check_environment(spec)
    network, config, begun = _network(recipe.model)
    settings = options.normalize.model_dump() if options.normalize else None
    envs = make_environments(spec, options.n_envs, recipe.train.seed, options.vec_env)
    envs = normalized(envs, settings, options.gamma)
    player: Player | None = None
    try:
        algorithm, remarks = build_algorithm(
            options.algorithm, envs, network, config, _arguments(recipe, options, network, run)
        )
        if begun is not None:
            give_weights(algorithm, begun)
        findings += [Finding("warning", "options", remark) for remark in remarks]
        prepared = Prepared(recipe, options, run, algorithm, network, config, findings)
        player = prepared.player
        yield prepared
    finally:
        envs.close()
        if player is not None:
            player.arena.close()


def _unfit(recipe: Recipe, options: Options, run: Run) -> list[Finding]:
    """What of a recipe cannot be done."""
    found: list[Finding] = []
    if recipe.train.max_steps is None:
        fix = "how many steps of the environment to learn from: 100000"
        found.append(Finding("error", "train.max_steps", "missing key 'train.max_steps'", fix))
    if recipe.train.lr_scheduler_type not in {"constant", "linear"}:
        message = f"'{recipe.train.lr_scheduler_type}' is no schedule of an agent's learning rate"
        found.append(Finding("error", "train.lr_scheduler_type", message, "use constant or linear"))
    told = [name for key in options.report_info for name in (f"{key}_rate", f"mean_{key}")]
    found += goal_of(recipe.train).faults([BEST_METRIC, "mean_length", "success_rate", *told])
    if run.processes > 1:
        fix = "set options.n_envs, and options.vec_env to subproc"
        found.append(Finding("error", "--processes", "an agent learns in one process", fix))
    if getattr(options, "her", None) is not None and getattr(options, "n_steps", 1) > 1:
        message = "hindsight replay counts one reward at a time"
        found.append(
            Finding("error", "options.n_steps", message, "set options.n_steps to 1, or leave her out")
        )
    episodic = isinstance(getattr(options, "train_freq", 1), tuple)
    if episodic and options.n_envs > 1:
        message = "counting episodes between updates needs a single environment"
        found.append(
            Finding("error", "options.train_freq", message, "set options.n_envs to 1, or count steps")
        )
    return found


def _network(model: ModelSection) -> tuple[str, dict[str, Any], Agent | None]:
    """The network's name and settings, and the agent whose weights it begins with."""
    if model.name.startswith(SCRATCH):
        return model.name.removeprefix(SCRATCH), dict(model.config), None
    if model.config:
        fix = "leave model.config out, or begin anew with scratch:mlp"
        raise ModelError(Finding("error", "model.config", "an agent that is begun from has its own", fix))
    agent = Agent.load(Path(locate_model(model).path))
    return agent.network, dict(agent.config), agent


def _arguments(recipe: Recipe, options: Options, network: str, run: Run) -> dict[str, Any]:
    """What the algorithm's constructor is given."""
    train = recipe.train
    own = options.model_dump(exclude=set(LIVED_IN))
    own["learning_rate"] = _scheduled(train.learning_rate, train.lr_scheduler_type)
    own |= {"seed": train.seed, "device": run.device if network in LARGE_NETWORKS else "cpu"}
    if "train.batch_size" not in options.unused:
        own["batch_size"] = train.batch_size
    if "train.max_grad_norm" not in options.unused:
        own["max_grad_norm"] = train.max_grad_norm
    if "clip_range" in own:
        own["clip_range"] = _scheduled(own["clip_range"], getattr(options, "clip_range_schedule", "constant"))
    return own


def _scheduled(value: float, schedule: str) -> Any:
    return LinearSchedule(value, 0.0, 1.0) if schedule == "linear" else value


def learn(prepared: Prepared) -> tuple[FitResult, Mapping[str, float]]:
    """Let the agent learn; afterwards the player has the best policy."""
    result, parts = rollout(
        prepared.algorithm,
        prepared.run,
        prepared.total,
        evaluate=prepared.evaluate,
        stop_at=prepared.options.stop_at_return,
    )
    prepared.player.agent = prepared.agent()
    return result, parts


def try_out(prepared: Prepared) -> dict[str, Any]:
    """Predict a training's ``seconds`` and peak ``memory_bytes`` from a few seconds of real learning."""
    algorithm, total = prepared.algorithm, prepared.total
    started, steps, spent, wanted = time.perf_counter(), 0, 1.0, 256
    starts = getattr(algorithm, "learning_starts", None)
    if starts is not None:
        algorithm.learning_starts = min(starts, wanted)  # pyright: ignore[reportAttributeAccessIssue]
    with threads(threads_for(algorithm.policy)):
        while time.perf_counter() - started < TRIED:
            begun = time.perf_counter()
            before = algorithm.num_timesteps
            algorithm.learn(wanted, log_interval=None, reset_num_timesteps=False)  # pyright: ignore[reportArgumentType]
            steps, spent = algorithm.num_timesteps - before, time.perf_counter() - begun
    speed = steps / spent
    return {
        "seconds": total / speed,
        "memory_bytes": peak_memory(prepared.run.device),
        "steps": total,
        "how": f"{speed:,.0f} steps a second in a short training, times {total:,} steps, evaluations not counted",
    }


def import_agent(source: Path, recipe: Recipe, target: Path) -> dict[str, Any]:
    """Write the weights of another library's zip as a model folder of this toolkit.

    Raises:
        ModelError: the zip holds no such agent.
        EnvironmentFault: the recipe's environment cannot be made.
    """
    require_rl()
    options = options_of(recipe)
    env = make(spec_of(options))
    network, config, _ = _network(recipe.model)
    space, actions = env.observation_space, env.action_space
    env.close()
    require_actions(options.algorithm, actions)
    use_sde = bool(getattr(options, "use_sde", False))
    policy = build_policy(options.algorithm, network, space, actions, config, use_sde=use_sde)
    agent = Agent(options.algorithm, network, config, policy, use_sde=use_sde)
    about = take_weights(source, agent)
    with atomic_folder(target) as folder:
        agent.save(folder)
    return about
