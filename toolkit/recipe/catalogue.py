"""The recipes there are: those that ship with the toolkit and the user's own."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolkit.errors import RecipeError, did_you_mean
from toolkit.files import share
from toolkit.recipe.parse import Document, parse_file

_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Entry:
    """One line of ``toolkit list``."""

    name: str
    path: Path
    task: str
    domain: str
    model: str
    data: str
    """What is learnt from: the source of the rows, or the environment."""
    offline: bool
    """Model and data are samples or local files: no Hub is asked."""
    summary: str
    measured: str
    """What the benchmark wrote into the header; empty when nothing was measured."""

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON data."""
        return {**asdict(self), "path": str(self.path)}


def folders() -> list[Path]:
    """Where recipes are looked for: $TOOLKIT_RECIPES or ./recipes, then the bundled folder."""
    own = Path(os.environ.get("TOOLKIT_RECIPES") or "recipes").expanduser()
    return list(dict.fromkeys(folder.resolve() for folder in (own, share("recipes"))))


def paths() -> dict[str, Path]:
    """Every recipe by name, sorted; a user's own comes before a bundled one of the same name."""
    found: dict[str, Path] = {}
    for folder in folders():
        for path in folder.rglob("*"):
            if path.suffix in _SUFFIXES and path.is_file():
                found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return dict(sorted(found.items()))


def entries() -> list[Entry]:
    """The catalogue; a file that is no recipe is listed with the reason as its summary."""
    return [_entry(name, path) for name, path in paths().items()]


def find(name: str | Path, also: Iterable[str] = ()) -> Path:
    """The file of a recipe given by name or by path.

    Args:
        name: ``nlp/reviews``, or the path of a YAML file.
        also: further names to offer in the error: the tasks, where a task is welcome too.

    Raises:
        RecipeError: there is no such recipe; the nearest name is offered.
    """
    path, known = Path(name).expanduser(), paths()
    if path.suffix in _SUFFIXES and path.is_file():
        return path
    bare = str(path.with_suffix("")) if path.suffix in _SUFFIXES else str(name)
    if bare in known:
        return known[bare]
    if path.is_dir():
        raise RecipeError(f"{name}: a folder, not a recipe; give a YAML file, or see: toolkit list")
    what = "no such recipe file" if path.suffix in _SUFFIXES else "unknown recipe"
    raise RecipeError(f"{what} '{name}'; {did_you_mean(bare, [*known, *also])}")


def recipe_name(path: Path) -> str:
    """The name of the recipe in ``path``: relative to the folder it was found in, else the file's stem."""
    resolved = path.resolve()
    for folder in folders():
        if resolved.is_relative_to(folder):
            return resolved.relative_to(folder).with_suffix("").as_posix()
    return path.stem


def header(text: str) -> tuple[str, str]:
    """Goal and measured result from a recipe's opening comment.

    The goal is the first paragraph; ``measured:`` runs to the next empty comment line or to the end.
    """
    comment = re.match(r"(?:#.*(?:\n|$))*", text)
    lines = [line.lstrip("#") for line in comment.group().splitlines()] if comment else []
    body, _, measured = "\n".join(lines).partition("measured:")
    # A goal may be followed by its command without an empty line.
    goal = re.split(r"\n\s{2,}toolkit ", body)[0]
    return _paragraph(goal), _paragraph(measured)


def _paragraph(text: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(re.split(r"\n\s*\n", text.strip("\n"))[0].split())


def _entry(name: str, path: Path) -> Entry:
    try:
        document = parse_file(path)
    except RecipeError as error:
        document, summary, measured = Document(str(path)), f"cannot be read: {error}", ""
    else:
        summary, measured = header(path.read_text(encoding="utf-8-sig"))
    model, data = _text(document, "model", "name"), _text(document, "data", "source")
    environment = _text(document, "options", "env")
    domain = name.partition("/")[0] if "/" in name else ""
    backbone = _text(document, "model", "backbone")
    sources = (model, *([backbone] if backbone else []), *([] if environment else [data]))
    offline, learnt_from = all(map(_is_local, sources)), data or environment
    return Entry(name, path, _text(document, "task"), domain, model, learnt_from, offline, summary, measured)


def _text(document: Document, *keys: str) -> str:
    value: Any = document.data
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, str) else ""


def _is_local(source: str) -> bool:
    return source.startswith(("sample:", "scratch:", "./", "../", "/", "~")) or (
        bool(source) and Path(source).exists()
    )
