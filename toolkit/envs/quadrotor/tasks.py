"""What a quadrotor is to do: where its target is, what a step earns and when an episode succeeded."""

from __future__ import annotations

import math
from collections import deque
from typing import Any, Protocol

import numpy as np

from toolkit.envs.quadrotor.dynamics import Vector

CENTRE: Vector = (0.0, 0.0, 1.5)
"""m, in world axes."""
REACH = 1.0
"""m, from the centre to where a start or a target may be drawn, along each axis."""


class Task(Protocol):
    """What the environment asks of a task; everything is in m and world axes."""

    radius: float
    """From the target, that counts as being there."""
    target: Vector
    distance: float
    """Of the quadrotor to the target."""

    def start(self, random: np.random.Generator, position: Vector) -> None:
        """Begin an episode with the quadrotor at ``position``."""
        ...

    def earn(self, position: Vector) -> float:
        """What a step earned that ended at ``position``, within [-1, 2]."""
        ...

    def info(self) -> dict[str, Any]:
        """How the episode went so far: ``is_success``, and what else can be counted."""
        ...


def near_centre(random: np.random.Generator) -> Vector:
    """A point drawn evenly from the box around the centre."""
    x, y, z = random.uniform(-REACH, REACH, 3).tolist()
    return CENTRE[0] + x, CENTRE[1] + y, CENTRE[2] + z


class Hover:
    """Hover at the centre; a success when the mean distance of the last second is under ``radius``."""

    radius = 0.1
    steps = 50
    """The last second."""

    def __init__(self) -> None:
        self.target = CENTRE
        self.distance = 0.0
        self.distances: deque[float] = deque(maxlen=self.steps)

    def start(self, random: np.random.Generator, position: Vector) -> None:
        """Begin an episode; the target is always the same, so nothing is drawn."""
        self.distances.clear()
        self.distance = math.dist(position, self.target)

    def earn(self, position: Vector) -> float:
        """Within (0, 1]: one half shows the way from afar, the other half rewards the last centimetres."""
        self.distance = math.dist(position, self.target)
        self.distances.append(self.distance)
        return 0.5 * math.exp(-self.distance) + 0.5 * math.exp(-8 * self.distance)

    def info(self) -> dict[str, Any]:
        """``is_success``."""
        full = len(self.distances) == self.steps
        return {"is_success": full and sum(self.distances) / self.steps < self.radius}


class Waypoint:
    """Fly to a random point, then to the next, without end; a success when ``enough`` of them were reached."""

    radius = 0.2
    enough = 5

    def __init__(self) -> None:
        self.target = CENTRE
        self.distance = 0.0
        self.reached = 0

    def start(self, random: np.random.Generator, position: Vector) -> None:
        """Begin an episode with a new target."""
        self.random, self.reached = random, 0
        self.aim(position)

    def aim(self, position: Vector) -> None:
        """Draw the next target."""
        self.target = near_centre(self.random)
        self.distance = math.dist(position, self.target)

    def earn(self, position: Vector) -> float:
        """Within [-1, 2]: ten for each m come closer, at most 1, and another 1 for reaching the target.

        Progress, not closeness: who earned by being close would rather stay than reach the target and lose it. As in
        Song, Steinweg, Kaufmann, Scaramuzza 2021, "Autonomous Drone Racing with Deep Reinforcement Learning", IROS.
        """
        before, self.distance = self.distance, math.dist(position, self.target)
        earned = max(-1.0, min(1.0, 10 * (before - self.distance)))
        if self.distance < self.radius:
            self.reached += 1
            self.aim(position)
            earned += 1.0
        return earned

    def info(self) -> dict[str, Any]:
        """``waypoints`` reached, and ``is_success``."""
        return {"waypoints": self.reached, "is_success": self.reached >= self.enough}


TASKS: dict[str, type[Hover] | type[Waypoint]] = {"hover": Hover, "waypoint": Waypoint}
