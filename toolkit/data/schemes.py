"""Schemes of tags that mark entities: B-, I- and O, and their kin with a mark for the end."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from toolkit.data.roles import Scheme

OUTSIDE = "O"
PREFIXES: dict[Scheme, str] = {"IOB2": "BI", "IOBES": "BIES", "BILOU": "BILU"}
"""What tags of a scheme begin with: begin, inside, end (or last), single (or unit)."""
_MARKED = re.compile(r"([BIESLU])-(.+)", re.DOTALL)
_GOES_ON, _ENDS = frozenset("IEL"), frozenset("ESLU")


class Span(NamedTuple):
    """An entity: its type, its first word, and the word after its last one, counted from 0."""

    kind: str
    start: int
    end: int


def scheme_of(tags: Collection[str]) -> Scheme:
    """The scheme whose tags these are; ``plain`` where they mark no entities."""
    marked = {tag for tag in tags if tag != OUTSIDE}
    found = [_MARKED.fullmatch(tag) for tag in marked]
    if not marked or not all(found):
        return "plain"
    used = {match[1] for match in found if match}
    fitting: list[Scheme] = [scheme for scheme, letters in PREFIXES.items() if used <= set(letters)]
    return fitting[0] if fitting else "plain"


def belongs(tag: str, scheme: Scheme) -> bool:
    """Whether a scheme has such a tag."""
    match = _MARKED.fullmatch(tag)
    return scheme == "plain" or tag == OUTSIDE or (match is not None and match[1] in PREFIXES[scheme])


def spans(tags: Sequence[str]) -> list[Span]:
    """The entities of a sentence, read leniently: one may begin with I-, as transformers' pipeline has it."""
    return list(_spans(tags))


def _spans(tags: Sequence[str]) -> Iterator[Span]:
    kind, start, closed = "", 0, True
    for at, tag in enumerate([*tags, OUTSIDE]):
        prefix, _, name = tag.partition("-")
        if not closed and prefix in _GOES_ON and name == kind:
            closed = prefix in _ENDS
            if closed:
                yield Span(kind, start, at + 1)
            continue
        if not closed:
            yield Span(kind, start, at)
        kind, start, closed = name, at, tag == OUTSIDE
        if prefix in _ENDS and not closed:
            closed = True
            yield Span(kind, start, at + 1)


def written(found: Sequence[Span], words: int, scheme: Scheme) -> list[str]:
    """The tags of a sentence of so many words that mark these entities in a scheme."""
    begin, inside, *rest = PREFIXES[scheme]
    end, single = rest or (inside, begin)
    tags = [OUTSIDE] * words
    for kind, start, stop in found:
        letters = single if stop - start == 1 else f"{begin}{inside * (stop - start - 2)}{end}"
        tags[start:stop] = [f"{letter}-{kind}" for letter in letters]
    return tags
