"""Forces and torques of a quadrotor with four rotors in the shape of an X.

Body axes: x forward, y left, z up. Rotors: 0 front left, 1 front right, 2 back right, 3 back left. Rotors 0 and 2 spin
clockwise seen from above, so that their drag turns the body counter-clockwise, which is positive yaw.

Everything here is plain numbers in tuples: on four rotors that is several times faster than numpy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Vector = tuple[float, float, float]
Matrix = tuple[Vector, Vector, Vector]
Four = tuple[float, float, float, float]
Control = Literal["rates", "thrusts"]

GRAVITY = 9.81
"""m/s^2, as in ``quadrotor.xml``."""


@dataclass(frozen=True)
class Airframe:
    """What a quadrotor is made of, in SI units.

    The defaults are an AscTec Hummingbird as listed in RotorPy (Folk, Paulos, Kumar 2023, "RotorPy: A Python-based
    Multirotor Simulator with Aerodynamics for Education and Research", arXiv 2306.04485). Chosen by us: the greatest
    rotor speed (thrust is at most 2.5 times the weight), the motors' lag and all that the controller does.
    """

    mass: float = 0.5
    inertia: Vector = (3.65e-3, 3.68e-3, 7.03e-3)
    """kg m^2, about the body axes."""
    arm: float = 0.17
    """m, from the centre of mass to each rotor."""
    thrust_coefficient: float = 5.57e-6
    """N/(rad/s)^2."""
    torque_coefficient: float = 1.36e-7
    """N m/(rad/s)^2."""
    greatest_speed: float = 742.0
    """rad/s, of a rotor."""
    motor_lag: float = 0.03
    """s, until 63% of a change of speed is made; 0 for none."""
    rotor_drag: Vector = (1.19e-4, 1.19e-4, 2.32e-4)
    """N/(m/s) for each rad/s of a rotor, along the body axes."""
    body_drag: Vector = (0.5e-2, 0.5e-2, 1.0e-2)
    """N/(m/s)^2, along the body axes."""
    greatest_rates: Vector = (4.0, 4.0, 2.0)
    """rad/s, that an action of 1 asks for: roll, pitch, yaw."""
    rate_response: Vector = (0.05, 0.05, 0.2)
    """s, until the controller has made 63% of a change of rate; yaw is slow, as rotor drag is weak."""

    @property
    def hover_thrust(self) -> float:
        """N, that carries the weight."""
        return self.mass * GRAVITY

    @property
    def hover_speed(self) -> float:
        """rad/s, of each rotor when hovering."""
        return math.sqrt(self.hover_thrust / 4 / self.thrust_coefficient)


def rotation(w: float, x: float, y: float, z: float) -> Matrix:
    """Rows of the matrix that turns body axes into world axes, from a unit quaternion."""
    return (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )


def to_world(matrix: Matrix, vector: Vector) -> Vector:
    """A vector in world axes, from body axes."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    x, y, z = vector
    return a * x + b * y + c * z, d * x + e * y + f * z, g * x + h * y + i * z


def to_body(matrix: Matrix, vector: Vector) -> Vector:
    """A vector in body axes, from world axes."""
    (a, b, c), (d, e, f), (g, h, i) = matrix
    x, y, z = vector
    return a * x + d * y + g * z, b * x + e * y + h * z, c * x + f * y + i * z


def rotor_wrench(speeds: Four, airframe: Airframe) -> tuple[float, Vector]:
    """Thrust along the body's z axis in N, and torques about its axes in N m, of rotors at ``speeds`` in rad/s.

    Each rotor thrusts with c_T w^2 and its drag turns the body against its spin with c_Q w^2 (Mahony, Kumar, Corke
    2012, "Multirotor Aerial Vehicles: Modeling, Estimation, and Control of Quadrotor", IEEE RAM 19(3)).
    """
    a, b, c, d = speeds
    a, b, c, d = a * a, b * b, c * c, d * d
    lever = airframe.thrust_coefficient * airframe.arm * math.sqrt(0.5)
    roll, pitch = lever * (a - b - c + d), lever * (c + d - a - b)
    yaw = airframe.torque_coefficient * (a - b + c - d)
    return airframe.thrust_coefficient * (a + b + c + d), (roll, pitch, yaw)


def drag(velocity: Vector, speeds: Four, airframe: Airframe) -> Vector:
    """Force of the air in N on a body that moves with ``velocity`` in m/s, both in body axes.

    Rotor drag, linear in velocity and in the rotors' speeds: blade flapping and induced drag lumped, as in Mahony,
    Kumar, Corke 2012. Body drag, quadratic, along each axis: -|v| C v (Folk, Paulos, Kumar 2023, for both).
    """
    x, y, z = velocity
    a, b, c, d = speeds
    spin, pace = a + b + c + d, math.sqrt(x * x + y * y + z * z)
    (rotor_x, rotor_y, rotor_z), (body_x, body_y, body_z) = airframe.rotor_drag, airframe.body_drag
    return (
        -x * (spin * rotor_x + pace * body_x),
        -y * (spin * rotor_y + pace * body_y),
        -z * (spin * rotor_z + pace * body_z),
    )


def lagged(speeds: Four, thrusts: Four, airframe: Airframe, seconds: float) -> Four:
    """Rotor speeds in rad/s, ``seconds`` after each rotor was asked for a thrust in N that it can give or not.

    A first-order lag, dw/dt = (w_asked - w) / motor_lag, solved exactly for what is asked in the meantime.
    """
    greatest, scale = airframe.greatest_speed, 1 / airframe.thrust_coefficient
    share = 1 - math.exp(-seconds / airframe.motor_lag) if airframe.motor_lag else 1.0

    def after(speed: float, thrust: float) -> float:
        asked = min(greatest, math.sqrt(thrust * scale)) if thrust > 0 else 0.0
        return speed + share * (asked - speed)

    (a, b, c, d), (e, f, g, h) = speeds, thrusts
    return after(a, e), after(b, f), after(c, g), after(d, h)


def mixed(thrust: float, torques: Vector, airframe: Airframe) -> Four:
    """Thrusts of the rotors in N that together give ``thrust`` in N and ``torques`` in N m."""
    lever = 4 * airframe.arm * math.sqrt(0.5)
    roll, pitch = torques[0] / lever, torques[1] / lever
    yaw = torques[2] * airframe.thrust_coefficient / (4 * airframe.torque_coefficient)
    share = thrust / 4
    return (
        share + roll - pitch + yaw,
        share - roll - pitch - yaw,
        share - roll + pitch + yaw,
        share + roll + pitch - yaw,
    )


def follow_rates(action: Four, rates: Vector, airframe: Airframe) -> Four:
    """Thrusts of the rotors in N that bring the body's ``rates`` in rad/s to what ``action`` asks for.

    The action, within [-1, 1], is collective thrust (-1 none, 0 the weight, 1 twice the weight) and the rates of roll,
    pitch and yaw as shares of the greatest: "CTBR" in Kaufmann, Bauersfeld, Scaramuzza 2022, "A Benchmark Comparison
    of Learned Control Policies for Agile Quadrotor Flight", ICRA. The controller is ours: proportional, with the
    body's own gyroscopic torque made up for, t = J (w_asked - w) / rate_response + w x J w.
    """
    (jx, jy, jz), (p, q, r) = airframe.inertia, rates
    (top_x, top_y, top_z), (slow_x, slow_y, slow_z) = airframe.greatest_rates, airframe.rate_response
    torques = (
        jx * (action[1] * top_x - p) / slow_x + (jz - jy) * q * r,
        jy * (action[2] * top_y - q) / slow_y + (jx - jz) * r * p,
        jz * (action[3] * top_z - r) / slow_z + (jy - jx) * p * q,
    )
    return mixed(airframe.hover_thrust * (1 + action[0]), torques, airframe)


def give_thrusts(action: Four, rates: Vector, airframe: Airframe) -> Four:
    """Thrusts of the rotors in N, each asked for by itself: -1 none, 0 its share of the weight, 1 twice that.

    "SRT" in Kaufmann, Bauersfeld, Scaramuzza 2022; ``rates`` are not looked at.
    """
    share = airframe.hover_thrust / 4
    a, b, c, d = action
    return share * (1 + a), share * (1 + b), share * (1 + c), share * (1 + d)


CONTROLS: dict[Control, Callable[[Four, Vector, Airframe], Four]] = {
    "rates": follow_rates,
    "thrusts": give_thrusts,
}

ACTIONS: dict[Control, tuple[str, str, str, str]] = {
    "rates": ("thrust", "roll rate", "pitch rate", "yaw rate"),
    "thrusts": ("front left", "front right", "back right", "back left"),
}
"""What the numbers of an action are called."""
