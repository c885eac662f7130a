"""The components that show why a prediction came out so; which of them does follows from the attribution."""

from __future__ import annotations

from typing import Any

import gradio as gr

from toolkit.demo.explain import COLORS, NOT_READ, NOT_READ_COLOR, heat, highlight
from toolkit.demo.messages import said
from toolkit.demo.summary import plain
from toolkit.tasks.protocol import Attribution

TITLE = "What spoke for this prediction, and what against it"

BARE_TEXT = "What has no colour hardly mattered."
CUT_OFF = "The grey end is beyond the length this model reads."
READ_HEAT = (
    "Areas in teal spoke for this prediction, areas in orange against it; what has no colour hardly mattered."
)


def build() -> list[Any]:
    """A text with colours, a picture with colours, and a note on how to read them; all hidden at first."""
    return [
        gr.HighlightedText(label=TITLE, color_map=COLORS, show_legend=True, visible=False, elem_id="reasons"),
        gr.AnnotatedImage(
            label=TITLE,
            color_map=COLORS,
            format="png",
            visible=False,
            elem_id="heatmap",
            elem_classes="annotated",
            buttons=["fullscreen"],
        ),
        gr.Markdown(elem_id="note", elem_classes="hint", visible=False),
    ]


def shown(value: Any, attribution: Attribution) -> tuple[Any, Any, Any]:
    """Updates of the three components for an input and its attribution."""
    if attribution.reason:
        return _hidden(), _hidden(), said(plain(attribution.reason))
    if attribution.heatmap is not None:
        return _hidden(), gr.update(value=heat(value, attribution.heatmap), visible=True), said(READ_HEAT)
    return _coloured_text(value, attribution)


def cleared() -> tuple[Any, Any, Any]:
    """Updates that take the reasons before off the page."""
    return _hidden(), _hidden(), said("")


def _coloured_text(text: str, attribution: Attribution) -> tuple[Any, Any, Any]:
    spans = highlight(text, attribution)
    note, colors = BARE_TEXT, COLORS
    if any(name == NOT_READ for _, name in spans):
        note, colors = f"{BARE_TEXT} {CUT_OFF}", COLORS | NOT_READ_COLOR
    return gr.update(value=spans, color_map=colors, visible=True), _hidden(), said(note)


def _hidden() -> Any:
    return gr.update(value=None, visible=False)
