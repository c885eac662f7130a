from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from toolkit.artifact import Artifact
from toolkit.demo.explain import COLORS, NOT_READ, category, heat, highlight
from toolkit.tasks.protocol import Attribution


def test_spans_give_back_the_text_with_its_spacing() -> None:
    text = "  A fine,\nfine film. "
    pieces = [("A", 0.0), ("fine", 1.0), (",", 0.05), ("fine", -0.3), ("film", -0.9), (".", 0.2)]

    spans = highlight(text, Attribution(pieces))

    assert "".join(span for span, _ in spans) == text
    assert [(span, name) for span, name in spans if name] == [
        ("fine", "strongly for it"),
        ("fine", "against it"),
        ("film", "strongly against it"),
        (".", "for it"),
    ]


def test_what_the_model_did_not_read_is_marked() -> None:
    spans = highlight("A fine film, all in all.", Attribution([("A", 0.1), ("fine", 0.9)]))

    assert spans[-1] == (" film, all in all.", NOT_READ)


def test_the_end_of_a_text_too_long_for_the_model_is_marked(trained: Artifact) -> None:
    text = "A fine film. " * 60

    spans = highlight(text, trained.explain(text))

    assert "".join(span for span, _ in spans) == text
    assert spans[-1][1] == NOT_READ


def test_every_weight_has_a_colour_of_the_legend_or_none() -> None:
    names = {category(weight / 20) for weight in range(-20, 21)}

    assert names == {*COLORS, None}


def test_the_words_of_a_real_model_cover_its_text(trained: Artifact) -> None:
    text = "It isn't a naïve film: 10/10, would watch again!"

    spans = highlight(text, trained.explain(text))

    assert "".join(span for span, _ in spans) == text
    assert any(name for _, name in spans)
    assert all(name != NOT_READ for _, name in spans)


def test_a_heatmap_has_the_colours_that_a_text_would_have() -> None:
    weights = [[step / 10 for step in range(-10, 11)]]

    picture, layers = heat(Image.new("L", (21, 1)), weights)

    width, height = picture.size
    assert [name for _, name in layers] == list(COLORS)
    assert {opacity.shape for opacity, _ in layers} == {(height, width)}
    block = width // 21
    for place, weight in enumerate(weights[0]):
        seen = [name for opacity, name in layers if opacity[height // 2, place * block + block // 2] > 0]
        assert seen == [name for name in [category(weight)] if name]


def test_no_place_has_two_colours_and_the_picture_shines_through() -> None:
    heatmap = np.random.default_rng(0).uniform(-1, 1, (14, 14)).tolist()

    _, layers = heat(Image.new("RGB", (640, 480)), heatmap)

    together = np.sum([opacity for opacity, _ in layers], axis=0)
    assert 0 < together.max() < 1


@pytest.mark.parametrize("size", [(8, 8), (3000, 2000), (20, 400)])
def test_a_heatmap_covers_a_picture_of_any_size(size: tuple[int, int]) -> None:
    picture, layers = heat(Image.new("RGB", size), [[1.0, 1.0], [1.0, 1.0]])

    assert max(picture.size) >= 320
    strong = dict((name, opacity) for opacity, name in layers)["strongly for it"]
    assert (strong > 0).all()
