"""A quadrotor of our own on MuJoCo that hovers at a point or flies from point to point."""

from __future__ import annotations

from typing import Any

ENVIRONMENTS: dict[str, dict[str, Any]] = {
    "toolkit/QuadrotorHover-v0": {"max_episode_steps": 250, "kwargs": {"task": "hover"}},
    "toolkit/QuadrotorWaypoint-v0": {"max_episode_steps": 500, "kwargs": {"task": "waypoint"}},
}
"""Gymnasium's ids, and what it is told of each; 50 steps are one second."""


def register() -> None:
    """Make the environments known to ``gymnasium.make``; a second call changes nothing."""
    import gymnasium

    for name, options in ENVIRONMENTS.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point="toolkit.envs.quadrotor.environment:Quadrotor", **options)


__all__ = ["ENVIRONMENTS", "register"]
