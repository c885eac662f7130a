"""Make an environment from its name in gymnasium's registry, or from a class in a user's own file."""

from __future__ import annotations

import contextlib
import ctypes.util
import importlib
import importlib.util
import inspect
import os
import sys
import warnings
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.envs import quadrotor
from toolkit.errors import EnvironmentFault, Finding, MissingExtraError, did_you_mean, first_line

if TYPE_CHECKING:
    from collections.abc import Callable

    import gymnasium

PACKAGES = ("ale_py", "highway_env")
"""They register environments when they are imported."""
OWN_FILE = ".py"


@dataclass(frozen=True)
class EnvSpec:
    """Which environment, and how it is changed; plain data, so that a process of its own can make it."""

    name: str
    """An id of gymnasium's registry, or ``my_env.py:MyEnv``."""
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Arguments of the environment."""
    wrappers: Sequence[tuple[str, Mapping[str, Any]]] = ()
    """Class names in ``gymnasium.wrappers`` with their arguments, the innermost first."""
    max_episode_steps: int | None = None
    """Where an episode is cut; by default what the registry says."""


def require_rl() -> None:
    """Refuse to go on without the packages that reinforcement learning needs.

    Raises:
        MissingExtraError: they are not installed.
    """
    for name in ("gymnasium", "stable_baselines3", "sb3_contrib"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError("reinforcement learning recipes", "rl")


def make(spec: EnvSpec, *, render: bool = False) -> gymnasium.Env[Any, Any]:
    """The environment with its wrappers; ``render`` makes one that gives pictures.

    Raises:
        EnvironmentFault: no such environment or wrapper, wrong arguments, or it cannot be made.
        MissingExtraError: a package it needs is not installed.
    """
    made = _made(spec, render)
    for name, kwargs in spec.wrappers:
        made = _wrapped(made, name, kwargs)
    return made


def settings_of(spec: EnvSpec) -> dict[str, bool | int | float]:
    """Arguments of the environment that are a number or yes and no, with the values they have in ``spec``.

    Raises:
        EnvironmentFault: the environment cannot be made.
    """
    made = make(spec)
    maker = type(made.unwrapped)
    registered = made.spec.kwargs if made.spec is not None else {}
    made.close()
    defaults = {name: p.default for name, p in inspect.signature(maker.__init__).parameters.items()}
    values = {**defaults, **{k: v for k, v in {**registered, **spec.kwargs}.items() if k in defaults}}
    return {name: value for name, value in values.items() if isinstance(value, bool | int | float)}


def registered_names() -> list[str]:
    """Every id of gymnasium's registry, those of installed packages included."""
    import gymnasium

    _register_all()
    return sorted(gymnasium.registry)


def own_file(name: str) -> tuple[Path, str] | None:
    """File and class of ``my_env.py:MyEnv``; None for a name of the registry."""
    file, colon, attribute = name.rpartition(":")
    if colon and file.endswith(OWN_FILE):
        return Path(file).expanduser(), attribute
    return (Path(name).expanduser(), "") if name.endswith(OWN_FILE) else None


def pinned(spec: EnvSpec) -> EnvSpec:
    """The same with the full path of a user's own file, so that it is found from any folder."""
    own = own_file(spec.name)
    if own is None:
        return spec
    return replace(spec, name=f"{own[0].resolve()}:{own[1]}")


def _made(spec: EnvSpec, render: bool) -> gymnasium.Env[Any, Any]:
    own = own_file(spec.name)
    make_one = _from_registry if own is None else _from_file
    kwargs = {**spec.kwargs, **({"render_mode": "rgb_array"} if render else {})}
    with _faults(spec.name):
        return make_one(spec, kwargs)


@contextlib.contextmanager
def _faults(name: str) -> Generator[None]:
    """Whatever an environment's constructor raises, as one error that names the environment."""
    from gymnasium.error import DependencyNotInstalled

    _draw_without_window()
    os.environ.setdefault("SDL_VIDEODRIVER", "offscreen")  # highway-env draws nothing with "dummy"
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions there are newer ones of, and the like
            yield
    except (EnvironmentFault, MissingExtraError):
        raise
    except (DependencyNotInstalled, ModuleNotFoundError) as error:
        if own_file(name) is not None:
            message = f"'{name}' cannot be made: {first_line(error)}"
            raise EnvironmentFault(Finding("error", "options.env", message, "pip install it")) from error
        raise MissingExtraError(f"'{name}' ({first_line(error)})", "rl") from error
    except Exception as error:
        message = f"'{name}' cannot be made: {type(error).__name__}: {first_line(error)}"
        raise EnvironmentFault(Finding("error", "options.env", message, "see options.env_kwargs")) from error


@cache
def _draw_without_window() -> None:
    """Let MuJoCo draw through EGL, before it is imported; where that library is missing, importing it would fail."""
    if ctypes.util.find_library("EGL"):
        os.environ.setdefault("MUJOCO_GL", "egl")


@cache
def _silence_mujoco() -> None:
    """Keep remarks of MuJoCo's compiler on gymnasium's own models, printed at every making, from the user."""
    mujoco: Any = importlib.import_module("mujoco")
    mujoco.set_mju_user_warning(lambda _: None)


def _from_registry(spec: EnvSpec, kwargs: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    import gymnasium

    if spec.name.partition(":")[0] == spec.name:  # `module:Id` imports its module itself
        _require_registered(spec.name)
        if "mujoco" in str(gymnasium.registry[spec.name].entry_point):
            _silence_mujoco()
    limit = {"max_episode_steps": spec.max_episode_steps} if spec.max_episode_steps else {}
    return gymnasium.make(spec.name, disable_env_checker=True, **limit, **kwargs)


def _require_registered(name: str) -> None:
    import gymnasium

    if name in gymnasium.registry:
        return
    known = registered_names()
    if name in known:
        return
    fix = did_you_mean(name, known) if _near(name, known) else _whence()
    raise EnvironmentFault(Finding("error", "options.env", f"unknown environment '{name}'", fix))


def _near(name: str, known: Sequence[str]) -> bool:
    import difflib

    return bool(difflib.get_close_matches(name, known, n=1, cutoff=0.6))


def _whence() -> str:
    """What to do about a name that nothing in the registry is like."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    more = (
        f', or pip install "transfer-toolkit[rl]" (without it {", ".join(missing)} is missing)'
        if missing
        else ""
    )
    return f"name one of gymnasium's registry, such as CartPole-v1, or a class of your own, my_env.py:MyEnv{more}"


@cache
def _register_all() -> None:
    """Let the installed packages register their environments; gymnasium has registered its own."""
    for package in PACKAGES:
        if importlib.util.find_spec(package) is None:
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(package)
    if importlib.util.find_spec("mujoco") is not None:
        quadrotor.register()


def _from_file(spec: EnvSpec, kwargs: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    from gymnasium.wrappers import TimeLimit

    own = own_file(spec.name)
    assert own is not None  # the caller has looked
    file, attribute = own
    maker = _class_in(file, attribute)
    accepted = inspect.signature(maker).parameters
    takes_all = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in accepted.values())
    if "render_mode" in kwargs and "render_mode" not in accepted and not takes_all:
        raise EnvironmentFault(
            Finding(
                "error", str(file), f"{attribute} takes no render_mode", "accept render_mode to be watched"
            )
        )
    unknown = [] if takes_all else [key for key in kwargs if key not in accepted]
    if unknown:
        raise EnvironmentFault(
            [
                Finding(
                    "error",
                    f"options.env_kwargs.{key}",
                    f"{attribute} has no argument '{key}'",
                    _choices(accepted),
                )
                for key in unknown
            ]
        )
    made = maker(**kwargs)
    return TimeLimit(made, spec.max_episode_steps) if spec.max_episode_steps else made


def _choices(accepted: Mapping[str, Any]) -> str:
    names = [name for name in accepted if name != "render_mode"]
    return f"it takes {', '.join(names)}" if names else "it takes none"


def _class_in(file: Path, attribute: str) -> Callable[..., Any]:
    """The environment class of a user's file; the file is run, as ``import`` would.

    Raises:
        EnvironmentFault: no such file or class, or the file cannot be run.
    """
    import gymnasium

    if not file.is_file():
        raise EnvironmentFault(
            Finding("error", "options.env", f"no such file '{file}'", "give FILE.py:CLASS")
        )
    module = _module_of(file.resolve(), file.stat().st_mtime_ns)
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, type)
        and issubclass(value, gymnasium.Env)
        and value.__module__ == module.__name__
    }
    if attribute not in found:
        made = getattr(module, attribute, None) if attribute else None
        if callable(made) and (not isinstance(made, type) or issubclass(made, gymnasium.Env)):
            return made  # a function that makes one, or a class of a neighbour
        names = ", ".join(found) or "none"
        message = f"'{attribute}' is no environment" if attribute else "no class is named"
        fix = f"name a subclass of gymnasium.Env as {file}:CLASS; the file has {names}"
        raise EnvironmentFault(Finding("error", str(file), message, fix))
    return found[attribute]


@cache
def _module_of(file: Path, changed: int) -> Any:
    """The module of a file in this state; one that has changed since is run again."""
    del changed
    name = f"_environment_of_the_user_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None  # a file that ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses and pickling look for it
    sys.path.insert(0, str(file.parent))  # its neighbours, as `python my_env.py` would find them
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        line = _line_in(error, file)
        message = f"cannot be run: {type(error).__name__}: {first_line(error)}"
        raise EnvironmentFault(Finding("error", f"{file}{line}", message, "mend the file")) from error
    finally:
        sys.path.remove(str(file.parent))
    return module


def _line_in(error: BaseException, file: Path) -> str:
    """The line of the user's file in which an error arose, as ``:12``; empty when it is not known."""
    if isinstance(error, SyntaxError) and error.lineno:
        return f":{error.lineno}"
    lines = []
    frame = error.__traceback__
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == str(file):
            lines.append(frame.tb_lineno)
        frame = frame.tb_next
    return f":{lines[-1]}" if lines else ""


def _wrapped(env: gymnasium.Env[Any, Any], name: str, kwargs: Mapping[str, Any]) -> gymnasium.Env[Any, Any]:
    from gymnasium import wrappers

    known = [word for word in wrappers.__all__ if word[:1].isupper()]
    if name not in known:
        fix = did_you_mean(name, known)
        raise EnvironmentFault(Finding("error", "options.wrappers", f"unknown wrapper '{name}'", fix))
    try:
        return getattr(wrappers, name)(env, **kwargs)
    except Exception as error:
        message = f"{name} does not go around this environment: {first_line(error)}"
        raise EnvironmentFault(
            Finding("error", "options.wrappers", message, "change its arguments")
        ) from error
