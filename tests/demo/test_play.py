from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import gradio as gr
import gymnasium
import numpy as np
import pytest

from toolkit.artifact import Artifact
from toolkit.demo import build, play, scene, streaming
from toolkit.demo.play import PlayTab

Watch = Callable[..., list[tuple[str, str]]]


@dataclass
class Visitor:
    """What the page tells of who asks."""

    session_hash: str = "visitor"


def choices(tab: PlayTab, **changed: Any) -> list[Any]:
    return list({**tab.settings, **changed}.values())


@pytest.fixture
def tab(trained_agent: Artifact) -> PlayTab:
    return PlayTab(trained_agent)


@pytest.fixture
def watch(tab: PlayTab) -> Watch:
    def watched(seed: Any = 3, *, best: bool = True, **changed: Any) -> list[tuple[str, str]]:
        return list(tab.watch(Visitor(), seed, 100, best, *choices(tab, **changed)))  # pyright: ignore[reportArgumentType]

    return watched


def frame(action: Any, scores: dict[str, float] | None = None, step: int = 1) -> Any:
    picture = np.zeros((20, 30, 3), np.uint8)
    return SimpleNamespace(picture=picture, step=step, total=1.5, action=action, scores=scores or {})


def test_an_episode_is_watched_to_its_end(watch: Watch, trained_agent: Artifact) -> None:
    seen = watch(3)

    played = trained_agent.predict([3])[0]
    assert seen[0][0] == scene.OPENING
    assert "step 0 · return 0.00" in seen[1][0]
    assert f"step {played['length']} · return {played['return']:.2f} · the episode is over" in seen[-1][0]
    assert all("data:image/jpeg;base64," in picture for picture, _ in seen[1:])


def test_what_speaks_for_an_action_is_named_as_the_environment_names_it(watch: Watch) -> None:
    _, scores = watch(3)[1]

    assert "Probability of each action" in scores
    assert "<span>left</span>" in scores
    assert "<span>right</span>" in scores
    assert scores.count("chosen") == 1


def test_settings_change_the_episode(watch: Watch, tab: PlayTab) -> None:
    assert tab.settings == {"length": 10, "wind": 0.1, "breaks_at": -1, "sees_more": False}

    assert watch(3, length=30)[-1] != watch(3)[-1]


def test_settings_that_make_it_another_environment_are_one_message(watch: Watch, tab: PlayTab) -> None:
    shown = tab.watch(Visitor(), 3, 50, True, *choices(tab, sees_more=True))  # pyright: ignore[reportArgumentType]
    pages: list[str] = []
    with pytest.raises(gr.Error) as caught:
        pages.extend(picture for picture, _ in shown)

    message = "With these settings its observations are 2 numbers; the agent knows one number"
    assert message in caught.value.message
    assert "change the settings back" in caught.value.message
    assert "env_kwargs" not in caught.value.message
    assert message in pages[-1]


def test_an_error_of_the_environment_is_told_with_its_step(watch: Watch) -> None:
    with pytest.raises(gr.Error, match=r"Step raised RuntimeError: .*the floor broke.*seed 3, step 2"):
        watch(3, breaks_at=2)


@pytest.mark.parametrize("seed", [None, "", -1, "x", 2**32])
def test_what_is_no_seed_is_refused(watch: Watch, seed: Any) -> None:
    with pytest.raises(gr.Error, match="seed"):
        watch(seed)


def test_stop_ends_an_episode_and_another_one_too(tab: PlayTab) -> None:
    visitor: Any = Visitor()
    slow = tab.watch(visitor, 3, 5, True, *choices(tab))
    for _ in range(3):
        next(slow)

    tab.stop(visitor)
    assert "stopped" in next(slow)[0]
    assert next(slow, None) is None

    first = tab.watch(visitor, 3, 5, True, *choices(tab))
    next(first), next(first)
    second = tab.watch(visitor, 4, 5, True, *choices(tab))
    next(second)
    assert "stopped" in next(first)[0]
    assert "step 0" in next(second)[0]
    second.close()  # pyright: ignore[reportAttributeAccessIssue]
    assert tab.running == {}


def test_one_too_many_is_told_so(tab: PlayTab) -> None:
    others = [tab.watch(Visitor(str(n)), 3, 5, True, *choices(tab)) for n in range(play.WATCHERS)]  # pyright: ignore[reportArgumentType]
    for other in others:
        next(other), next(other)

    late = tab.watch(Visitor("late"), 3, 5, True, *choices(tab))  # pyright: ignore[reportArgumentType]
    next(late)
    assert "others are watching" in next(late)[0]
    with pytest.raises(gr.Error, match="others are watching"):
        next(late)
    for other in others:
        other.close()  # pyright: ignore[reportAttributeAccessIssue]


def test_examples_are_the_test_episodes(tab: PlayTab, trained_agent: Artifact) -> None:
    first = trained_agent.examples[0]

    assert tab.pick(0) == first["episode"]
    assert tab.examples[0].truth == trained_agent.predict([first["episode"]])[0]["label"]


def test_the_page_says_what_it_is_and_only_predict_is_public(trained_agent: Artifact) -> None:
    page = build(trained_agent)

    public = [fn.api_name for fn in page.fns.values() if fn.api_visibility == "public"]
    assert public == ["predict"]
    assert "mlp trained from scratch in corridor.py:Corridor with PPO" in page_text(page)


def page_text(page: Any) -> str:
    told = "".join(str(block.value) for block in page.blocks.values() if isinstance(block, gr.Markdown))
    return told.replace("**", "").replace("&#45;", "-").replace("&#95;", "_")


def agent(space: gymnasium.Space[Any], algorithm: str, scores_are: str = "probability") -> Any:
    return SimpleNamespace(action_space=space, algorithm=algorithm, scores_are=scores_are)


def test_expected_returns_begin_at_the_least() -> None:
    shown = scene.scores_of(agent(gymnasium.spaces.Discrete(2), "dqn", "expected return"), ())

    bars = shown.show(frame(1, {"0": -3.0, "1": 7.0}))

    assert "Expected return of each action" in bars
    assert "width:100.0%" in bars
    assert "<span>-3.00</span>" in bars
    assert bars.count("chosen") == 1


def test_numbers_go_from_zero_in_their_range() -> None:
    space = gymnasium.spaces.Box(np.array([-2, 0], np.float32), np.array([2, 1], np.float32))
    shown = scene.scores_of(agent(space, "sac"), ("torque", "gas"))

    bars = shown.show(frame(np.array([-1.0, 0.25])))

    assert "<span>torque</span><b><i style='margin-left:25.0%;width:25.0%'></i></b><span>-1.00</span>" in bars
    assert "<span>gas</span><b><i style='margin-left:0.0%;width:25.0%'></i></b><span>0.25</span>" in bars


def test_without_scores_the_action_is_shown() -> None:
    shown = scene.scores_of(agent(gymnasium.spaces.Discrete(2), "recurrent-ppo"), ("<b>", "up"))

    bars = shown.show(frame(1))

    assert "&lt;b&gt;" in bars
    assert "chosen'><span>up</span>" in bars


def test_before_an_episode_the_bars_are_there_already() -> None:
    shown = scene.scores_of(agent(gymnasium.spaces.Discrete(3), "ppo"), ())

    assert shown.show().count("class='bar'") == shown.show(frame(None)).count("class='bar'") == 3


@pytest.mark.parametrize("space", [gymnasium.spaces.MultiDiscrete([3, 2]), gymnasium.spaces.MultiBinary(2)])
def test_several_choices_at_once_are_numbers(space: gymnasium.Space[Any]) -> None:
    bars = scene.scores_of(agent(space, "ppo"), ()).show(frame(np.array([1, 1])))

    assert bars.count("class='bar chosen'") == 2
    assert "number 2" in bars


def test_an_iterator_is_made_in_one_thread_and_closed_in_it() -> None:
    threads: list[int] = []

    def made() -> Iterator[int]:
        try:
            for number in range(100):
                threads.append(threading.get_ident())
                yield number
        finally:
            threads.append(threading.get_ident())

    things = streaming.in_own_thread(made)
    assert [next(things), next(things)] == [0, 1]
    things.close()  # pyright: ignore[reportAttributeAccessIssue]

    deadline = time.monotonic() + 5
    while len(threads) < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)
    assert len(threads) <= 7
    assert set(threads) != {threading.get_ident()}
    assert len(set(threads)) == 1


def test_an_error_of_the_other_thread_arrives() -> None:
    def made() -> Iterator[int]:
        yield 1
        raise KeyError("gone")

    things = streaming.in_own_thread(made)
    assert next(things) == 1
    with pytest.raises(KeyError):
        next(things)
