"""YAML 1.2 to plain Python data, every value with the line it was written on.

ruamel.yaml composes the tree; the values are built here by the core schema of YAML 1.2, so that ``no`` stays
text, ``5e-4`` is a number, and nothing but text, numbers, booleans, nulls, lists and mappings comes out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from toolkit.errors import Finding, RecipeError

Place = tuple[str | int, ...]
"""Keys and list positions from the top of a recipe down to one value."""

_WORDS = {"null": None, "~": None, "": None, "true": True, "false": False}
_SPELLINGS = {
    spelling: value for word, value in _WORDS.items() for spelling in (word, word.title(), word.upper())
}
_NUMBERS: list[tuple[str, Any]] = [
    (r"[-+]?[0-9]+", int),
    (r"0o[0-7]+", lambda text: int(text[2:], 8)),
    (r"0x[0-9a-fA-F]+", lambda text: int(text[2:], 16)),
    (r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", float),
    (r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", lambda text: float(text.replace(".", ""))),
]


@dataclass
class Document:
    """A recipe's values before they are checked, and where each was written."""

    origin: str
    """What to name in an error that belongs to no line: the file, or the task whose defaults these are."""
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    places: dict[Place, str] = field(default_factory=dict[Place, str])

    def where(self, place: Place) -> str:
        """Where the value at ``place``, or the nearest one around it, was written."""
        for length in range(len(place), 0, -1):
            if found := self.places.get(place[:length]):
                return found
        return self.origin


def plain_scalar(text: str) -> Any:
    """The value of an unquoted scalar by the core schema of YAML 1.2 (section 10.3.2)."""
    if text in _SPELLINGS:
        return _SPELLINGS[text]
    for pattern, convert in _NUMBERS:
        if re.fullmatch(pattern, text):
            return convert(text)
    return text


def parse_file(path: Path) -> Document:
    """Read a recipe file.

    Raises:
        RecipeError: not readable, not YAML, empty, not a mapping, duplicate keys; all problems at once.
    """
    shown = show_path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise RecipeError(f"{shown}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from error
    except OSError as error:
        raise RecipeError(f"{shown}: cannot be read: {error.strerror}") from error
    return parse(text, shown)


def parse(text: str, origin: str) -> Document:
    """Parse the text of a recipe; ``origin`` names it in errors. Raises as :func:`parse_file` does."""
    node = compose(text, origin)
    if node is None:
        raise RecipeError(
            Finding("error", origin, "is empty", "a recipe needs at least task, model and data")
        )
    if not isinstance(node, MappingNode):
        raise RecipeError(
            f"{origin}:1: a recipe is a mapping (task: …, model: …, data: …), not {_kind(node)}"
        )
    builder = Builder(origin)
    data = builder.build(node, ())
    if builder.problems:
        raise RecipeError(builder.problems)
    return Document(origin, data, builder.places)


def compose(text: str, origin: str) -> Node | None:
    """The node tree of one YAML document, or nothing when it is empty."""
    try:
        return YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        raise RecipeError(_broken(error, text, origin)) from error
    except YAMLError as error:
        raise RecipeError(f"{origin}: not YAML: {str(error).splitlines()[0]}") from error


class Builder:
    """Turns nodes into values; collects the places of all and the problems of some."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.places: dict[Place, str] = {}
        self.problems: list[Finding] = []
        self._seen: set[int] = set()

    def build(self, node: Node, place: Place) -> Any:
        """The value of ``node``, which stands at ``place``."""
        if id(node) in self._seen:
            # An alias hands out the node it names again: a loop, or exponential growth, in two lines.
            self._problem(node, f"alias of '{node.anchor}'", "recipes have none; write the value out")
            return None
        self._seen.add(id(node))
        if not node.tag.startswith("tag:yaml.org,2002:") or ":python/" in node.tag:
            self._problem(node, f"tag '{node.tag}'", "recipes are plain data; remove it")
        if isinstance(node, MappingNode):
            return self._mapping(node, place)
        if isinstance(node, SequenceNode):
            return [self._child(item, (*place, number)) for number, item in enumerate(node.value)]
        if isinstance(node, ScalarNode) and (node.style or node.tag.endswith(":str")):
            return node.value
        return plain_scalar(node.value)

    def _child(self, node: Node, place: Place) -> Any:
        self.places[place] = self._line(node)
        return self.build(node, place)

    def _mapping(self, node: MappingNode, place: Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        first: dict[str, int] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                self._problem(key, f"{_kind(key)} as a key", "a key is one word")
            elif key.value in values:
                path = ".".join(map(str, (*place, key.value)))
                self._problem(key, f"duplicate key '{path}', first on line {first[key.value]}", "remove one")
            else:
                first[key.value] = key.start_mark.line + 1
                self.places[(*place, key.value)] = self._line(key)
                values[key.value] = self.build(value, (*place, key.value))
        return values

    def _line(self, node: Node) -> str:
        return f"{self.origin}:{node.start_mark.line + 1}"

    def _problem(self, node: Node, message: str, fix: str) -> None:
        self.problems.append(Finding("error", self._line(node), message, fix))


def show_path(path: Path) -> str:
    """``path`` as a user would type it: relative when it lies below the current folder."""
    resolved = path.expanduser().resolve()
    here = Path.cwd()
    return str(resolved.relative_to(here)) if resolved.is_relative_to(here) else str(path)


def _kind(node: Node) -> str:
    if isinstance(node, MappingNode):
        return "a mapping"
    return "a list" if isinstance(node, SequenceNode) else "a single value"


def _broken(error: MarkedYAMLError, text: str, origin: str) -> Finding:
    """The parser's message in our words: it names the token it met, we name the line and what to do."""
    mark = error.problem_mark or error.context_mark
    line = mark.line if mark else 0
    lines = text.splitlines() or [""]
    written = lines[min(line, len(lines) - 1)]
    where = f"{origin}:{min(line, len(lines) - 1) + 1}"
    problem = error.problem or "not YAML"
    if "\t" in written[: len(written) - len(written.lstrip())]:
        return Finding("error", where, "indented with a tab", "YAML indents with spaces")
    if "mapping values are not allowed" in problem:
        return Finding("error", where, f"a second ': ' in {written.strip()!r}", "put quotes around the value")
    if "another document" in problem:
        return Finding("error", where, "a second document ('---')", "one recipe per file")
    context = f" {error.context}" if error.context else ""
    return Finding("error", where, f"not YAML: {problem}{context}", "check brackets, quotes and indentation")
