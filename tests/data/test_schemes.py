"""Tags that mark entities: which scheme they are of, what they mark, and how they are put in order."""

from __future__ import annotations

import pytest

from toolkit.data.schemes import Span, belongs, scheme_of, spans, written


@pytest.mark.parametrize(
    ("tags", "scheme"),
    [
        (["O", "B-PER", "I-PER"], "IOB2"),
        (["O", "I-PER"], "IOB2"),
        (["O", "B-PER", "S-LOC"], "IOBES"),
        (["B-PER", "L-PER", "U-LOC"], "BILOU"),
        (["NOUN", "VERB"], "plain"),
        (["O", "PER"], "plain"),
        (["O"], "plain"),
        ([], "plain"),
        (["B-PER", "S-PER", "U-PER"], "plain"),
    ],
)
def test_the_scheme_follows_from_the_tags(tags: list[str], scheme: str):
    assert scheme_of(tags) == scheme


@pytest.mark.parametrize(
    ("tags", "found"),
    [
        ("B-PER I-PER O B-LOC", [("PER", 0, 2), ("LOC", 3, 4)]),
        ("B-PER B-PER", [("PER", 0, 1), ("PER", 1, 2)]),
        ("O I-PER I-PER", [("PER", 1, 3)]),
        ("B-PER I-LOC", [("PER", 0, 1), ("LOC", 1, 2)]),
        ("S-PER I-PER E-PER S-PER", [("PER", 0, 1), ("PER", 1, 3), ("PER", 3, 4)]),
        ("B-first-aid I-first-aid", [("first-aid", 0, 2)]),
        ("O O", []),
    ],
)
def test_entities_are_read_leniently(tags: str, found: list[tuple[str, int, int]]):
    assert spans(tags.split()) == [Span(*one) for one in found]


@pytest.mark.parametrize(
    ("scheme", "given", "right"),
    [
        ("IOB2", "I-PER I-PER O", "B-PER I-PER O"),
        ("IOB2", "B-PER I-LOC I-LOC", "B-PER B-LOC I-LOC"),
        ("IOB2", "I-PER B-PER I-PER", "B-PER B-PER I-PER"),
        ("IOBES", "B-PER I-PER O B-LOC", "B-PER E-PER O S-LOC"),
        ("IOBES", "O E-PER", "O S-PER"),
        ("BILOU", "B-PER I-PER I-PER U-LOC", "B-PER I-PER L-PER U-LOC"),
    ],
)
def test_tags_are_put_in_the_order_of_their_scheme(scheme, given: str, right: str):
    assert written(spans(given.split()), len(given.split()), scheme) == right.split()
    assert written(spans(right.split()), len(right.split()), scheme) == right.split()


def test_a_scheme_knows_its_own_tags():
    assert belongs("B-PER", "IOB2")
    assert belongs("O", "IOB2")
    assert not belongs("S-PER", "IOB2")
    assert not belongs("NOUN", "IOBES")
    assert belongs("NOUN", "plain")
