"""The quadrotor flies as the equations say, the same way every time, and can be made to do its tasks."""

from __future__ import annotations

import os

# Read once by mujoco when it is imported; tests run without a display.
os.environ.setdefault("MUJOCO_GL", "egl")

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from toolkit.envs.quadrotor import ENVIRONMENTS, register
from toolkit.envs.quadrotor.dynamics import GRAVITY, Airframe, drag, lagged, mixed, rotor_wrench
from toolkit.envs.quadrotor.environment import Quadrotor

HOVER, WAYPOINT = ENVIRONMENTS
IDEAL = replace(Airframe(), motor_lag=0.0, rotor_drag=(0.0, 0.0, 0.0), body_drag=(0.0, 0.0, 0.0))
NOTHING = np.zeros(4, np.float32)


@pytest.fixture(scope="module")
def display() -> bool:
    env = Quadrotor(render_mode="rgb_array", width=32, height=32)
    env.reset(seed=0)
    try:
        env.render()
    except RuntimeError:
        return False
    finally:
        env.close()
    return True


@pytest.fixture
def make() -> Iterator[Any]:
    register()
    made: list[Any] = []

    def of(name: str, **options: Any) -> Any:
        made.append(gymnasium.make(name, **options))
        return made[-1]

    yield of
    for env in made:
        env.close()


def level(env: Quadrotor, height: float = 1.5) -> Quadrotor:
    """At rest above the centre, heading along x."""
    env.reset(seed=0)
    env.data.qpos[:] = 0, 0, height, 1, 0, 0, 0
    env.data.qvel[:] = 0
    return env


def steered(seen: Any) -> Any:
    """A textbook controller: thrust where the error and the speed say, turned towards by rates."""
    target, velocity, up, rates = seen[:3], seen[3:6], seen[6:9], seen[9:12]
    wanted = (4.0 * target - 3.0 * velocity) / GRAVITY + up
    turn = 8.0 * np.array([-wanted[1], wanted[0], 0.0]) - 0.2 * rates
    return np.clip([wanted[2] - 1, *(turn / Airframe().greatest_rates)], -1, 1).astype(np.float32)


def episode(env: Any, seed: int, policy: Any) -> dict[str, Any]:
    """What is known at the end of an episode."""
    seen, info = env.reset(seed=seed)
    ended = False
    while not ended:
        seen, _, terminated, truncated, info = env.step(policy(seen))
        ended = terminated or truncated
    return {**info, "terminated": terminated}


# Physics


def test_without_thrust_and_air_it_falls_as_galilei_says():
    env = level(Quadrotor(control="thrusts", airframe=IDEAL), height=4.0)
    for _ in range(25):
        env.step(-np.ones(4, np.float32))
    fallen = 4.0 - env.data.qpos[2]
    assert fallen == pytest.approx(GRAVITY * 0.5**2 / 2, rel=0.011)  # one part in a hundred steps is Euler's
    assert env.data.qvel[2] == pytest.approx(-GRAVITY * 0.5)
    assert env.data.qvel[3:] == pytest.approx(np.zeros(3))


@pytest.mark.parametrize("control", ["rates", "thrusts"])
def test_the_action_zero_holds_the_altitude(control):
    env = level(Quadrotor(control=control))
    for _ in range(250):
        env.step(NOTHING)
    assert env.data.qpos == pytest.approx([0, 0, 1.5, 1, 0, 0, 0], abs=1e-3)


@pytest.mark.parametrize(
    ("rotor", "roll", "pitch", "yaw"),
    [(0, 1, -1, 1), (1, -1, -1, -1), (2, -1, 1, 1), (3, 1, 1, -1)],
    ids=["front left", "front right", "back right", "back left"],
)
def test_each_rotor_lifts_its_corner_and_turns_the_body_against_its_spin(rotor, roll, pitch, yaw):
    env = level(Quadrotor(control="thrusts"))
    action = NOTHING.copy()
    action[rotor] = 0.5
    env.step(action)
    assert np.sign(env.data.qvel[3:]).tolist() == [roll, pitch, yaw]
    assert env.data.qvel[2] > 0


@pytest.mark.parametrize("axis", [0, 1, 2], ids=["roll", "pitch", "yaw"])
def test_the_controller_follows_the_rate_it_is_asked_for_and_no_other(axis):
    frame = Airframe()
    action = NOTHING.copy()
    action[1 + axis] = 0.25
    env = level(Quadrotor())
    for _ in range(round(6 * frame.rate_response[axis] / 0.02)):
        env.step(action)
    wanted = np.zeros(3)
    wanted[axis] = 0.25 * frame.greatest_rates[axis]
    assert env.data.qvel[3:] == pytest.approx(wanted, abs=0.03)


def test_mixing_undoes_what_the_rotors_do():
    frame = Airframe()
    thrusts = mixed(5.0, (0.1, -0.2, 0.02), frame)
    speeds = tuple((thrust / frame.thrust_coefficient) ** 0.5 for thrust in thrusts)
    thrust, torques = rotor_wrench(speeds, frame)
    assert (thrust, *torques) == pytest.approx((5.0, 0.1, -0.2, 0.02))


def test_motors_make_63_percent_of_a_change_in_their_lag_and_have_a_greatest_speed():
    frame = Airframe()
    speeds = lagged((0.0,) * 4, (frame.thrust_coefficient * 100.0**2, 1e9, 0.0, -1.0), frame, frame.motor_lag)
    assert speeds == pytest.approx((63.2, 0.632 * frame.greatest_speed, 0.0, 0.0), rel=1e-3)
    assert lagged(speeds, (1e9,) * 4, IDEAL, 0.005) == (frame.greatest_speed,) * 4


def test_drag_acts_against_the_motion_and_grows_faster_than_it():
    frame, still, turning = Airframe(), (0.0,) * 4, (400.0,) * 4
    assert drag((2.0, 0.0, 0.0), still, frame) == pytest.approx((-4 * frame.body_drag[0], 0.0, 0.0))
    slow, fast = drag((0.0, 0.0, -1.0), turning, frame)[2], drag((0.0, 0.0, -2.0), turning, frame)[2]
    assert slow == pytest.approx(1600 * frame.rotor_drag[2] + frame.body_drag[2])
    assert fast > 2 * slow


def test_a_heavier_airframe_is_heavier_in_the_physics_too():
    env = Quadrotor(airframe=replace(Airframe(), mass=1.0))
    assert env.model.body("quadrotor").mass.item() == 1.0
    level(env)
    for _ in range(50):
        env.step(NOTHING)
    assert env.data.qpos[2] == pytest.approx(1.5, abs=1e-3)


# The environment


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_gymnasium_finds_nothing_to_complain_about(name, make, display):
    check_env(make(name).unwrapped, skip_render_check=not display)


def test_registering_again_changes_nothing():
    register()
    before = {name: gymnasium.registry[name] for name in ENVIRONMENTS}
    register()
    assert all(gymnasium.registry[name] is spec for name, spec in before.items())


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_the_same_actions_lead_to_the_same_flight_to_the_last_bit(name, make):
    env, other = make(name), make(name)
    first = flown(env)
    assert flown(env) == first  # after other episodes
    assert flown(other) == first  # in another object


def flown(env: Any) -> list[bytes]:
    """Everything that three episodes gave, resets without a seed among them."""
    actions = np.random.default_rng(1)
    seen, _ = env.reset(seed=7)
    record = [seen.tobytes()]
    for _ in range(150):
        seen, reward, terminated, truncated, info = env.step(actions.uniform(-1, 1, 4).astype(np.float32))
        record += [seen.tobytes(), repr((reward, terminated, truncated, info)).encode()]
        if terminated or truncated:
            record.append(env.reset()[0].tobytes())
    return record


def test_starts_differ_and_are_where_they_are_said_to_be():
    env = Quadrotor()
    seen = np.array([env.reset(seed=seed)[0] for seed in range(200)])
    positions = []
    for seed in range(200):
        env.reset(seed=seed)
        positions.append(env.data.qpos[:3].copy())
    spread = np.ptp(positions, axis=0)
    assert (spread > 1.8).all()
    assert (spread <= 2.0).all()
    assert seen[:, 8].min() >= np.cos(np.pi / 6) - 1e-6
    assert seen[:, 8].max() > 0.99
    assert np.abs(seen[:, 9:12]).max() <= 1.0


def test_what_is_seen_does_not_depend_on_the_heading():
    env = level(Quadrotor())
    env.data.qpos[:] = 1, 0, 1.5, 1, 0, 0, 0
    env.data.qvel[:3] = 0, 1, 0
    ahead = env.step(NOTHING)[0]
    level(env)
    env.data.qpos[:] = 0, 1, 1.5, 0.5**0.5, 0, 0, 0.5**0.5
    env.data.qvel[:3] = -1, 0, 0
    assert env.step(NOTHING)[0] == pytest.approx(ahead, abs=1e-6)
    assert ahead[:3] == pytest.approx([-1, 0, 0], abs=0.03)
    assert ahead[3:6] == pytest.approx([0, 1, 0], abs=0.03)


def test_touching_the_ground_ends_the_episode_without_success(make):
    env = make(HOVER, control="thrusts")
    info = episode(env, 0, lambda _: -np.ones(4, np.float32))
    assert info["terminated"]
    assert not info["is_success"]
    assert env.unwrapped.data.qpos[2] < 0.1


def test_leaving_the_room_ends_the_episode_and_costs():
    env = level(Quadrotor(control="thrusts"))
    rewards, terminated = [], False
    while not terminated:
        _, reward, terminated, _, _ = env.step(np.ones(4, np.float32))
        rewards.append(reward)
    assert env.data.qpos[2] > 4.5
    assert rewards[-1] < -4.5
    assert min(rewards[:-1]) > -0.5


def test_a_textbook_controller_hovers_from_every_start(make):
    env = make(HOVER)
    infos = [episode(env, seed, steered) for seed in range(20)]
    assert all(info["is_success"] for info in infos)
    assert max(info["distance"] for info in infos) < 0.05


def test_doing_nothing_is_no_success(make):
    assert not any(episode(make(HOVER), seed, lambda _: NOTHING)["is_success"] for seed in range(5))


def test_a_textbook_controller_flies_from_point_to_point(make):
    info = episode(make(WAYPOINT), 0, steered)
    assert info["waypoints"] >= 5
    assert info["is_success"]


def test_reaching_a_waypoint_earns_and_moves_the_target():
    env = level(Quadrotor(task="waypoint"))
    old = env.task.target
    env.data.qpos[:3] = old
    _, reward, _, _, info = env.step(NOTHING)
    assert reward > 1
    assert info["waypoints"] == 1
    assert env.task.target != old


def test_wrong_arguments_are_refused_with_the_right_ones():
    with pytest.raises(ValueError, match=r"task='hoover' is not known; one of: 'hover', 'waypoint'"):
        Quadrotor(task="hoover")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one of: 'rates', 'thrusts'"):
        Quadrotor(control="rate")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one of: None, 'rgb_array'"):
        Quadrotor(render_mode="human")


# Pictures


def test_a_picture_shows_something_and_the_flight_is_the_same(make, display):
    if not display:
        pytest.skip("MuJoCo cannot open a display here: no EGL, or MUJOCO_GL names another library")
    env, unseen = make(HOVER, render_mode="rgb_array"), make(HOVER)
    env.reset(seed=3)
    unseen.reset(seed=3)
    pictures = []
    for _ in range(5):
        pictures.append(env.render())
        assert (env.step(NOTHING)[0] == unseen.step(NOTHING)[0]).all()
    assert pictures[0].shape == (360, 480, 3)
    assert pictures[0].dtype == np.uint8
    assert pictures[0].std() > 10
    assert (pictures[0] != pictures[-1]).any()


def test_without_a_display_only_rendering_fails_and_says_what_to_do():
    program = """
import numpy, toolkit.envs.quadrotor.environment as environment
env = environment.Quadrotor(render_mode="rgb_array")
env.reset(seed=0)
env.step(numpy.zeros(4, numpy.float32))
env.render()
"""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "MUJOCO_GL": "disabled"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "RuntimeError: MuJoCo cannot open a display to render" in done.stderr
    assert "set MUJOCO_GL=egl" in done.stderr
