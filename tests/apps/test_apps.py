"""Every folder below apps/ is a Hugging Face Space, uploadable unchanged."""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import gradio
import httpx
import pytest
from huggingface_hub import SpaceCard
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from toolkit.artifact import Artifact
from toolkit.demo.space import find_sources, open_space
from toolkit.files import share

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
APPS = sorted(path for path in share("apps").iterdir() if path.is_dir())


@pytest.fixture(params=APPS, ids=lambda path: path.name)
def app(request: pytest.FixtureRequest) -> Path:
    return request.param


def test_there_are_apps() -> None:
    assert {"nlp", "rl", "vision"} <= {path.name for path in APPS}


def test_an_app_is_three_files_or_four_with_debian_packages(app: Path) -> None:
    files = {path.name for path in app.iterdir() if path.name != "__pycache__"}

    assert files - {"packages.txt"} == {"README.md", "app.py", "requirements.txt"}


def test_debian_packages_are_names_one_a_line() -> None:
    for path in (app / "packages.txt" for app in APPS if (app / "packages.txt").is_file()):
        assert all(re.fullmatch(r"[a-z0-9][a-z0-9.+-]+", name) for name in path.read_text().splitlines())


def test_the_front_matter_is_that_of_a_space(app: Path) -> None:
    card = SpaceCard.load(app / "README.md").data.to_dict()

    assert card["sdk"] == "gradio"
    assert (app / card["app_file"]).is_file()
    assert card["title"]
    assert len(card["short_description"]) <= 60
    assert card["license"] == PROJECT["license"].lower()
    needed = next(r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "gradio")
    assert card["sdk_version"] in needed.specifier
    assert card["sdk_version"] <= gradio.__version__
    assert isinstance(card["python_version"], str)
    assert card["python_version"] in SpecifierSet(PROJECT["requires-python"])


def test_it_needs_the_toolkit_and_nothing_that_comes_with_it(app: Path) -> None:
    lines = (app / "requirements.txt").read_text().split("\n")

    assert PROJECT["name"] in {Requirement(line).name for line in lines if line}
    imported = {
        (node.module or "").split(".")[0]
        for node in ast.walk(ast.parse((app / "app.py").read_text()))
        if isinstance(node, ast.ImportFrom)
    }
    assert imported == {"toolkit"}


def test_it_starts_with_a_run(app: Path, trained: Artifact, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    given = {"TOOLKIT_RUN": str(trained.folder), "GRADIO_SERVER_PORT": str(port), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, app / "app.py"], cwd=tmp_path, env={**os.environ, **given})
    try:
        config = wait_for(f"http://127.0.0.1:{port}/config", process)
    finally:
        process.terminate()
        process.wait(timeout=30)

    assert "minilm" in str(config["components"])
    assert "No model yet" not in str(config)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> dict[str, object]:
    end = time.monotonic() + 120
    while time.monotonic() < end and process.poll() is None:
        try:
            return httpx.get(url).json()
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError(f"{url} never answered")


def test_without_a_model_the_page_says_how_to_give_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOOLKIT_RUN", raising=False)
    monkeypatch.delenv("TOOLKIT_MODEL", raising=False)

    page = str(open_space().config)

    assert "No model yet" in page
    assert "TOOLKIT_MODEL" in page
    assert "TOOLKIT_RUN" in page


def test_a_model_that_cannot_be_opened_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOOLKIT_RUN", str(tmp_path))

    page = str(open_space().config)

    assert "not a run folder" in page
    assert "TOOLKIT_RUN" in page


def test_the_newest_run_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TOOLKIT_RUN", raising=False)
    monkeypatch.delenv("TOOLKIT_MODEL", raising=False)
    for age, name in [(100, "runs/nlp/reviews/old"), (10, "runs/nlp/reviews/new"), (50, "runs/mine/middle")]:
        manifest = tmp_path / name / "manifest.json"
        manifest.parent.mkdir(parents=True)
        manifest.write_text("{}")
        os.utime(manifest.parent, (time.time() - age,) * 2)

    assert find_sources() == ["runs/nlp/reviews/new"]
    monkeypatch.setenv("TOOLKIT_MODEL", "me/reviews")
    assert find_sources() == ["me/reviews"]
    monkeypatch.setenv("TOOLKIT_RUN", "elsewhere, runs/mine/middle")
    assert find_sources() == ["elsewhere", "runs/mine/middle"]


def test_several_models_get_a_tab_each_and_what_is_wrong_is_said(
    trained: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLKIT_RUN", f"{trained.folder},{tmp_path},{trained.folder}")

    components = open_space().config["components"]

    labels = [one["props"].get("label") for one in components if one["type"] == "tabitem"]
    assert labels.count("One at a time") == labels.count("A whole file") == 2
    assert len(labels) == 6
    problem = next(one for one in components if one["props"].get("elem_id") == "problem")
    assert "not a run folder" in problem["props"]["value"]
