"""Checks of what a configuration may hold: each yields what is wrong, and what would be right."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def refuse(kind: str, *problems: Iterable[str]) -> None:
    """Do nothing when there are no problems.

    Raises:
        ValueError: names all of them, and the configuration's class ``kind``.
    """
    found = [problem for group in problems for problem in group]
    if found:
        raise ValueError(f"{kind}: {'; '.join(found)}")


def one_of(name: str, value: object, known: Iterable[str]) -> Iterator[str]:
    """``value`` is one of the words ``known``."""
    words = list(known)
    if value not in words:
        yield f"{name} is {value!r}, choose from {', '.join(words)}"


def count(name: str, value: object) -> Iterator[str]:
    """``value`` is a whole number above 0."""
    if not _is_count(value):
        yield f"{name} is {value!r}, give a whole number above 0"


def odd(name: str, value: object) -> Iterator[str]:
    """``value`` is an odd whole number above 0, so that a kernel has a middle."""
    if not isinstance(value, int) or not _is_count(value) or value % 2 == 0:
        yield f"{name} is {value!r}, give an odd whole number above 0"


def counts(name: str, value: object, length: int | None = None) -> Iterator[str]:
    """``value`` is a list of whole numbers above 0, of ``length`` if given, never empty."""
    wanted = f"a list of {length or 'one or more'} whole numbers above 0"
    if not isinstance(value, list | tuple) or not all(map(_is_count, value)):
        yield f"{name} is {value!r}, give {wanted}"
    elif not value or (length and len(value) != length):
        yield f"{name} has {len(value)} entries, give {wanted}"


def count_or_counts(name: str, value: object, others: object) -> Iterator[str]:
    """``value`` is a whole number above 0, or a list of them, as many as ``others`` has entries."""
    if isinstance(value, list | tuple):
        yield from counts(name, value, len(others) if isinstance(others, list | tuple) else None)
    else:
        yield from count(name, value)


def share(name: str, value: object) -> Iterator[str]:
    """``value`` is a number from 0 up to, and not including, 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        yield f"{name} is {value!r}, give a number from 0 to below 1"


def flag(name: str, value: object) -> Iterator[str]:
    """``value`` is true or false."""
    if not isinstance(value, bool):
        yield f"{name} is {value!r}, give true or false"


def per_stage(value: int | Sequence[int], stages: int) -> list[int]:
    """One number for each stage: the given ones, or the same for all."""
    return [value] * stages if isinstance(value, int) else list(value)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
