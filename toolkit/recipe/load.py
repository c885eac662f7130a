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
from toolkit.recipe.schema import NO_DATA, DataSection, Recipe, Section, TaskOptions

OptionsFor = Callable[[str], type[TaskOptions]]


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
    options_class, more = _options_class(document, options_for)
    unused = options_class.unused if options_class else {}
    _fill_sections(document.data, unused)
    known = [*known_paths(Recipe), *(known_paths(options_class, "options.") if options_class else ())]
    options, wrong_options = _check_options(document, options_class, known)
    recipe, wrong = _check_recipe(document, known)
    problems += [*more, *wrong, *wrong_options]
    if recipe is not None:
        given = _not_from_defaults(document, unused) if base is not None else unused
        problems += [*_without_effect(document, recipe, given), *_missing_data(document, recipe, unused)]
    if problems or recipe is None:
        raise RecipeError(problems)
    return recipe.model_copy(update={"options": options, "name": recipe.name or _name(name, base)})


def _open(name: str | Path, base: Mapping[str, Any] | None) -> Document:
    if base is None:
        return parse_file(find(name))
    return Document(str(name), {**copy.deepcopy(dict(base)), "task": str(name)})


def _name(name: str | Path, base: Mapping[str, Any] | None) -> str:
    return str(name) if base is not None else recipe_name(find(name))


def _fill_sections(data: dict[str, Any], unused: Mapping[str, str]) -> None:
    """Make absent sections empty, so that ``missing key 'data.source'`` is said, not ``missing 'data'``."""
    for section in ("model", "data", "train", "options"):
        if data.get(section) is None:
            data[section] = {}
            if section in unused:
                del data[section]


def _not_from_defaults(document: Document, unused: Mapping[str, str]) -> dict[str, str]:
    """Without the keys that only a task's defaults set, which are for all of its options at once."""
    return {
        path: fix for path, fix in unused.items() if document.where(tuple(path.split("."))) != document.origin
    }


def _without_effect(document: Document, recipe: Recipe, unused: Mapping[str, str]) -> list[Finding]:
    """Values that the task would silently leave alone; one that is the default does no harm."""
    findings: list[Finding] = []
    for path, fix in unused.items():
        place = tuple(path.split("."))
        value, default = _at(recipe, place)
        if value != default:
            message = f"'{path}' has no effect on {recipe.task}"
            findings.append(Finding("error", document.where(place), message, fix))
    return findings


def _at(recipe: Recipe, place: tuple[str, ...]) -> tuple[Any, Any]:
    """The value of a section or of a key in one, and its default."""
    section = getattr(recipe, place[0])
    if len(place) == 1:
        return section, NO_DATA
    return getattr(section, place[1]), type(section).model_fields[place[1]].get_default(
        call_default_factory=True
    )


def _missing_data(document: Document, recipe: Recipe, unused: Mapping[str, str]) -> list[Finding]:
    """A Recipe made in Python may have come without rows."""
    if "data" in unused or recipe.data.source:
        return []
    purpose = (DataSection.model_fields["source"].description or "").replace("``", "'").rstrip(".")
    return [Finding("error", document.where(("data", "source")), "missing key 'data.source'", purpose)]


def _options_class(
    document: Document, options_for: OptionsFor
) -> tuple[type[TaskOptions] | None, list[Finding]]:
    task, given = document.data.get("task"), document.data.get("options")
    if not isinstance(task, str):
        return None, []  # said by the check of the whole recipe
    try:
        return options_for(task).chosen(given if isinstance(given, dict) else {}), []
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
