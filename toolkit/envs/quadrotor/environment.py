"""A quadrotor as a Gymnasium environment: MuJoCo moves the body, ``dynamics`` says with which forces."""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium.spaces import Box
from numpy.typing import NDArray

from toolkit.envs.quadrotor.dynamics import (
    ACTIONS,
    CONTROLS,
    Airframe,
    Control,
    Four,
    drag,
    lagged,
    rotation,
    rotor_wrench,
    to_body,
    to_world,
)
from toolkit.envs.quadrotor.tasks import CENTRE, TASKS, Task, near_centre

Floats = NDArray[np.float32]

mujoco: Any = importlib.import_module("mujoco")  # compiled and without stubs: to pyright it would be empty

MODEL = Path(__file__).with_name("quadrotor.xml")
SUBSTEPS = 4
"""Of physics, each 5 ms, in one step of the environment: 50 steps a second."""
ROOM = 3.0
"""m, from the centre to where an episode ends, along each axis."""
GROUND = 0.1
"""m, above the floor, under which an episode ends: the radius of a rotor."""
CRASH = -5.0
"""What leaving the room or touching the ground earns, once."""
LIMITS = np.repeat(np.array([8, 20, 1, 30, 1], np.float32), [3, 3, 3, 3, 4])
"""Of what is observed; what is beyond is cut off."""


class Quadrotor(gymnasium.Env[Floats, Floats]):
    """A quadrotor that hovers at a point or flies from point to point, 50 steps a second.

    Observation, 16 numbers in the body's axes (x forward, y left, z up), so that heading makes no difference:

    ====== ===================================================== =====
    0-2    position of the target, seen from the quadrotor       m
    3-5    velocity                                              m/s
    6-8    which way is up, a unit vector; level is (0, 0, 1)
    9-11   angular velocity: roll, pitch, yaw                    rad/s
    12-15  the last action, at first 0
    ====== ===================================================== =====

    Action, 4 numbers within [-1, 1]; zero is hovering. ``control="rates"``: collective thrust, then the rates of roll,
    pitch and yaw (``dynamics.follow_rates``). ``control="thrusts"``: of each rotor (``dynamics.give_thrusts``).

    Start: within 1 m of the centre along each axis, tilted up to 30 degrees in any direction, any heading, up to 1 m/s
    and 1 rad/s along each axis, rotors at hovering speed.

    Reward of a step: what the task gives (``tasks``), less at most 0.5 for tilt, turning and changes of action; -5 more
    when the episode ends because the quadrotor is under 0.1 m or more than 3 m from the centre along an axis.

    Info, as of this step: ``distance`` to the target in m, ``is_success`` (not when the episode ended early) and, of
    the task ``waypoint``, the number of ``waypoints`` reached.

    Args:
        task: ``hover`` or ``waypoint``.
        control: what actions mean.
        airframe: other than the default.
        render_mode: ``rgb_array`` or None.
        width: of pictures, in pixels.
        height: of pictures, in pixels.

    Raises:
        ValueError: an argument is not one of these.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012 - gymnasium declares it so

    def __init__(
        self,
        task: Literal["hover", "waypoint"] = "hover",
        control: Control = "rates",
        airframe: Airframe | None = None,
        render_mode: str | None = None,
        width: int = 480,
        height: int = 360,
    ) -> None:
        refuse("task", task, TASKS)
        refuse("control", control, CONTROLS)
        refuse("render_mode", render_mode, [None, *self.metadata["render_modes"]])
        self.task: Task = TASKS[task]()
        self.airframe = airframe or Airframe()
        self.render_mode = render_mode
        self.observation_space = Box(-LIMITS, LIMITS)
        self.action_space = Box(-1.0, 1.0, (4,))
        self._control = CONTROLS[control]
        self.metadata = {**self.metadata, "actions": ACTIONS[control]}
        self._size = height, width
        self._renderer: Any = None
        self.model = model_of(self.airframe, self.task.radius, self._size)
        self.data = mujoco.MjData(self.model)
        self._seconds = float(self.model.opt.timestep)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Begin an episode at a random start; there are no options."""
        super().reset(seed=seed)
        position = near_centre(self.np_random)
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:] = (*position, *random_attitude(self.np_random))
        self.data.qvel[:] = self.np_random.uniform(-1, 1, 6)
        speed = self.airframe.hover_speed
        self._speeds: Four = (speed, speed, speed, speed)
        self._action: Four = (0.0, 0.0, 0.0, 0.0)
        self.task.start(self.np_random, position)
        return self._observe(), self._info()

    def step(self, action: Floats) -> tuple[Floats, float, bool, bool, dict[str, Any]]:
        """Hold an action for 20 ms."""
        asked = four(action)
        for _ in range(SUBSTEPS):
            self._advance(asked)
        x, y, z = self.data.qpos[:3].tolist()
        reward = self.task.earn((x, y, z)) - self._cost(asked)
        self._action = asked
        far = max(abs(x - CENTRE[0]), abs(y - CENTRE[1]), abs(z - CENTRE[2])) > ROOM
        ended = far or z < GROUND
        return self._observe(), reward + CRASH * ended, ended, False, self._info(ended)

    def _advance(self, asked: Four) -> None:
        """Let one step of physics pass."""
        frame, data = self.airframe, self.data
        matrix = rotation(*data.qpos[3:].tolist())
        vx, vy, vz, p, q, r = data.qvel.tolist()
        self._speeds = lagged(self._speeds, self._control(asked, (p, q, r), frame), frame, self._seconds)
        thrust, torques = rotor_wrench(self._speeds, frame)
        x, y, z = drag(to_body(matrix, (vx, vy, vz)), self._speeds, frame)
        # A free joint takes forces along the world's axes and torques about the body's.
        data.qfrc_applied[:] = (*to_world(matrix, (x, y, z + thrust)), *torques)
        mujoco.mj_step(self.model, data)

    def _cost(self, asked: Four) -> float:
        """What tilt, turning and a change of action cost, within [0, 0.46]."""
        _, _, _, _, x, y, _ = self.data.qpos.tolist()
        p, q, r = self.data.qvel[3:].tolist()
        change = sum((now - last) ** 2 for now, last in zip(asked, self._action, strict=True))
        tilt = 2 * (x * x + y * y)  # 1 - cos of the angle to upright
        return 0.05 * tilt + 0.002 * min(100.0, p * p + q * q + r * r) + 0.01 * change

    def _observe(self) -> Floats:
        """See the class."""
        x, y, z, *quaternion = self.data.qpos.tolist()
        vx, vy, vz, *rates = self.data.qvel.tolist()
        matrix, (a, b, c) = rotation(*quaternion), self.task.target
        target, velocity = to_body(matrix, (a - x, b - y, c - z)), to_body(matrix, (vx, vy, vz))
        seen = np.array((*target, *velocity, *matrix[2], *rates, *self._action), np.float32)
        return np.minimum(np.maximum(seen, -LIMITS), LIMITS)

    def _info(self, ended: bool = False) -> dict[str, Any]:
        """See the class."""
        info = {"distance": self.task.distance, **self.task.info()}
        if ended:
            info["is_success"] = False
        return info

    def render(self) -> NDArray[np.uint8] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """A picture (height, width, 3) of the quadrotor, its target and the floor; None without a render mode.

        Raises:
            RuntimeError: no display or GPU library can be opened.
        """
        if self.render_mode is None:
            gymnasium.logger.warn('nothing is rendered without render_mode="rgb_array"')
            return None
        model, data = self.model, self.data
        self._renderer = self._renderer or open_renderer(model, *self._size)
        data.mocap_pos[0] = self.task.target
        # Positions of what is seen only: whether somebody watches must not change what is computed next.
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)
        mujoco.mj_camlight(model, data)
        self._renderer.update_scene(data, camera="chase")
        return self._renderer.render()

    def close(self) -> None:
        """Give the display back."""
        if self._renderer is not None:
            self._renderer.close()
            self._renderer = None


def refuse(name: str, value: object, possible: Any) -> None:
    """Raise ValueError for a value that is not possible, naming those that are."""
    if value not in possible:
        raise ValueError(f"{name}={value!r} is not known; one of: {', '.join(map(repr, possible))}")


def four(action: Floats) -> Four:
    """An action as plain numbers, cut off to [-1, 1]."""
    a, b, c, d = action.tolist()
    return (
        max(-1.0, min(1.0, a)),
        max(-1.0, min(1.0, b)),
        max(-1.0, min(1.0, c)),
        max(-1.0, min(1.0, d)),
    )


def random_attitude(random: np.random.Generator) -> Four:
    """Quaternion of any heading, tilted up to 30 degrees about any horizontal axis."""
    heading, axis, tilt = (random.random(3) * (2 * math.pi, 2 * math.pi, math.pi / 6)).tolist()
    a, b, c, s = math.cos(heading / 2), math.sin(heading / 2), math.cos(tilt / 2), math.sin(tilt / 2)
    x, y = s * math.cos(axis), s * math.sin(axis)
    return a * c, a * x - b * y, a * y + b * x, b * c


def model_of(airframe: Airframe, radius: float, size: tuple[int, int]) -> Any:
    """The world with the airframe's mass, a target of ``radius`` in m and room for pictures of ``size``."""
    model = mujoco.MjModel.from_xml_path(str(MODEL))
    body = model.body("quadrotor").id
    model.body_mass[body], model.body_inertia[body] = airframe.mass, airframe.inertia
    model.geom("target").size[:] = radius
    model.vis.global_.offheight, model.vis.global_.offwidth = size
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return model


def open_renderer(model: Any, height: int, width: int) -> Any:
    """MuJoCo's renderer.

    Raises:
        RuntimeError: names the way to render without a display.
    """
    try:
        return mujoco.Renderer(model, height, width)
    except Exception as error:  # each backend raises its own: ImportError, GLError, FatalError, RuntimeError
        raise RuntimeError(
            f"MuJoCo cannot open a display to render ({type(error).__name__}: {error}); set MUJOCO_GL=egl, or "
            "MUJOCO_GL=osmesa without a GPU, before Python starts"
        ) from error
