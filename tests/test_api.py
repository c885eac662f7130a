from __future__ import annotations

import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

import toolkit

ROOT = Path(__file__).parents[1]
HEAVY = {"accelerate", "datasets", "gradio", "numpy", "pydantic", "torch", "transformers", "typer"}


def test_the_public_names():
    assert toolkit.__all__ == ["Recipe", "check", "evaluate", "load", "train"]
    assert toolkit.__all__ == sorted(toolkit.__all__)
    assert set(toolkit.__all__) <= set(dir(toolkit))
    for name in toolkit.__all__:
        assert getattr(toolkit, name).__doc__, name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'toolkit' has no attribute 'trian'"):
        _ = toolkit.trian  # pyright: ignore[reportAttributeAccessIssue]


def test_the_version_is_the_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert toolkit.__version__ == project["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"[{toolkit.__version__}]" in changes or "[Unreleased]" in changes


def test_import_is_fast_and_free_of_the_heavy_libraries():
    code = "import sys, toolkit, toolkit.errors; print(*sys.modules)"
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
        )
        seconds.append(time.perf_counter() - started)
    assert not HEAVY & set(done.stdout.split())
    # With the interpreter's own start; typically a tenth of a second in all.
    assert min(seconds) < 0.3 + 0.2


def test_every_module_is_marked_as_typed():
    assert (ROOT / "toolkit" / "py.typed").is_file()
