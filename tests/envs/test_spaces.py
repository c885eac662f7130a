"""Spaces come back from JSON as they were."""

from __future__ import annotations

import json

import gymnasium
import numpy as np
import pytest
from gymnasium import spaces

from toolkit.envs.spaces import describe, from_dict, shown, to_dict

BOX = spaces.Box(-1, 1, (3,))
SPACES = [
    (BOX, "3 numbers"),
    (spaces.Box(-np.inf, np.inf, (1,)), "one number"),
    (spaces.Box(np.array([-np.inf, 0, -3.5]), np.array([1, np.inf, 2]), dtype=np.float64), "3 numbers"),
    (spaces.Box(0, 255, (84, 60, 3), np.uint8), "a picture of 84 x 60 x 3"),
    (spaces.Box(-5, 300, (2, 4), np.int64), "2 x 4 numbers"),
    (spaces.Box(0, 1, (), np.float32), None),
    (spaces.Discrete(6), "one of 6"),
    (spaces.MultiDiscrete([3, 2]), "one of 3 and one of 2"),
    (spaces.MultiDiscrete([[3, 2], [4, 5]]), None),
    (spaces.MultiBinary(4), "4 switches"),
    (spaces.MultiBinary((2, 2)), None),
    (spaces.Dict(seen=BOX, goal=spaces.Discrete(2)), "seen: 3 numbers, goal: one of 2"),
]


@pytest.mark.parametrize(
    ("space", "words"), SPACES, ids=lambda given: given if isinstance(given, str) else ""
)
def test_what_is_written_is_read(space: gymnasium.Space, words: str | None) -> None:
    again = from_dict(json.loads(json.dumps(to_dict(space), allow_nan=False)))
    assert again == space
    assert again.dtype == space.dtype
    if words is not None:
        assert describe(space) == words


def test_keys_stay_in_order() -> None:
    space = spaces.Dict({"b": BOX, "a": spaces.Discrete(2)})
    assert list(from_dict(json.loads(json.dumps(to_dict(space)))).spaces) == list(space.spaces)


@pytest.mark.parametrize(
    ("space", "said"),
    [
        (spaces.Text(4), "Text is not supported"),
        (spaces.Tuple([BOX, BOX]), "Tuple is not supported"),
        (spaces.Dict(inner=spaces.Dict(seen=BOX)), "a dict of spaces inside another"),
        (spaces.Discrete(3, start=1), "does not count from 0"),
        (spaces.MultiDiscrete([3, 2], start=[0, 1]), "does not count from 0"),
    ],
)
def test_what_agents_cannot_read_is_refused(space: gymnasium.Space, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        to_dict(space)


def test_a_space_is_shown_in_one_line() -> None:
    assert shown(BOX) == "Box(-1.0, 1.0, (3,), float32)"
    long = spaces.Box(np.linspace(-2, -1, 50, dtype=np.float32), np.inf)
    assert shown(long) == "Box(-2.0 to -1.0, inf, (50,), float32)"
    assert shown(spaces.Dict(seen=long, goal=spaces.Discrete(2))) == (
        "Dict(seen: Box(-2.0 to -1.0, inf, (50,), float32), goal: Discrete(2))"
    )
