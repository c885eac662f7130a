"""An environment is found by name or in a user's file, and what is wrong with it is said in one line."""

from __future__ import annotations

import os

# Read once by mujoco when it is imported; tests run without a display.
os.environ.setdefault("MUJOCO_GL", "egl")

from pathlib import Path
from typing import Any

import gymnasium
import pytest

from toolkit.envs.making import EnvSpec, make, own_file, pinned, registered_names, settings_of
from toolkit.errors import EnvironmentFault, MissingExtraError

WALK = '''
import gymnasium
from gymnasium import spaces


class Walk(gymnasium.Env):
    """Go right along a line, to its end."""

    observation_space = spaces.Discrete(10)
    action_space = spaces.Discrete(2)

    def __init__(self, length=5, slow=False, title="a walk", render_mode=None):
        self.length, self.slow, self.render_mode = length, slow, render_mode

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.at = 0
        return self.at, {}

    def step(self, action):
        self.at = max(0, self.at + (1 if action else -1))
        return self.at, float(action), self.at >= self.length, False, {}


def build(length=3):
    return Walk(length)


number = 3
'''


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    path = tmp_path / "walk.py"
    path.write_text(WALK)
    return path


def steps_to_the_right(env: gymnasium.Env[Any, Any]) -> int:
    env.reset(seed=0)
    for step in range(1, 20):
        _, _, terminated, truncated, _ = env.step(1)
        if terminated or truncated:
            return step
    return 0


def refused(name: Any, **given: Any) -> str:
    with pytest.raises(EnvironmentFault) as caught:
        make(EnvSpec(str(name), **given)).close()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_name_of_the_registry_with_its_own_limit_or_another() -> None:
    for limit, steps in ((None, 200), (7, 7)):
        env = make(EnvSpec("Pendulum-v1", {"g": 9.0}, max_episode_steps=limit))
        assert env.unwrapped.g == 9.0
        assert env.spec is not None
        assert env.spec.max_episode_steps == steps
        env.close()


def test_packages_that_bring_environments_are_searched() -> None:
    names = registered_names()
    assert {"CartPole-v1", "ALE/Pong-v5", "parking-v0", "HalfCheetah-v5"} <= set(names)
    assert names == sorted(names)


def test_a_class_of_ones_own(walk: Path) -> None:
    assert steps_to_the_right(make(EnvSpec(f"{walk}:Walk"))) == 5
    assert steps_to_the_right(make(EnvSpec(f"{walk}:Walk", {"length": 4}))) == 4
    assert steps_to_the_right(make(EnvSpec(f"{walk}:Walk", max_episode_steps=2))) == 2
    assert make(EnvSpec(f"{walk}:Walk"), render=True).render_mode == "rgb_array"


def test_a_function_that_makes_one(walk: Path) -> None:
    assert steps_to_the_right(make(EnvSpec(f"{walk}:build"))) == 3


def test_a_class_that_a_neighbour_defines(walk: Path) -> None:
    (walk.parent / "front.py").write_text("from walk import Walk\n")
    assert steps_to_the_right(make(EnvSpec(f"{walk.parent / 'front.py'}:Walk"))) == 5


def test_a_file_that_changed_is_read_again(walk: Path) -> None:
    assert steps_to_the_right(make(EnvSpec(f"{walk}:Walk"))) == 5
    walk.write_text(WALK.replace("length=5", "length=2"))
    os.utime(walk, ns=(0, walk.stat().st_mtime_ns + 1_000_000))  # a clock too coarse to tell the two apart
    assert steps_to_the_right(make(EnvSpec(f"{walk}:Walk"))) == 2


def test_it_is_found_from_any_folder(walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(walk.parent)
    spec = pinned(EnvSpec("walk.py:Walk", {"length": 2}))
    monkeypatch.chdir("/")
    assert spec.name == f"{walk.resolve()}:Walk"
    assert steps_to_the_right(make(spec)) == 2
    assert pinned(EnvSpec("CartPole-v1")) == EnvSpec("CartPole-v1")


def test_names_are_told_apart_from_files() -> None:
    assert own_file("a/b.py:C") == (Path("a/b.py"), "C")
    assert own_file("b.py") == (Path("b.py"), "")
    assert own_file("~/b.py:C") == (Path.home() / "b.py", "C")
    assert own_file("ale_py:ALE/Pong-v5") is own_file("CartPole-v1") is None


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("CartPole-v7", "did you mean 'CartPole-v1'?"),
        ("CartPole", "did you mean 'CartPole-v1'?"),
        ("ALE/Ping-v5", "did you mean 'ALE/Pong-v5'?"),
        ("parkin-v0", "did you mean 'parking-v0'?"),
        (
            "xyzzy",
            "name one of gymnasium's registry, such as CartPole-v1, or a class of your own, my_env.py:MyEnv",
        ),
    ],
)
def test_an_unknown_name(name: str, fix: str) -> None:
    assert refused(name) == f"options.env: unknown environment '{name}'; {fix}"


def test_no_such_file(tmp_path: Path) -> None:
    assert f"no such file '{tmp_path / 'no.py'}'; give FILE.py:CLASS" in refused(f"{tmp_path / 'no.py'}:Walk")


@pytest.mark.parametrize(
    ("attribute", "message"),
    [
        (":Wlak", "'Wlak' is no environment"),
        (":number", "'number' is no environment"),
        ("", "no class is named"),
        (":", "no class is named"),
    ],
)
def test_no_such_class(walk: Path, attribute: str, message: str) -> None:
    said = refused(f"{walk}{attribute}")
    assert f"{walk}: {message}" in said
    assert "the file has Walk" in said


def test_all_unknown_arguments_at_once(walk: Path) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        make(EnvSpec(f"{walk}:Walk", {"lenght": 3, "speed": 1}))
    assert str(caught.value).splitlines() == [
        f"options.env_kwargs.{name}: Walk has no argument '{name}'; it takes length, slow, title"
        for name in ("lenght", "speed")
    ]


def test_unknown_arguments_of_the_registrys() -> None:
    said = refused("CartPole-v1", kwargs={"lenght": 3})
    assert "'CartPole-v1' cannot be made" in said
    assert "'lenght'" in said
    assert "options.env_kwargs" in said


def test_an_environment_that_cannot_be_watched_says_so(walk: Path) -> None:
    with pytest.raises(
        EnvironmentFault, match="build takes no render_mode; accept render_mode to be watched"
    ):
        make(EnvSpec(f"{walk}:build"), render=True)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("import gymnasium\n\nclass Walk(gymnasium.Env)\n    pass\n", 3, "SyntaxError"),
        (
            "import math\n\n\ndef far():\n    return 1 / 0\n\n\nfar()\n",
            5,
            "ZeroDivisionError: division by zero",
        ),
        ("import no_such_package_of_mine\n", 1, "No module named 'no_such_package_of_mine'"),
    ],
)
def test_a_file_that_cannot_be_run_names_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    message = refused(f"{path}:Walk")
    assert message.startswith(f"{path}:{line}: cannot be run: ")
    assert said in message


def test_a_constructor_that_fails(walk: Path) -> None:
    walk.write_text(WALK.replace("self.length, self.slow", "1 / 0; self.length, self.slow"))
    assert "cannot be made: ZeroDivisionError: division by zero" in refused(f"{walk}:Walk")


def test_a_module_that_is_not_installed_is_named() -> None:
    with pytest.raises(MissingExtraError, match="No module named 'no_such_module_of_mine'"):
        make(EnvSpec("no_such_module_of_mine:Walk-v0"))


def test_wrappers_go_around_from_the_inside_out() -> None:
    spec = EnvSpec(
        "CartPole-v1", wrappers=[("TimeAwareObservation", {}), ("FrameStackObservation", {"stack_size": 3})]
    )
    env = make(spec)
    observation, _ = env.reset(seed=0)
    assert observation.shape == env.observation_space.shape == (3, 5)
    env.close()


def test_an_unknown_wrapper_and_one_with_wrong_arguments() -> None:
    said = refused("CartPole-v1", wrappers=[("FrameStackObservations", {})])
    assert (
        said
        == "options.wrappers: unknown wrapper 'FrameStackObservations'; did you mean 'FrameStackObservation'?"
    )
    assert "FrameStackObservation does not go around this environment" in refused(
        "CartPole-v1", wrappers=[("FrameStackObservation", {"size": 3})]
    )


def test_settings_that_can_be_turned(walk: Path) -> None:
    assert settings_of(EnvSpec(f"{walk}:Walk", {"length": 7})) == {"length": 7, "slow": False}
    assert settings_of(EnvSpec("Pendulum-v1")) == {"g": 10.0}
    assert settings_of(EnvSpec("LunarLander-v3", {"enable_wind": True})) == {
        "continuous": False,
        "gravity": -10.0,
        "enable_wind": True,
        "wind_power": 15.0,
        "turbulence_power": 1.5,
    }


def test_cars_are_drawn_without_a_display() -> None:
    env = make(EnvSpec("highway-fast-v0"), render=True)
    env.reset(seed=0)
    picture: Any = env.render()
    env.close()
    assert picture.std() > 10  # a road, and not one colour
