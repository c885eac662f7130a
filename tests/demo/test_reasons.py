from __future__ import annotations

from typing import Any

import pytest
from PIL import Image

from toolkit.demo import reasons
from toolkit.tasks.protocol import Attribution


def seen(updates: tuple[Any, ...]) -> list[bool]:
    return [update["visible"] for update in updates]


@pytest.mark.parametrize(
    ("value", "attribution", "expected"),
    [
        ("A film.", Attribution([("A", 0.1), ("film", 1.0)]), [True, False, True]),
        (Image.new("L", (8, 8)), Attribution(heatmap=[[1.0, -1.0], [0.0, 0.3]]), [False, True, True]),
        ("A film.", Attribution(reason="This model cannot say."), [False, False, True]),
        (Image.new("L", (8, 8)), Attribution(reason="This model cannot say."), [False, False, True]),
    ],
)
def test_what_is_shown_follows_from_the_attribution(
    value: Any, attribution: Attribution, expected: list[bool]
) -> None:
    assert seen(reasons.shown(value, attribution)) == expected


def test_nothing_is_left_when_cleared() -> None:
    updates = reasons.cleared()

    assert seen(updates) == [False, False, False]
    assert [update["value"] for update in updates] == [None, None, ""]


def test_how_to_read_the_colours_is_said() -> None:
    _, _, note = reasons.shown(Image.new("L", (8, 8)), Attribution(heatmap=[[1.0]]))

    assert "teal spoke for" in note["value"]
    assert "orange against" in note["value"]


def test_there_is_a_component_for_each_update() -> None:
    built = reasons.build()

    assert len(built) == len(reasons.cleared())
    assert not any(component.visible for component in built)
