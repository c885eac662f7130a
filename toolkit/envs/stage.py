"""What somebody who watches an environment wants to know: what each action does, and how fast time passes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.envs.making import EnvSpec, make

if TYPE_CHECKING:
    import gymnasium

ACTIONS: Mapping[str, tuple[str, ...]] = {
    "AcrobotEnv": ("torque -1", "no torque", "torque +1"),
    "BipedalWalker": ("hip 1", "knee 1", "hip 2", "knee 2"),
    "CarRacing": ("steer", "gas", "brake"),
    "CartPoleEnv": ("push left", "push right"),
    "CliffWalkingEnv": ("up", "right", "down", "left"),
    "Continuous_MountainCarEnv": ("push",),
    "FrozenLakeEnv": ("left", "down", "right", "up"),
    "LunarLander": ("nothing", "left engine", "main engine", "right engine"),
    "MountainCarEnv": ("push left", "nothing", "push right"),
    "ParkingEnv": ("accelerate", "steer"),
    "PendulumEnv": ("torque",),
    "ReacherEnv": ("shoulder", "elbow"),
}
"""Of environments that do not tell, by the name of their class."""


@dataclass(frozen=True)
class Stage:
    """An environment as it is watched.

    ``actions`` names each action, or each number of one; empty where nothing is known. ``rate`` is in steps a second,
    None where the environment does not say.
    """

    actions: tuple[str, ...] = ()
    rate: float | None = None


def stage_of(spec: EnvSpec) -> Stage:
    """Look at an environment; one of your own may name its actions in ``metadata["actions"]``.

    Raises:
        EnvironmentFault: the environment cannot be made.
    """
    env = make(spec)
    try:
        names, rate = _names(env), env.metadata.get("render_fps")
        return Stage(names if len(names) == _count(env.action_space) else (), float(rate) if rate else None)
    finally:
        env.close()


def _count(space: Any) -> int:
    """Actions of a choice among a few; otherwise numbers of an action."""
    from gymnasium.spaces import Discrete

    return int(space.n) if isinstance(space, Discrete) else int(space.shape[0]) if space.shape else 0


def _names(env: gymnasium.Env[Any, Any]) -> tuple[str, ...]:
    inner: Any = env.unwrapped
    told = inner.metadata.get("actions") or ACTIONS.get(type(inner).__name__)
    if told is None and hasattr(inner, "get_action_meanings"):  # Atari
        told = [name.lower() for name in inner.get_action_meanings()]
    if told is None and isinstance(kinds := getattr(_part(inner, "action_type"), "actions", None), dict):
        told = [str(name).lower().replace("_", " ") for name in kinds.values()]  # highway-env
    if told is None and hasattr(_part(inner, "model"), "actuator"):  # MuJoCo
        told = [inner.model.actuator(number).name for number in range(inner.model.nu)]
    return tuple(map(str, told)) if told and all(told) else ()


def _part(env: Any, name: str) -> Any:
    return getattr(env, name, None)
