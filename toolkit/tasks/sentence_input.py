"""A sentence and those to compare it with, as input: checked, and made from words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from toolkit.errors import DataError, Finding


def check_sentences(value: Any, where: str) -> tuple[str, list[str]] | list[Finding]:
    """The source sentence and those to compare with it, or what is wrong with them."""
    fix = 'give {"source_sentence": "…", "sentences": ["…", "…"]}'
    if not isinstance(value, Mapping):
        return [Finding("error", where, f"not a sentence with others to compare: {value!r}", fix)]
    given = cast(Mapping[str, Any], value)
    source, others = given.get("source_sentence"), given.get("sentences")
    wrong: list[Finding] = []
    if not _is_text(source):
        wrong.append(Finding("error", where, f"the source sentence is {source!r}, not a text", fix))
    if not isinstance(others, list | tuple) or not others:
        wrong.append(Finding("error", where, "there are no sentences to compare with", fix))
        return wrong
    sentences = cast(Sequence[Any], others)
    wrong += [
        Finding("error", where, f"sentence {number} is {sentence!r}, not a text", fix)
        for number, sentence in enumerate(sentences, 1)
        if not _is_text(sentence)
    ]
    return wrong or (str(source), [str(sentence) for sentence in sentences])


def require_sentences(value: Any) -> dict[str, Any]:
    """An input that can be predicted.

    Raises:
        DataError: it cannot.
    """
    found = check_sentences(value, "input")
    if isinstance(found, list):
        raise DataError(found)
    return {"source_sentence": found[0], "sentences": found[1]}


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def compared(words: Sequence[str]) -> dict[str, Any]:
    """The input that some words make: the first is compared with the others.

    Raises:
        DataError: there are not two of them, or one is empty.
    """
    if len(words) < 2:
        fix = "give a sentence and, after it, those to compare it with"
        raise DataError(Finding("error", "input", "one sentence has nothing to be compared with", fix))
    return require_sentences({"source_sentence": words[0], "sentences": list(words[1:])})


def as_words(value: Any) -> list[str]:
    """The words of the command line that stand for an input: those :func:`compared` takes, or itself, or its JSON."""
    if isinstance(value, Mapping) and "source_sentence" in value:
        given = cast(Mapping[str, Any], value)
        return [given["source_sentence"], *given["sentences"]]
    return [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)]
