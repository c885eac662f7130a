"""Which component asks for and which one shows each kind of a signature: one row a kind."""

from __future__ import annotations

import html
import json
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import gradio as gr
import PIL.Image
from gradio.components import Component

from toolkit.data.pictures import SUFFIXES, open_picture
from toolkit.demo import pictures, tagged
from toolkit.demo.uploads import MAX_MEGABYTES, adopt, received
from toolkit.tasks.agent_seeds import check_seeds
from toolkit.tasks.protocol import Prediction
from toolkit.tasks.sentence_input import require_sentences
from toolkit.tasks.signature import (
    Asked,
    Boxes,
    Environment,
    Image,
    Kind,
    Labels,
    Mask,
    Pair,
    Prompt,
    Question,
    Sentence,
    Sentences,
    Similarities,
    Span,
    Tags,
    Text,
)

MAX_CHARACTERS = 100_000
"""Longest text accepted: more than a model reads, little enough that nobody can stall the server with it."""

BRIEF = 160
"""Characters of an example shown in the table; a click brings all of it."""

SHOWN_SENTENCES = 50
"""Sentences compared at once, and bars shown."""

SHOWN_LABELS = 10
"""Bars shown; the rest would push everything else off the page."""

HEIGHT = 380
"""Pixels of a picture on the page: it and its prediction fit beside each other on a laptop."""

WORDS_ARE = "It is cut into words at spaces and punctuation, as the training data has its words."
"""Said where the words of a text matter."""
ANSWER = "#99d8d0"
"""Behind an answer in its text."""

BROWSERS_READ = {"BMP", "JPEG", "MPO", "PNG", "WEBP"}
"""Formats that every browser shows; a picture in another one is shown as PNG."""


@dataclass(frozen=True)
class Input:
    """How a kind is asked for.

    ``check`` makes a usable value of what the page sent, or raises ``ValueError`` saying what is wrong with it.
    ``triggers`` are events of the component that ask for a prediction, besides the button; before a prediction that
    one of the ``arrivals`` asks for, ``show`` sets the component to what has arrived.

    Of an example, ``keep`` makes what the page would send, ``key`` is what equal values share, and in the table
    ``cell`` shows what ``brief`` makes of the value; ``examples``, ``invitation`` and ``truth`` are the table's words.
    """

    component: Callable[[Any], Component]
    check: Callable[[Any], Any]
    show: Callable[[Any], Any]
    triggers: tuple[str, ...]
    arrivals: tuple[str, ...]
    keep: Callable[[Any], Any]
    key: Callable[[Any], str]
    cell: Callable[[], Component]
    brief: Callable[[Any], Any]
    examples: str = "Examples"
    invitation: str = ""
    truth: str = ""
    """The last two are empty where the output has the word for it."""
    second: Callable[[Any], Component] | None = None
    """Of an input of two parts: what the other one is asked with."""
    button: str = "Predict"


@dataclass(frozen=True)
class Output:
    """How a kind is shown: ``render`` turns a prediction and the value it is of into the component's value."""

    component: Callable[[Any], Component]
    render: Callable[[Prediction, Any, Any], Any]
    truth: str = "True label"
    """What an example's own answer is called."""


def _as_it_is(value: Any) -> Any:
    return value


def _text_box(kind: Text | Pair | Prompt | Sentence) -> Component:
    return gr.Textbox(
        label=kind.name.capitalize(),
        info=WORDS_ARE if isinstance(kind, Sentence) else None,
        placeholder="Type or paste a text here, or pick an example below",
        lines=6,
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


def check_sentence(value: Any) -> str | list[str]:
    """A text, or a list of words as a file may hold them."""
    if not isinstance(value, list):
        return check_text(value)
    words = cast(list[Any], value)
    if not words or not all(isinstance(word, str) and word.strip() for word in words):
        raise ValueError("the words are no list of non-empty texts")
    check_text(" ".join(words))
    return words


def _sentence_key(value: str | list[str]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _text_cell() -> Component:
    return gr.HTML(visible=False)  # a Textbox would cut every example to 60 characters


def _brief_text(value: str) -> str:
    return html.escape(textwrap.shorten(value, BRIEF, placeholder=" …"))


def _question_box(kind: Question) -> Component:
    return gr.Textbox(
        label=kind.name.capitalize(),
        placeholder="Ask something that the text below answers",
        lines=2,
        max_lines=4,
        max_length=MAX_CHARACTERS,
        autofocus=True,
        elem_id="input",
    )


def _context_box(_kind: Question) -> Component:
    return _second_box("Text", lines=10)


def _pair_box(_kind: Pair) -> Component:
    return _second_box("Second text", lines=6)


def _second_box(label: str, lines: int) -> Component:
    return gr.Textbox(
        label=label,
        placeholder="Paste a text here, or pick an example below",
        lines=lines,
        max_lines=20,
        max_length=MAX_CHARACTERS,
        elem_id="second",
    )


def check_question(value: Any) -> dict[str, str]:
    """A question with its text, both with something in them."""
    return _check_parts(value, {"question": "question", "context": "text"})


def check_pair(value: Any) -> dict[str, str]:
    """Two texts, both with something in them."""
    return _check_parts(value, {"text": "first text", "text_pair": "second text"})


def _check_parts(value: Any, nouns: Mapping[str, str]) -> dict[str, str]:
    given: dict[str, str] = {}
    for role, noun in nouns.items():
        try:
            given[role] = check_text(value.get(role) if isinstance(value, dict) else None)
        except ValueError as error:
            raise ValueError(str(error).replace("the text", f"the {noun}")) from None
    return given


def _parts_key(value: dict[str, str]) -> str:
    return json.dumps(value, sort_keys=True)


def _brief_pair(value: dict[str, str]) -> str:
    return _brief_text(" | ".join(value.values()))


def _brief_question(value: dict[str, str]) -> str:
    return _brief_text(value["question"])


def _picture_box(kind: Image) -> Component:
    return gr.Image(
        label=kind.name.capitalize(),
        placeholder="Drop a picture here\nor click to choose one\n"
        f"{', '.join(suffix.removeprefix('.') for suffix in SUFFIXES)}; up to {MAX_MEGABYTES} MB",
        sources=["upload", "webcam", "clipboard"],
        webcam_options=gr.WebcamOptions(mirror=False),  # letters and left hands stay what they are
        type="filepath",
        image_mode=None,
        format="png",
        height=HEIGHT,
        buttons=["fullscreen"],
        alt_text="The picture to predict",
        elem_id="input",
    )


def check_picture(given: Any) -> PIL.Image.Image:
    """The opened picture of an upload."""
    if not given:
        raise ValueError("choose a picture first")
    return open_picture(received(given).path)


def _show_picture(given: Any) -> Any:
    """The upload itself where browsers read it; small pictures in blocks of their pixels."""
    picture, path = check_picture(given), received(given).path
    value = str(path) if _format(path) in BROWSERS_READ else picture
    return gr.update(value=value, elem_classes=["small"] if pictures.small(picture) else [])


def _format(path: Path) -> str | None:
    with PIL.Image.open(path) as picture:
        return picture.format


def _keep_picture(path: str) -> dict[str, str]:
    return {"path": str(adopt(Path(path)))}


def _picture_cell() -> Component:
    return gr.Image(visible=False, format="png")


def _seed_box(kind: Environment) -> Component:
    return gr.Number(
        value=0,
        precision=0,
        minimum=0,
        label="Seed",
        info=f"Each number is another {kind.noun}; the same number is the same {kind.noun}.",
        elem_id="input",
    )


def check_seed(value: Any) -> int:
    """A seed that an episode can begin from."""
    if value is None or (isinstance(value, str) and not value.strip()):
        raise ValueError("give a seed: any whole number")
    return check_seeds([value])[0]


def _seed_cell() -> Component:
    return gr.Textbox(visible=False)


def _sentence_box(_kind: Sentences) -> Component:
    return gr.Textbox(
        label="Sentence",
        placeholder="Type or paste a sentence here, or pick an example below",
        lines=2,
        max_lines=6,
        max_length=MAX_CHARACTERS,
        autofocus=True,
        elem_id="input",
    )


def _sentences_key(value: dict[str, Any]) -> str:
    return "\n".join([value["source_sentence"], *value["sentences"]])


def _brief_sentences(value: dict[str, Any]) -> str:
    others = "".join(f"<br>· {_brief_text(text)}" for text in value["sentences"])
    return f"{_brief_text(value['source_sentence'])}{others}"


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
    said = f"Answer: {textwrap.shorten(prediction['label'], BRIEF, placeholder=' …')}"
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


INPUTS: dict[type[Asked], Input] = {
    Text: Input(
        component=_text_box,
        check=check_text,
        show=_as_it_is,
        triggers=("submit",),
        arrivals=(),
        keep=_as_it_is,
        key=_as_it_is,
        cell=_text_cell,
        brief=_brief_text,
    ),
    Prompt: Input(
        component=_text_box,
        check=check_text,
        show=_as_it_is,
        triggers=("submit",),
        arrivals=(),
        keep=_as_it_is,
        key=_as_it_is,
        cell=_text_cell,
        brief=_brief_text,
        invitation="and how they really go on: click one to try it",
        truth="In the data",
    ),
    Sentence: Input(
        component=_text_box,
        check=check_sentence,
        show=_as_it_is,
        triggers=("submit",),
        arrivals=(),
        keep=_as_it_is,
        key=_sentence_key,
        cell=_text_cell,
        brief=_brief_text,
        invitation="with what is true of them: click one to try it",
        truth="True tags",
    ),
    Question: Input(
        component=_question_box,
        check=check_question,
        show=_as_it_is,
        triggers=("submit",),
        arrivals=(),
        keep=_as_it_is,
        key=_parts_key,
        cell=_text_cell,
        brief=_brief_question,
        invitation="with their true answers: click one to try it",
        truth="True answer",
        second=_context_box,
        button="Answer",
    ),
    Pair: Input(
        component=_text_box,
        check=check_pair,
        show=_as_it_is,
        triggers=("submit",),
        arrivals=(),
        keep=_as_it_is,
        key=_parts_key,
        cell=_text_cell,
        brief=_brief_pair,
        second=_pair_box,
    ),
    Sentences: Input(
        component=_sentence_box,
        check=require_sentences,
        show=_as_it_is,
        triggers=(),
        arrivals=(),
        keep=_as_it_is,
        key=_sentences_key,
        cell=_text_cell,
        brief=_brief_sentences,
        invitation="and what belongs to the sentence in the data: click one to try it",
        truth="In the data",
    ),
    Image: Input(
        component=_picture_box,
        check=check_picture,
        show=_show_picture,
        triggers=(),
        arrivals=("upload",),
        keep=_keep_picture,
        key=pictures.content,
        cell=_picture_cell,
        brief=pictures.thumbnail,
    ),
    Environment: Input(
        component=_seed_box,
        check=check_seed,
        show=_as_it_is,
        triggers=(),
        arrivals=(),
        keep=_as_it_is,
        key=str,
        cell=_seed_cell,
        brief=str,
        examples="Episodes",
        invitation="and how they went: click one to watch it",
        truth="How it went",
    ),
}

OUTPUTS: dict[type[Kind], Output] = {
    Text: Output(_text_shown, _render_text, "Reference"),
    Labels: Output(_label_bars, _render_labels),
    Tags: Output(_tagged_text, _render_tags),
    Span: Output(_marked_text, _render_span),
    Similarities: Output(_similarity_bars, _render_similarities),
    Boxes: Output(_annotated, _render_boxes),
    Mask: Output(_annotated, _render_mask),
}
