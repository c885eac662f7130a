"""Observation and action spaces as JSON data, and what they are in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

Space = gymnasium.Space[Any]


def to_dict(space: Space) -> dict[str, Any]:
    """A space as JSON data; bounds are written as one number where all are equal.

    Raises:
        ValueError: a kind of space that stable-baselines3 does not read.
    """
    if np.any(getattr(space, "start", 0)):
        raise ValueError(f"{space} does not count from 0, which is not supported")
    if isinstance(space, spaces.Box):
        dtype = np.dtype(space.dtype).name
        return {
            "box": list(space.shape),
            "dtype": dtype,
            "low": _bound(space.low),
            "high": _bound(space.high),
        }
    if isinstance(space, spaces.Discrete):
        return {"discrete": int(space.n)}
    if isinstance(space, spaces.MultiDiscrete):
        return {"multi_discrete": space.nvec.tolist()}
    if isinstance(space, spaces.MultiBinary):
        return {"multi_binary": list(space.shape)}
    if isinstance(space, spaces.Dict) and not any(isinstance(p, spaces.Dict) for p in space.spaces.values()):
        return {"dict": {key: to_dict(part) for key, part in space.spaces.items()}}
    if isinstance(space, spaces.Dict):
        raise ValueError("a dict of spaces inside another is not supported")
    raise ValueError(f"a space of the kind {type(space).__name__} is not supported")


def from_dict(data: Mapping[str, Any]) -> Space:
    """What :func:`to_dict` wrote."""
    if "box" in data:
        shape, dtype = tuple(data["box"]), np.dtype(data["dtype"])
        low, high = (
            _bounds(data[key], shape, dtype, missing) for key, missing in (("low", -np.inf), ("high", np.inf))
        )
        return spaces.Box(low, high, shape, dtype.type)
    if "discrete" in data:
        return spaces.Discrete(data["discrete"])
    if "multi_discrete" in data:
        return spaces.MultiDiscrete(data["multi_discrete"])
    if "multi_binary" in data:
        sides = data["multi_binary"]  # stable-baselines3 acts on those of one side, if it is no list
        return spaces.MultiBinary(sides[0] if len(sides) == 1 else sides)
    return spaces.Dict({key: from_dict(part) for key, part in data["dict"].items()})


def describe(space: Space) -> str:
    """A space in words: ``4 numbers``, ``one of 2``, ``a picture of 84 x 84 x 3``."""
    if isinstance(space, spaces.Dict):
        return ", ".join(f"{key}: {describe(part)}" for key, part in space.spaces.items())
    if isinstance(space, spaces.Box):
        return _describe_box(space.shape)
    if isinstance(space, spaces.Discrete):
        return f"one of {space.n}"
    if isinstance(space, spaces.MultiDiscrete):
        return f"one of {' and one of '.join(map(str, space.nvec))}"
    return f"{space.n} switches" if isinstance(space, spaces.MultiBinary) else type(space).__name__


def shown(space: Space) -> str:
    """A space as code, in one line: of bounds that differ, the lowest and the highest."""
    if isinstance(space, spaces.Dict):
        return f"Dict({', '.join(f'{key}: {shown(part)}' for key, part in space.spaces.items())})"
    if isinstance(space, spaces.Box) and space.low.size:
        return f"Box({_span(space.low)}, {_span(space.high)}, {space.shape}, {space.dtype})"
    return str(space)


def _span(bounds: np.ndarray[Any, Any]) -> str:
    least, most = bounds.min(), bounds.max()
    return f"{least}" if least == most else f"{least} to {most}"


def _describe_box(shape: tuple[int, ...]) -> str:
    if shape == (1,):
        return "one number"
    sides = " x ".join(map(str, shape))
    return f"a picture of {sides}" if len(shape) == 3 else f"{sides} numbers"


def _bound(values: np.ndarray[Any, Any]) -> Any:
    """Bounds with infinity as null: JSON has no word for it, and its sign follows from the side."""
    flat = [float(value) if np.isfinite(value) else None for value in values.ravel()]
    return flat[0] if len(set(flat)) == 1 else flat


def _bounds(
    written: Any, shape: tuple[int, ...], dtype: np.dtype[Any], missing: float
) -> np.ndarray[Any, Any]:
    flat = written if isinstance(written, list) else [written]
    values = np.array([missing if value is None else value for value in flat], dtype=dtype)
    return np.full(shape, values[0]) if len(values) == 1 else values.reshape(shape)
