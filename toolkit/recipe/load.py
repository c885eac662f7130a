"""From a recipe's name and overrides to a checked, frozen Recipe."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from toolkit.errors import Finding, RecipeError
from toolkit.recipe.catalogue import find, recipe_name
from toolkit.recipe.explain import explain, known_paths
from toolkit.recipe.override import apply_overrides, set_or_drop
from toolkit.recipe.parse import Document, parse_file
from toolkit.recipe.schema import Recipe, Section

OptionsFor = Callable[[str], type[Section]]


def load_recipe(
    name: str | Path,
    overrides: Sequence[str] = (),
    *,
    options_for: OptionsFor,
    base: Mapping[str, Any] | None = None,
    sections: Mapping[str, Mapping[str, Any]] | None = None,
) -> Recipe:
    """Find, read, change and check a recipe.

    Args:
        name: a bundled recipe, a YAML file, a name in the user's own folder; with ``base``, a task.
        overrides: ``key.sub=value``, applied in order.
        options_for: the class that checks a task's ``options``; raises RecipeError for an unknown task.
        base: the defaults of the task ``name``, nested like a recipe; then no file is read.
        sections: values that stand in for the recipe's own, before the overrides; None takes a key out.

    Raises:
        RecipeError: every problem of the file, the overrides and the options at once.
    """
    document = _open(name, base)
    for section, values in (sections or {}).items():
        for key, value in values.items():
            set_or_drop(document, (section, key), value, f"--{section}")
    problems = apply_overrides(document, overrides)
    _fill_sections(document.data)
    options_class, more = _options_class(document, options_for)
    known = [*known_paths(Recipe), *(known_paths(options_class, "options.") if options_class else ())]
    options, wrong_options = _check_options(document, options_class, known)
    recipe, wrong = _check_recipe(document, known)
    problems += [*more, *wrong, *wrong_options]
    if problems or recipe is None:
        raise RecipeError(problems)
    return recipe.model_copy(update={"options": options, "name": recipe.name or _name(name, base)})


def _open(name: str | Path, base: Mapping[str, Any] | None) -> Document:
    if base is None:
        return parse_file(find(name))
    return Document(str(name), {**copy.deepcopy(dict(base)), "task": str(name)})


def _name(name: str | Path, base: Mapping[str, Any] | None) -> str:
    return str(name) if base is not None else recipe_name(find(name))


def _fill_sections(data: dict[str, Any]) -> None:
    """Make absent sections empty, so that ``missing key 'data.source'`` is said, not ``missing 'data'``."""
    for section in ("model", "data", "train", "options"):
        if data.get(section) is None:
            data[section] = {}


def _options_class(document: Document, options_for: OptionsFor) -> tuple[type[Section] | None, list[Finding]]:
    task = document.data.get("task")
    if not isinstance(task, str):
        return None, []  # said by the check of the whole recipe
    try:
        return options_for(task), []
    except RecipeError as error:
        where = document.where(("task",))
        return None, [Finding("error", where, problem.message, problem.fix) for problem in error.problems]


def _check_options(
    document: Document, options_class: type[Section] | None, known: Sequence[str]
) -> tuple[dict[str, Any], list[Finding]]:
    given = document.data["options"]
    if options_class is None or not isinstance(given, dict):
        return {}, []
    try:
        # Strict, so that `true` is no number and '3' is text; as JSON, so that a list may still fill a tuple.
        checked = options_class.model_validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        return {}, explain(error, document, options_class, ("options",), known)
    return checked.model_dump(mode="json"), []


def _check_recipe(document: Document, known: Sequence[str]) -> tuple[Recipe | None, list[Finding]]:
    try:
        return Recipe.model_validate_json(json.dumps(document.data), strict=True), []
    except ValidationError as error:
        return None, explain(error, document, Recipe, (), known)
