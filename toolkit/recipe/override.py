"""``train.learning_rate=1e-4``: changes to a recipe from the command line or from Python."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from toolkit.errors import Finding, RecipeError
from toolkit.recipe.parse import Builder, Document, compose, plain_scalar

_YAML_STARTS = ("[", "{", '"', "'")


def apply_overrides(document: Document, overrides: Sequence[str]) -> list[Finding]:
    """Change ``document`` in place, in the order given; return what could not be applied.

    A key may reach into a section that is absent or null (``train.lora.r=4``), not into a value or a list.
    """
    problems: list[Finding] = []
    for text in overrides:
        try:
            _apply(document, text)
        except RecipeError as error:
            problems += error.problems
    return problems


def _apply(document: Document, text: str) -> None:
    where = f"override '{text}'"
    key, equals, value = text.partition("=")
    parts = key.strip().split(".")
    if not equals or not all(parts):
        raise RecipeError(
            Finding("error", where, "not an override", "write KEY=VALUE, such as train.epochs=1")
        )
    replace_value(document, parts, parse_value(value.strip(), where), where)


def replace_value(document: Document, place: Sequence[str], value: Any, where: str) -> None:
    """Put ``value`` at ``place``; errors in it will name ``where``.

    Raises:
        RecipeError: a single value or a list stands in the way.
    """
    parent = _section(document.data, place[:-1], where)
    parent[place[-1]] = value
    # Drop the lines of what was replaced, so that an error inside the new value names the override.
    for known in [known for known in document.places if known[: len(place)] == tuple(place)]:
        del document.places[known]
    document.places[tuple(place)] = where


def set_or_drop(document: Document, place: Sequence[str], value: Any, where: str) -> None:
    """Put ``value`` at ``place``, or take the key out when it is None; errors in it will name ``where``.

    Raises:
        RecipeError: a single value or a list stands in the way.
    """
    replace_value(document, place, value, where)
    if value is None:
        del _section(document.data, place[:-1], where)[place[-1]]


def parse_value(text: str, where: str) -> Any:
    """The value after ``=``: YAML when it opens a bracket or a quote, else one plain scalar.

    So ``data.source=my #1 file: new.csv`` is a file name; in YAML the ``#`` would start a comment.
    """
    if not text.startswith(_YAML_STARTS):
        return plain_scalar(text)
    builder = Builder(where)
    try:
        value = builder.build(node, ()) if (node := compose(text, where)) else None
    except RecipeError as error:
        raise RecipeError([replace(problem, where=where) for problem in error.problems]) from error
    if builder.problems:
        raise RecipeError([replace(problem, where=where) for problem in builder.problems])
    return value


def _section(data: dict[str, Any], parts: Sequence[str], where: str) -> dict[str, Any]:
    for depth, part in enumerate(parts, start=1):
        if data.get(part) is None:
            data[part] = {}
        inner = data[part]
        if not isinstance(inner, dict):
            raise RecipeError(_not_a_section(".".join(parts[:depth]), inner, where))
        data = inner
    return data


def _not_a_section(path: str, value: Any, where: str) -> Finding:
    if isinstance(value, list):
        return Finding("error", where, f"'{path}' is a list", f"give all of it: {path}=[…]")
    return Finding(
        "error", where, f"'{path}' is the single value {value!r}, not a section", f"set it: {path}=…"
    )
