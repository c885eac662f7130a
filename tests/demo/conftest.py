from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from tests.demo.serving import Server, serving
from toolkit.artifact import Artifact


@pytest.fixture(scope="session")
def served(trained: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """``toolkit demo`` of the trained run, on a free port."""
    arguments = ["-m", "toolkit", "demo", trained.folder, "--port", "0"]
    with serving(arguments, cwd=tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture(autouse=True, scope="session")
def _chromium() -> None:
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium: apt-get install chromium")
