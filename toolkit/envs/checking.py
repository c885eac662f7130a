"""Does an environment keep gymnasium's rules? Found out before training, not by a puzzling error in its middle."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium
import numpy as np

from toolkit.envs.making import EnvSpec, make, own_file
from toolkit.envs.spaces import shown, to_dict
from toolkit.envs.watched import all_finite, digest
from toolkit.errors import EnvironmentFault, Finding, first_line, raise_errors

STEPS = 3
REPEATED = 60
"""Steps of an episode that is played twice."""
BEFORE, COMPARED = (1, 2), 7
"""Seeds of episodes that are played before it, and its own: not in every episode does BipedalWalker's memory show."""
UNREPEATABLE = (
    "an episode does not follow from its seed and actions alone, but also from what was played before: a training that "
    "is interrupted goes on with new episodes, not exactly as it would have"
)


def check_environment(spec: EnvSpec) -> list[Finding]:
    """Take a few steps, and for a user's own class run gymnasium's whole checker.

    Returns:
        warnings of the checker.

    Raises:
        EnvironmentFault: what the environment does wrong, all that can be told at once.
    """
    env = make(spec)
    name = env.unwrapped.__class__.__name__
    try:
        raise_errors(_wrong_spaces(env, name), EnvironmentFault)
        raise_errors(_wrong_steps(env, name), EnvironmentFault)
    finally:
        env.close()
    found = _checked_by_gymnasium(spec, name) if own_file(spec.name) else []
    return found if repeats_itself(spec) else [*found, Finding("warning", name, UNREPEATABLE)]


def repeats_itself(spec: EnvSpec) -> bool:
    """Whether an episode follows from its seed and its actions, whatever was played before it.

    Raises:
        EnvironmentFault: it breaks down on the way.
    """
    used, fresh = make(spec), make(spec)
    try:
        for seed in BEFORE:
            _trace(used, seed)
        return _trace(used, COMPARED) == _trace(fresh, COMPARED)
    except Exception as error:  # whatever a user's environment raises after more steps than were tried before
        message = f"raised {type(error).__name__}: {first_line(error)}"
        raise EnvironmentFault(
            _rule(used.unwrapped.__class__.__name__, message, "mend the environment")
        ) from error
    finally:
        used.close()
        fresh.close()


def _trace(env: gymnasium.Env[Any, Any], seed: int) -> list[str]:
    """Hashes of what is seen in some steps of an episode."""
    observation, _ = env.reset(seed=seed)
    env.action_space.seed(seed)
    seen = [digest(observation)]
    for _ in range(REPEATED):
        observation, _, terminated, truncated, _ = env.step(env.action_space.sample())
        seen.append(digest(observation))
        if terminated or truncated:
            break
    return seen


def _wrong_spaces(env: gymnasium.Env[Any, Any], name: str) -> list[Finding]:
    found: list[Finding] = []
    for which in ("observation_space", "action_space"):
        space = getattr(env, which, None)
        if not isinstance(space, gymnasium.Space):
            fix = f"set self.{which} to one of gymnasium.spaces"
            found.append(Finding("error", f"{name}.{which}", f"is {type(space).__name__}, no space", fix))
            continue
        try:
            to_dict(space)
        except ValueError as error:
            fix = "use Box, Discrete, MultiDiscrete, MultiBinary or a flat Dict of them"
            if which == "observation_space":
                fix += "; options.wrappers=[FlattenObservation] makes one Box of a Tuple or a Dict"
            found.append(Finding("error", f"{name}.{which}", str(error), fix))
    return found


def _wrong_steps(env: gymnasium.Env[Any, Any], name: str) -> list[Finding]:
    """A reset and a few steps."""
    try:
        begun: Any = env.reset(seed=0)
        if not (isinstance(begun, tuple) and len(begun) == 2 and isinstance(begun[1], dict)):
            return [_rule(f"{name}.reset", f"returns {_kind(begun)}", "return observation, info")]
        problems = _wrong_observation(env, name, "reset", begun[0])
        env.action_space.seed(0)
        for _ in range(STEPS):
            taken: Any = env.step(env.action_space.sample())
            if not (isinstance(taken, tuple) and len(taken) == 5):
                fix = "return observation, reward, terminated, truncated, info"
                return [*problems, _rule(f"{name}.step", f"returns {_kind(taken)}", fix)]
            problems += _wrong_observation(env, name, "step", taken[0]) + _wrong_reward(name, taken[1])
            if problems or taken[2] or taken[3]:
                break
    except Exception as error:  # whatever a user's environment raises
        return [_rule(name, f"raised {type(error).__name__}: {first_line(error)}", "mend the environment")]
    return problems


def _kind(value: Any) -> str:
    return f"{len(value)} values" if isinstance(value, tuple) else type(value).__name__


def _rule(where: str, message: str, fix: str) -> Finding:
    return Finding("error", where, message, fix)


def _wrong_observation(
    env: gymnasium.Env[Any, Any], name: str, method: str, observation: Any
) -> list[Finding]:
    space = env.observation_space
    if not all_finite(observation):
        return [
            _rule(f"{name}.{method}", "gives an observation that is not finite", "look for a division by 0")
        ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it had to turn a list into an array
        if space.contains(observation):
            return []
    told = observation
    if isinstance(observation, np.ndarray):
        told = f"{observation.dtype} of shape {observation.shape}"
        if isinstance(space, gymnasium.spaces.Box) and observation.shape == space.shape:
            told += f" with values {observation.min():.3g} to {observation.max():.3g}"
    return [
        _rule(
            f"{name}.{method}",
            f"gives an observation outside its space: {told}",
            f"the space is {shown(space)}",
        )
    ]


def _wrong_reward(name: str, reward: Any) -> list[Finding]:
    try:
        finite = bool(np.isfinite(float(reward)))
    except (TypeError, ValueError):
        return [_rule(f"{name}.step", f"gives the reward {reward!r}", "give a number")]
    return [] if finite else [_rule(f"{name}.step", f"gives the reward {reward}", "give a finite number")]


def _checked_by_gymnasium(spec: EnvSpec, name: str) -> list[Finding]:
    from gymnasium.utils.env_checker import check_env

    env = make(spec).unwrapped
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            check_env(env, skip_render_check=True)
        except Exception as error:  # its assertions, and whatever the environment raises under them
            message = f"breaks gymnasium's rules: {first_line(error)}"
            raise EnvironmentFault(
                _rule(name, message, "see gymnasium.utils.env_checker.check_env")
            ) from error
        finally:
            env.close()
    said = dict.fromkeys(str(warning.message).split("\n")[0] for warning in caught)
    return [Finding("warning", name, _plain(text)) for text in said]


def _plain(text: str) -> str:
    """A warning of gymnasium without its colours and its head."""
    import re

    return re.sub(r"\x1b\[\d+m|^WARN: ", "", re.sub(r"\x1b\[\d+m", "", text)).strip()
