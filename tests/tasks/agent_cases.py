"""A small agent and broken environments."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.tasks.case import Bad, Case

GOOD = """\
import gymnasium
import numpy as np


class Env(gymnasium.Env):
    observation_space = gymnasium.spaces.Box(-1.0, 1.0, (2,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(2, np.float32), {}

    def step(self, action):
        return np.zeros(2, np.float32), 1.0, False, True, {}
"""


def small_agent(folder: Path) -> Path:
    """An agent for CartPole with one small layer."""
    from gymnasium import spaces

    from toolkit.engine.rollout.agent import Agent
    from toolkit.engine.rollout.policies import build_policy
    from toolkit.envs.making import EnvSpec, make

    env = make(EnvSpec("CartPole-v1"))
    config = {"net_arch": [8]}
    assert isinstance(env.action_space, spaces.Discrete)
    policy = build_policy("ppo", "mlp", env.observation_space, env.action_space, config)
    folder.mkdir(exist_ok=True)
    Agent("ppo", "mlp", config, policy).save(folder)
    return folder


def env_file(old: str = "", new: str = "") -> Callable[[Path], Path]:
    """A maker of a file with an environment that is good but for one change; gives FILE:CLASS."""

    def make(folder: Path) -> Path:
        assert old in GOOD
        path = folder / "my_env.py"
        path.write_text(GOOD.replace(old, new))
        return folder / "my_env.py:Env"

    return make


def named(name: str) -> Callable[[Path], Path]:
    """A maker of nothing but a name."""
    return lambda _: Path(name)


DQN = ("options={algorithm: dqn, env: Pendulum-v1}",)

REINFORCEMENT_LEARNING = Case(
    recipe="rl/cartpole-ppo",
    learning=(
        "train.max_steps=16384",
        "train.logging_steps=2048",
        "options.n_test_episodes=20",
        "options.n_eval_episodes=4",
    ),
    small=small_agent,
    steps=(
        "train.max_steps=1536",
        "train.save_steps=512",
        "train.eval_steps=1024",
        "train.logging_steps=256",
        "options.n_envs=2",
        "options.n_steps=128",
        "options.n_eval_episodes=2",
        "options.n_test_episodes=2",
    ),
    bad=(
        Bad("no_file", named("elsewhere/my_env.py:Env"), ("my_env.py", "no such file")),
        Bad("unknown", named("CartPoll-v1"), ("CartPoll-v1", "did you mean", "CartPole-v1")),
        Bad("no_class", env_file("class Env(", "class Environment("), ("my_env.py", "Env", "Environment")),
        Bad("not_python", env_file("import numpy as np", "import numpy as"), ("my_env.py:2", "SyntaxError")),
        Bad(
            "old_step", env_file("1.0, False, True, {}", "1.0, True, {}"), ("step", "4 values", "terminated")
        ),
        Bad(
            "old_reset",
            env_file("return np.zeros(2, np.float32), {}\n\n", "return np.zeros(2)\n\n"),
            ("reset",),
        ),
        Bad(
            "nan",
            env_file("return np.zeros(2, np.float32), 1.0", "return np.full(2, np.nan), 1.0"),
            ("finite",),
        ),
        Bad("nan_reward", env_file("np.float32), 1.0", "np.float32), float('nan')"), ("reward", "nan")),
        Bad(
            "shape",
            env_file(
                "        return np.zeros(2, np.float32), {}", "        return np.zeros(3, np.float32), {}"
            ),
            ("reset", "(3,)", "(2,)"),
        ),
        Bad(
            "raises",
            env_file("        return np.zeros(2, np.float32), 1.0", "        return 1 / 0, 1.0"),
            ("ZeroDivisionError",),
        ),
        Bad("actions", named("Pendulum-v1"), ("dqn", "Box", "ppo", "sac"), DQN),
        Bad(
            "wrapper",
            env_file("", ""),
            ("FrameStak", "did you mean"),
            ("options.wrappers=[FrameStakObservation]",),
        ),
        Bad("argument", env_file("", ""), ("gravity", "no argument"), ("options.env_kwargs={gravity: 1}",)),
    ),
    signal="episode_return",
    pieces=("options.vec_env=subproc",),
    processes=False,
    place="options.env",
)
