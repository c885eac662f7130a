"""Pydantic's validation errors in the project's voice: the place, the value, what is allowed."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator, Sequence
from typing import Any, cast

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from toolkit.errors import Finding, did_you_mean
from toolkit.recipe.parse import Document, Place
from toolkit.recipe.schema import Section

_ALLOWED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a section of keys and values",
    "model_type": "a section of keys and values",
    "greater_than": "more than {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "less than {lt}",
    "less_than_equal": "{le} or less",
    "literal_error": "{expected}",
}


def explain(
    error: ValidationError,
    document: Document,
    section: type[Section],
    at: Place = (),
    known: Sequence[str] = (),
) -> list[Finding]:
    """One finding for each value that is wrong, in the order of the schema.

    Args:
        error: what pydantic found.
        document: the data that was validated, and where each value was written.
        section: the class that validated it.
        at: where in the document that class applies: ``("options",)`` for a task's Options.
        known: dotted paths of every key of the recipe, to point at a key that stands in the wrong section.
    """
    grouped: dict[Place, list[ErrorDetails]] = {}
    for details in error.errors(include_url=False):
        grouped.setdefault(_place(details, document.data, at), []).append(details)
    return [_finding(place, group, document, section, (at, known)) for place, group in grouped.items()]


def known_paths(section: type[Section], prefix: str = "") -> Iterator[str]:
    """Dotted paths of all keys of ``section`` and of the sections in it."""
    for name, annotation in _hints(section).items():
        yield f"{prefix}{name}"
        if inner := _section_in(annotation):
            yield from known_paths(inner, f"{prefix}{name}.")


def _place(details: ErrorDetails, data: Any, at: Place) -> Place:
    """The error's location in the data: pydantic's, without the names of union members it puts in between."""
    place: Place = ()
    steps = (*at, *details["loc"])
    for number, step in enumerate(steps):
        last = number == len(steps) - 1
        inside = (
            step in data if isinstance(data, dict) else isinstance(data, list) and step in range(len(data))
        )
        if inside:
            place, data = (*place, step), cast(Any, data)[step]
        elif last and details["type"] == "missing":
            place = (*place, step)
    return place


def _finding(
    place: Place,
    group: list[ErrorDetails],
    document: Document,
    section: type[Section],
    context: tuple[Place, Sequence[str]],
) -> Finding:
    at, known = context
    where, path, details = document.where(place), ".".join(map(str, place)), group[0]
    if details["type"] == "extra_forbidden":
        siblings = _fields_at(section, place[len(at) : -1])
        return Finding(
            "error", where, f"unknown key '{path}'", _nearest(str(place[-1]), path, siblings, known)
        )
    if details["loc"][-1] == "[key]":
        allowed = details.get("ctx", {}).get("expected", "another name")
        return Finding("error", where, f"unknown key '{path}'", f"it must be {allowed}")
    if details["type"] == "missing":
        return Finding("error", where, f"missing key '{path}'", _purpose(section, place[len(at) :]))
    return _wrong_value(where, path, group)


def _wrong_value(where: str, path: str, group: list[ErrorDetails]) -> Finding:
    value = group[0]["input"]
    message = f"'{path}' is {_shown(value)}"
    own = [
        str(details.get("ctx", {}).get("error", "")) for details in group if details["type"] == "value_error"
    ]
    if own:
        return Finding("error", where, message, "; ".join(own))
    allowed = list(dict.fromkeys(_allowed(details) for details in group))
    quotes = ": put quotes around it" if allowed == ["text"] and isinstance(value, int | float) else ""
    return Finding("error", where, message, f"it must be {' or '.join(allowed)}{quotes}")


def _allowed(details: ErrorDetails) -> str:
    template = _ALLOWED.get(details["type"])
    if template:
        bounds = details.get("ctx", {}).items()
        whole = {name: int(x) if isinstance(x, float) and x.is_integer() else x for name, x in bounds}
        return template.format(**whole)
    return details["msg"].removeprefix("Input should be ").removeprefix("Value should be ")


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 80 else f"{text[:77]}…"


def _nearest(key: str, path: str, siblings: Sequence[str], known: Sequence[str]) -> str:
    elsewhere = [other for other in known if other.rpartition(".")[2] == key and other != path]
    return f"did you mean '{elsewhere[0]}'?" if elsewhere else did_you_mean(key, siblings)


def _purpose(section: type[Section], place: Place) -> str:
    """What a missing key is for, from its docstring in the schema."""
    owner = _section_at(section, place[:-1])
    field = owner.model_fields.get(str(place[-1])) if owner else None
    text = (field.description or "") if field else ""
    return text.replace("``", "'").partition("\n")[0].rstrip(".")


def _fields_at(section: type[Section], place: Place) -> list[str]:
    owner = _section_at(section, place)
    return [name for name, field in owner.model_fields.items() if not field.exclude] if owner else []


def _section_at(section: type[Section], place: Place) -> type[Section] | None:
    found: type[Section] | None = section
    for step in place:
        found = _section_in(_hints(found).get(str(step))) if found else None
    return found


def _hints(section: type[Section]) -> dict[str, Any]:
    return {name: field.annotation for name, field in section.model_fields.items() if not field.exclude}


def _section_in(annotation: Any) -> type[Section] | None:
    """The section class that an annotation such as ``LoraSection | None`` allows."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    inner = (_section_in(argument) for argument in typing.get_args(annotation))
    return next((section for section in inner if section), None)
