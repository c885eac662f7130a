"""Which column plays which role: what the recipe says, or a guess that is always stated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import ClassLabel, Image, List, Value

from toolkit.data.answers import holds_answers
from toolkit.data.boxes import holds_boxes
from toolkit.data.compute import compute as pc
from toolkit.data.roles import Kind, Role
from toolkit.data.table import Table
from toolkit.data.tags import holds_tags, holds_words
from toolkit.errors import DataError, Finding, did_you_mean

Columns = dict[str, str | list[str]]
"""Role to the source column, or columns, that play it."""
NOUNS: dict[Kind, str] = {
    "text": "text",
    "messages": "conversations",
    "target": "text",
    "words": "lists of words",
    "answers": "answers",
    "start": "places of answers",
    "image": "pictures",
    "mask": "masks",
    "boxes": "objects with boxes",
    "tags": "lists of tags",
}
"""What a column of each kind holds, in the words of an error."""
PICTURED: tuple[Kind, ...] = ("image", "mask")
"""Kinds whose cells are pictures, or paths of pictures."""
LISTED: dict[Kind, Callable[[Any], bool]] = {
    "answers": holds_answers,
    "boxes": holds_boxes,
    "words": holds_words,
    "tags": holds_tags,
}
"""Kinds whose cells are lists of something: by what their columns are known."""


def map_columns(
    table: Table, roles: Sequence[Role], given: Mapping[str, str | list[str]], group: str | None = None
) -> tuple[Columns, list[Finding]]:
    """Find the column of every role; guesses are notes.

    Raises:
        DataError: a named column or role does not exist, or a needed one cannot be guessed.
    """
    wrong = _wrong_names(table, roles, given, group)
    if wrong:
        raise DataError(wrong)
    columns = _guessed(table, roles, given, group)
    missing = [role for role in roles if not (role.name in columns or role.optional or role.form)]
    if missing:
        raise DataError([_no_column(table, role) for role in missing])
    if any(role.form for role in roles):
        columns = _in_one_form(table, roles, columns, given)
    notes = [_guess(name, value) for name, value in columns.items() if name not in given]
    return columns, notes + _kinds(table, roles, columns)


def _guessed(
    table: Table, roles: Sequence[Role], given: Mapping[str, str | list[str]], group: str | None
) -> Columns:
    """The columns that are given, and for the other roles those with a likely name; what is left, by content."""
    columns: Columns = dict(given)
    for by_name in (True, False):
        for role in roles:
            if role.name in columns or (role.form and not by_name) or _left_out(role, roles, given):
                continue
            taken = _taken(role, roles, columns) | ({group} if group else set[str]())
            free = [name for name in table.columns if name not in taken]
            guess = _by_name(role, free) if by_name else _by_content(role, table, free)
            if guess:
                columns[role.name] = guess
    order = {role.name: number for number, role in enumerate(roles)}
    return dict(sorted(columns.items(), key=lambda item: (item[0] not in given, order[item[0]])))


def _left_out(role: Role, roles: Sequence[Role], given: Mapping[str, Any]) -> bool:
    """Whether an optional role is not wanted: whoever names columns of its form names all of them."""
    return bool(role.form) and role.optional and any(r.form == role.form and r.name in given for r in roles)


def _taken(role: Role, roles: Sequence[Role], columns: Columns) -> set[str]:
    """Columns that other roles have; those of another form stand for another reading of the same row."""
    other = {r.name for r in roles if r.form and role.form and r.form != role.form}
    return {name for key, value in columns.items() if key not in other for name in names_in(value)}


def _guess(role: str, name: object) -> Finding:
    fix = f"if that is wrong set data.columns.{role}=NAME"
    return Finding("note", "data.columns", f"{role} is taken from column '{name}'", fix)


def _in_one_form(
    table: Table, roles: Sequence[Role], columns: Columns, given: Mapping[str, str | list[str]]
) -> Columns:
    """The columns of the form that the recipe names, or of the first that is there.

    Raises:
        DataError: no form has all its columns.
    """
    forms: dict[str, list[Role]] = {}
    for role in roles:
        if role.form:
            forms.setdefault(role.form, []).append(role)
    named = [form for form, parts in forms.items() if any(role.name in given for role in parts)]
    for form in named[:1] or forms:
        if all(role.name in columns for role in forms[form] if not role.optional):
            others = {role.name for role in roles if role.form and role.form != form}
            return {name: value for name, value in columns.items() if name not in others}
    for parts in forms.values():  # texts may be called anything
        guess = _by_content(parts[0], table, table.columns) if len(parts) == 1 and not named else None
        if guess:
            others = {role.name for role in roles if role.form} - {parts[0].name}
            kept = {name: value for name, value in columns.items() if name not in others}
            return {**kept, parts[0].name: guess}
    ways = " or ".join(
        " and ".join(role.name for role in forms[form] if not role.optional) for form in named[:1] or forms
    )
    message = f"no column for {ways} (there are {', '.join(table.columns)})"
    fix = f"name them: data.columns.{next(iter(forms.values()))[0].name}={table.columns[0]}"
    raise DataError(Finding("error", table.parts[0].name, message, fix))


def names_in(value: str | list[str]) -> list[str]:
    """The columns of a role, one or several."""
    return [value] if isinstance(value, str) else value


def _wrong_names(
    table: Table, roles: Sequence[Role], given: Mapping[str, str | list[str]], group: str | None
) -> list[Finding]:
    known = [role.name for role in roles]
    found = [
        Finding("error", f"data.columns.{name}", f"there is no role '{name}'", did_you_mean(name, known))
        for name in given
        if name not in known
    ]
    asked = [(f"data.columns.{role}", name) for role, value in given.items() for name in names_in(value)]
    asked += [("data.group", group)] if group else []
    place = table.parts[0].name
    for where, name in asked:
        if name not in table.columns:
            message = f"{place} has no column '{name}' (it has {', '.join(table.columns)})"
            found.append(Finding("error", where, message, did_you_mean(name, table.columns)))
    for role in roles:
        if role.kind != "label" and isinstance(given.get(role.name), list):
            message = f"{role.name} is one column, not a list"
            found.append(Finding("error", f"data.columns.{role.name}", message, "name one column"))
    return found + _taken_twice(table, given)


def _taken_twice(table: Table, given: Mapping[str, str | list[str]]) -> list[Finding]:
    """An error for each role that is given the column of another one."""
    found: list[Finding] = []
    first: dict[str, str] = {}
    for role, value in given.items():
        for name in names_in(value):
            other = first.setdefault(name, role)
            if other != role:
                fix = f"choose from {', '.join(column for column in table.columns if column != name)}"
                message = f"column '{name}' is already {other}"
                found.append(Finding("error", f"data.columns.{role}", message, fix))
    return found


def _by_name(role: Role, free: Sequence[str]) -> str | None:
    lower = {name.lower(): name for name in reversed(free)}
    return next((lower[guess] for guess in role.guesses if guess in lower), None)


def _by_content(role: Role, table: Table, free: Sequence[str]) -> str | None:
    """A text is the column of the longest texts, a picture or a list the first; a label or target what is left."""
    if role.optional or not role.by_content:
        return None
    if role.kind in LISTED:
        return next((name for name in free if LISTED[role.kind](table.dataset.features[name])), None)
    if role.is_label:
        return free[0] if len(free) == 1 else None
    if role.kind in PICTURED:
        return next((name for name in free if isinstance(table.dataset.features[name], Image)), None)
    texts = [name for name in free if _is_text(table.dataset.features[name])]
    if role.kind == "target":
        return texts[0] if len(texts) == 1 else None
    lengths = {name: _mean_length(table, name) for name in texts}
    best = max(texts, key=lengths.__getitem__, default=None)
    # Short cells are names, numbers and classes: such a column is not taken for the text unless nothing else is there.
    return best if best and (len(texts) == 1 or lengths[best] >= 8) else None


def _is_text(feature: Any) -> bool:
    return isinstance(feature, Value) and feature.dtype in {"string", "large_string", "string_view"}


def _mean_length(table: Table, name: str) -> float:
    head: pa.Table = next(
        table.batches(np.arange(min(len(table.dataset), 1000)), [name]), pa.table({name: [""]})
    )
    return float(pc.mean(pc.utf8_length(head[name])).as_py() or 0)


def _no_column(table: Table, role: Role) -> Finding:
    message = f"no column for '{role.name}' (there are {', '.join(table.columns)})"
    if table.columns == ["text"] and role.is_label:
        fix = "a txt file has no labels: use csv, jsonl, or a folder with one sub-folder of .txt files for each class"
    else:
        fix = (
            f"name it: data.columns.{role.name}={table.columns[-1]} (the first line of a csv file names them)"
        )
    return Finding("error", table.parts[0].name, message, fix)


def _kinds(table: Table, roles: Sequence[Role], columns: Columns) -> list[Finding]:
    """An error for each role of texts or pictures whose column holds something else."""
    found: list[Finding] = []
    for role in roles:
        name = columns.get(role.name)
        if role.is_label or not isinstance(name, str) or _suits(role, table, name):
            continue
        usable = [column for column in table.columns if _suits(role, table, column)]
        what = NOUNS[role.kind]
        fix = f"choose from {', '.join(usable)}" if usable else f"give a source with a column of {what}"
        message = f"column '{name}' of {table.parts[0].name} holds {_content(table, name)}, not {what}"
        found.append(Finding("error", f"data.columns.{role.name}", message, fix))
    return found


def _suits(role: Role, table: Table, name: str) -> bool:
    """Whether a column can hold what the role asks for; a text may be the path of a picture, or a list written out."""
    feature = table.dataset.features[name]
    if role.kind == "answers":
        return holds_answers(feature) or isinstance(feature, List) or _is_text(feature)
    if role.kind in LISTED:
        return LISTED[role.kind](feature) or _is_text(getattr(feature, "feature", feature))
    if role.kind == "messages":
        return isinstance(feature, List) or _is_text(feature)
    if role.kind == "start":
        return isinstance(feature, Value | List)
    return _is_text(feature) or (role.kind in PICTURED and isinstance(feature, Image))


def _content(table: Table, name: str) -> str:
    feature: Any = table.dataset.features[name]
    names = {ClassLabel: "class numbers", Image: "pictures"}
    return names.get(type(feature)) or getattr(feature, "dtype", type(feature).__name__)
