"""Which component shows each kind of output of a signature: one row a kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
import PIL.Image
from gradio.components import Component

from toolkit.demo import pictures, tagged
from toolkit.demo.inputs import SHOWN_SENTENCES, brief
from toolkit.tasks.protocol import Prediction
from toolkit.tasks.signature import Boxes, Kind, Labels, Mask, Similarities, Span, Tags, Text

SHOWN_LABELS = 10
"""Bars shown; the rest would push everything else off the page."""

ANSWER = "#99d8d0"
"""Behind an answer in its text."""


@dataclass(frozen=True)
class Output:
    """How a kind is shown: ``render`` turns a prediction and the value it is of into the component's value."""

    component: Callable[[Any], Component]
    render: Callable[[Prediction, Any, Any], Any]
    truth: str = "True label"
    """What an example's own answer is called."""


def _similarity_bars(_kind: Similarities) -> Component:
    return gr.Label(
        label="Similarity (cosine)", num_top_classes=SHOWN_SENTENCES, show_heading=False, elem_id="prediction"
    )


def _render_similarities(prediction: Prediction, _kind: Similarities, _value: Any) -> Any:
    return prediction["scores"]


def _text_shown(kind: Text) -> Component:
    return gr.Textbox(label=kind.name.capitalize(), lines=6, elem_id="prediction")


def _render_text(prediction: Prediction, kind: Text, _value: Any) -> str:
    return str(prediction[kind.name])


def _label_bars(_kind: Labels) -> Component:
    return gr.Label(label="Prediction", num_top_classes=SHOWN_LABELS, elem_id="prediction")


def _render_labels(prediction: Prediction, _kind: Labels, _value: Any) -> Any:
    """Bars for classes; the number itself for a regression.

    The heading names the likeliest class; with several labels at once it would hide the others.
    """
    if "scores" not in prediction:
        return str(prediction["label"])
    if "labels" in prediction:
        return gr.Label(prediction["scores"], label=f"Prediction: {prediction['label']}", show_heading=False)
    return prediction["scores"]


def _tagged_text(_kind: Tags) -> Component:
    return gr.HighlightedText(
        label="Prediction",
        show_legend=False,
        show_inline_category=True,
        combine_adjacent=False,
        elem_id="prediction",
        elem_classes="tagged",
    )


def _render_tags(prediction: Prediction, _kind: Tags, _value: Any) -> Any:
    """The text with its words or entities in colours; the label says how many there are of each."""
    spans, colors = tagged.spans_of(prediction)
    return gr.update(value=spans, color_map=colors, label=f"Prediction: {prediction['label']}")


def _marked_text(kind: Span) -> Component:
    return gr.HighlightedText(
        label=kind.name.capitalize(),
        color_map={kind.name: ANSWER},
        show_inline_category=False,
        elem_id="prediction",
    )


def _render_span(prediction: Prediction, kind: Span, value: dict[str, str]) -> Any:
    """The text with the answer marked; the label says how sure that is."""
    context, start, end = value["context"], prediction["start"], prediction["end"]
    parts = [(context[:start], None), (context[start:end], kind.name), (context[end:], None)]
    said = f"Answer: {brief(prediction['label'])}"
    label = f"{said} ({prediction['score']:.0%})"
    return gr.update(value=[part for part in parts if part[0]], label=label)


def _annotated(_kind: Boxes | Mask) -> Component:
    return gr.AnnotatedImage(
        label="Prediction",
        format="png",
        elem_id="prediction",
        elem_classes="annotated",
        buttons=["fullscreen"],
    )


def _render_boxes(prediction: Prediction, _kind: Boxes, value: PIL.Image.Image) -> Any:
    """The picture with its surest boxes; the label says in words what all of them are."""
    boxes, drawn = prediction["boxes"], pictures.visible(value)
    width, height = prediction["size"]
    layers, colors = pictures.box_layers(boxes[: pictures.SHOWN_LAYERS], (width, height), drawn.size)
    more = f" (the {len(layers)} surest of {len(boxes)} boxes are drawn)" if len(boxes) > len(layers) else ""
    return _drawn_on(drawn, layers, colors, f"{prediction['label']}{more}")


def _render_mask(prediction: Prediction, _kind: Mask, value: PIL.Image.Image) -> Any:
    """The picture with a colour for each class; the label says in words what share is theirs."""
    drawn = pictures.visible(value)
    shares = list(pictures.largest_shares(prediction))
    layers, colors = pictures.mask_layers(prediction["mask"], shares, drawn.size)
    return _drawn_on(drawn, layers, colors, prediction["label"])


def _drawn_on(
    picture: PIL.Image.Image, layers: list[pictures.Layer], colors: dict[str, str], said: str
) -> Any:
    return gr.update(value=(picture, layers), color_map=colors, label=f"Prediction: {said}")


OUTPUTS: dict[type[Kind], Output] = {
    Text: Output(_text_shown, _render_text, "Reference"),
    Labels: Output(_label_bars, _render_labels),
    Tags: Output(_tagged_text, _render_tags),
    Span: Output(_marked_text, _render_span),
    Similarities: Output(_similarity_bars, _render_similarities),
    Boxes: Output(_annotated, _render_boxes),
    Mask: Output(_annotated, _render_mask),
}
