from __future__ import annotations

from toolkit.artifact import Artifact
from toolkit.demo.explain import COLORS, NOT_READ, category, highlight
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
