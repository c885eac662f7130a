from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.demo.serving import WAIT, Server, chromium, serving
from toolkit.artifact import Artifact
from toolkit.demo.uploads import adopt


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real Chromium."""
    expect.set_options(timeout=WAIT)
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def served(trained: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``toolkit demo`` of the trained run, on a free port."""
    arguments = ["-m", "toolkit", "demo", trained.folder, "--port", "0"]
    with serving(arguments, cwd=tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture(scope="session")
def trained_on_pictures(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A real run: a small network on pictures of digits for thirty steps. To be read, never written to."""
    import toolkit

    folder = tmp_path_factory.mktemp("runs") / "digits"
    return toolkit.train("vision/digits-cnn", "train.max_steps=30", out=folder)


@pytest.fixture(scope="session")
def served_pictures(
    trained_on_pictures: Artifact, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """``toolkit demo`` of the run on pictures, on a free port."""
    arguments = ["-m", "toolkit", "demo", trained_on_pictures.folder, "--port", "0"]
    with serving(arguments, cwd=tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture(scope="session")
def trained_agent(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A real run: an agent that learns to walk through a corridor. To be read, never written to."""
    import toolkit

    folder = tmp_path_factory.mktemp("runs") / "corridor"
    changes = [
        f"options.env={Path(__file__).with_name('corridor.py')}:Corridor",
        "options.n_test_episodes=5",
        "options.n_eval_episodes=3",
        "train.max_steps=4096",
    ]
    return toolkit.train("reinforcement-learning", *changes, out=folder)


@pytest.fixture(scope="session")
def served_agent(trained_agent: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``toolkit demo`` of the agent, on a free port."""
    arguments = ["-m", "toolkit", "demo", trained_agent.folder, "--port", "0"]
    with serving(arguments, cwd=tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture
def sent() -> Callable[[Path], dict[str, Any]]:
    """What the page sends for a file that was uploaded."""
    return lambda path: {"path": str(adopt(path)), "orig_name": path.name}


@pytest.fixture(autouse=True, scope="session")
def _chromium() -> None:
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium: apt-get install chromium")
