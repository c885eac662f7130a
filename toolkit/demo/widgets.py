"""Which component asks for and which one shows each kind of a signature: one row a kind."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from toolkit.tasks.protocol import Prediction
from toolkit.tasks.signature import Kind, Labels, Text

MAX_CHARACTERS = 100_000
"""Longest text accepted: more than a model reads, little enough that nobody can stall the server with it."""

BRIEF = 160
"""Characters of an example shown in the table; a click brings all of it."""

SHOWN_LABELS = 10
"""Bars shown; the rest would push everything else off the page."""


@dataclass(frozen=True)
class Input:
    """How a kind is asked for.

    ``check`` hands back a usable value or raises ``ValueError`` saying what is wrong with it. ``triggers``
    are events of the component that ask for a prediction, besides the button. In a table of examples,
    ``cell`` shows what ``brief`` makes of a value.
    """

    component: Callable[[Any], Component]
    check: Callable[[Any], Any]
    triggers: tuple[str, ...]
    cell: Callable[[], Component]
    brief: Callable[[Any], Any]


@dataclass(frozen=True)
class Output:
    """How a kind is shown: ``render`` turns a prediction into the component's value."""

    component: Callable[[Any], Component]
    render: Callable[[Prediction, Any], Any]


def _text_box(kind: Text) -> Component:
    return gr.Textbox(
        label=kind.name.capitalize(),
        placeholder="Type or paste a text here, or pick an example below",
        lines=max(kind.lines, 6),
        max_lines=14,
        max_length=MAX_CHARACTERS,
        autofocus=True,
        elem_id="input",
    )


def check_text(value: Any) -> str:
    """A text with something in it and of a readable length."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("the text is empty")
    if len(value) > MAX_CHARACTERS:
        raise ValueError(f"the text has {len(value):,} characters, more than {MAX_CHARACTERS:,}")
    return value


def _text_cell() -> Component:
    return gr.HTML(visible=False)  # a Textbox would cut every example to 60 characters


def _brief_text(value: str) -> str:
    return html.escape(textwrap.shorten(value, BRIEF, placeholder=" …"))


def _text_shown(kind: Text) -> Component:
    return gr.Textbox(label=kind.name.capitalize(), lines=6, elem_id="prediction")


def _render_text(prediction: Prediction, kind: Text) -> str:
    return str(prediction[kind.name])


def _label_bars(_kind: Labels) -> Component:
    return gr.Label(label="Prediction", num_top_classes=SHOWN_LABELS, elem_id="prediction")


def _render_labels(prediction: Prediction, _kind: Labels) -> Any:
    """Bars for classes; the number itself for a regression.

    The heading names the likeliest class; with several labels at once it would hide the others.
    """
    if "scores" not in prediction:
        return str(prediction["label"])
    if "labels" in prediction:
        return gr.Label(prediction["scores"], label=f"Prediction: {prediction['label']}", show_heading=False)
    return prediction["scores"]


INPUTS: dict[type, Input] = {
    Text: Input(_text_box, check_text, ("submit",), _text_cell, _brief_text),
}

OUTPUTS: dict[type[Kind], Output] = {
    Text: Output(_text_shown, _render_text),
    Labels: Output(_label_bars, _render_labels),
}
