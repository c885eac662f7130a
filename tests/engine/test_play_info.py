"""What an episode keeps of the last step's info."""

from __future__ import annotations

import pytest

from toolkit.engine.rollout.play import Arena
from toolkit.envs.making import EnvSpec
from toolkit.errors import EnvironmentFault

HOVER = EnvSpec("toolkit/QuadrotorHover-v0", max_episode_steps=5)


def test_flags_and_numbers_are_kept_by_name() -> None:
    (episode,) = Arena(HOVER, ("distance", "is_success")).play_randomly([3])

    assert isinstance(episode.info["distance"], float)
    assert episode.info["is_success"] is False
    assert episode.to_dict()["distance"] == episode.info["distance"]


def test_a_name_that_is_not_there_is_an_error_with_those_that_are() -> None:
    with pytest.raises(EnvironmentFault, match=r"no 'distnce'.*distance.*did you mean 'distance'"):
        Arena(HOVER, ("distnce",)).play_randomly([3])
