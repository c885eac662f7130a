"""What is installed is what is here, and works away from here."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str | Path, cwd: Path) -> str:
    clean = {
        name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "TOOLKIT_RECIPES"}
    }
    done = subprocess.run(
        [*map(str, arguments)], cwd=cwd, env=clean, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built by way of the source distribution, so that this one is whole too."""
    target = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", target, ROOT, cwd=target)
    (built,) = target.glob("transfer_toolkit-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a fresh environment that has the wheel, and borrows only what it depends on."""
    folder = tmp_path_factory.mktemp("fresh")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    run(sys.executable, *install, cwd=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python.parent


def ours(kind: str) -> set[str]:
    """The files of a folder here, as they are named in it."""
    tracked = run("git", "ls-files", kind, cwd=ROOT) if (ROOT / ".git").exists() else ""
    return {line.partition("/")[2] for line in tracked.splitlines() if (ROOT / line).exists()}


def test_the_wheel_holds_the_package_the_recipes_and_the_apps(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {name.partition("/")[0] for name in names} == {
        "toolkit",
        f"{wheel.name.partition('-py3')[0]}.dist-info",
    }
    assert {
        "toolkit/py.typed",
        "toolkit/_share/recipes/nlp/reviews.yaml",
        "toolkit/_share/apps/nlp/app.py",
    } <= names
    assert [name for name in names if name.startswith("toolkit/artifact/report/templates/")]
    assert {f"toolkit/{name}" for name in ours("toolkit")} <= names
    assert {f"toolkit/_share/{kind}/{name}" for kind in ("recipes", "apps") for name in ours(kind)} <= names
    assert not [
        name for name in names if "__pycache__" in name or name.endswith((".pyc", ".csv", ".safetensors"))
    ]


def test_the_command_works_away_from_the_checkout(installed: Path, tmp_path: Path):
    assert run(installed / "toolkit", "--version", cwd=tmp_path).startswith("transfer-toolkit ")
    listed = json.loads(run(installed / "toolkit", "list", "--json", cwd=tmp_path))
    assert "nlp/reviews" in {entry["name"] for entry in listed}
    assert all(f"{installed.parent}{os.sep}" in entry["path"] for entry in listed)
    assert "sample:minilm" in run(installed / "toolkit", "show", "nlp/reviews", cwd=tmp_path)


def test_the_apps_are_found(installed: Path, tmp_path: Path):
    code = "from toolkit.files import share; print(*share('apps').rglob('app.py'))"
    assert str(Path("nlp", "app.py")) in run(installed / "python", "-c", code, cwd=tmp_path)
