"""What the README tells people to type is tried here."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from toolkit import cli as command
from toolkit.recipe.load import load_recipe
from toolkit.tasks import options_for

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHEAP = {"list", "show", "samples"}


def blocks(language: str) -> list[str]:
    """The README is text, fence, code, fence, text, …"""
    fenced = re.split(r"^```", README, flags=re.MULTILINE)[1::2]
    return [code for opening, _, code in (block.partition("\n") for block in fenced) if opening == language]


def commands(program: str) -> list[list[str]]:
    lines = (line for block in blocks("bash") for line in block.splitlines())
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith(f"{program} ")]


def test_every_verb_is_shown():
    shown = {arguments[0] for arguments in commands("toolkit")}
    assert shown == {
        info.name or info.callback.__name__ for info in command.app.registered_commands if info.callback
    }


@pytest.mark.parametrize("arguments", [a for a in commands("toolkit") if a[0] in CHEAP], ids=" ".join)
def test_cheap_commands_run(cli: Callable[..., Any], arguments: list[str]):
    outcome = cli(*arguments)
    assert outcome.code == 0, outcome.stderr
    assert outcome.stdout


@pytest.mark.parametrize("arguments", [a for a in commands("toolkit") if a[0] not in CHEAP], ids=" ".join)
def test_the_other_commands_are_understood(arguments: list[str], monkeypatch: pytest.MonkeyPatch):
    """They stop at the first thing that is not there, never at the way they are written."""
    monkeypatch.setattr("toolkit.run.train", _never)
    monkeypatch.setattr("toolkit.run.check", _never)
    result = CliRunner().invoke(command.app, arguments)
    assert not isinstance(result.exception, SystemExit), result.output


def _never(*_: Any, **__: Any) -> None:
    raise FileNotFoundError


def test_the_make_targets_exist():
    (wanted,) = {tuple(name for name, *_ in commands("make"))}
    assert wanted == ("quickstart", "test")
    for target in wanted:
        done = subprocess.run(
            ["make", "--dry-run", target], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_the_recipe_is_a_recipe(tmp_path: Path):
    (text,) = blocks("yaml")
    path = tmp_path / "films.yaml"
    path.write_text(text, encoding="utf-8")
    recipe = load_recipe(path, options_for=options_for)
    assert recipe.data.columns == {"text": "review", "label": "stars"}


def test_linked_files_exist():
    links = re.findall(r"\]\(([^):#]+)\)", README)
    assert len(links) >= 2
    assert not [link for link in links if not (ROOT / link).exists()]


def test_the_tree_names_what_is_there():
    tree = next(block for block in blocks("") if block.startswith("toolkit/\n"))
    named = re.findall(r"^  (\S+?)/? {2,}", tree, re.MULTILINE)
    there = {path.name for path in (ROOT / "toolkit").iterdir()} - {"__pycache__", "py.typed", "_share"}
    assert set(named) == {name for name in there if not name.startswith("__")}
    assert all((ROOT / name).is_dir() for name in re.findall(r"^(\w+)/", tree, re.MULTILINE))
