from __future__ import annotations

from typing import get_args, get_type_hints

import gradio as gr
import pytest

from toolkit.demo.messages import errors_shown
from toolkit.demo.widgets import INPUTS, MAX_CHARACTERS, OUTPUTS
from toolkit.errors import DataError, Finding
from toolkit.tasks.signature import Kind, Labels, Signature, Text


def test_every_kind_of_a_signature_has_its_components() -> None:
    hints = get_type_hints(Signature)

    assert set(INPUTS) == set(get_args(hints["input"]) or [hints["input"]])
    assert set(OUTPUTS) == set(get_args(hints["output"])) == set(get_args(Kind))


def test_one_label_shows_a_bar_each() -> None:
    scores = {"good": 0.9, "bad": 0.1}

    assert OUTPUTS[Labels].render({"label": "good", "score": 0.9, "scores": scores}, Labels()) == scores


def test_several_labels_are_all_named() -> None:
    prediction = {
        "label": "sad, long",
        "labels": ["sad", "long"],
        "score": 0.9,
        "scores": {"sad": 0.9, "long": 0.8},
    }

    shown = OUTPUTS[Labels].render(prediction, Labels())

    assert shown.label == "Prediction: sad, long"
    assert shown.show_heading is False


def test_a_regression_shows_its_number() -> None:
    assert OUTPUTS[Labels].render({"label": "3.5", "value": 3.5}, Labels()) == "3.5"


@pytest.mark.parametrize("text", ["", "  \n", None, 7, "x" * (MAX_CHARACTERS + 1)])
def test_an_unusable_text_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="the text"):
        INPUTS[Text].check(text)


def test_an_example_cannot_bring_markup() -> None:
    assert INPUTS[Text].brief("<b>film</b> " * 40).startswith("&lt;b&gt;film&lt;/b&gt; ")


def test_an_error_is_shown_line_by_line_and_escaped() -> None:
    problems = [Finding("error", f"<i>a</i>.csv:{line}", "broken row", "mend it") for line in (2, 3)]
    problems += [Finding("note", "", "not shown"), Finding("error", "", "and more")]

    with pytest.raises(gr.Error) as caught, errors_shown():
        raise DataError(problems)

    assert caught.value.message == (
        "&lt;i&gt;a&lt;/i&gt;.csv:2: broken row<br>"
        "&lt;i&gt;a&lt;/i&gt;.csv:3: broken row; mend it<br>"
        "and more"
    )
    assert caught.value.print_exception is False
