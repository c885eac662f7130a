"""Which component asks for each kind of input of a signature: one row a kind."""

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
from toolkit.demo import pictures
from toolkit.demo.uploads import MAX_MEGABYTES, adopt, received
from toolkit.tasks.agent_seeds import check_seeds
from toolkit.tasks.sentence_input import require_sentences
from toolkit.tasks.signature import (
    Asked,
    Environment,
    Image,
    Pair,
    Prompt,
    Question,
    Sentence,
    Sentences,
    Text,
)

MAX_CHARACTERS = 100_000
"""Longest text accepted: more than a model reads, little enough that nobody can stall the server with it."""

BRIEF = 160
"""Characters of an example shown in the table; a click brings all of it."""

SHOWN_SENTENCES = 50
"""Sentences compared at once, and bars shown."""

HEIGHT = 380
"""Pixels of a picture on the page: it and its prediction fit beside each other on a laptop."""

OR_PICK = "or pick an example below"
WORDS_ARE = "It is cut into words at spaces and punctuation, as the training data has its words."
"""Said where the words of a text matter."""

BROWSERS_READ = {"BMP", "JPEG", "MPO", "PNG", "WEBP"}
"""Formats that every browser shows; a picture in another one is shown as PNG."""


def _as_it_is(value: Any) -> Any:
    return value


def _text_cell() -> Component:
    return gr.HTML(visible=False)  # a Textbox would cut every example to 60 characters


def brief(text: str, most: int = BRIEF) -> str:
    """A text on one line of so many characters, cut between words, or within a first word that is longer than that."""
    line = " ".join(text.split())
    cut = textwrap.shorten(line, most, placeholder=" …")
    return f"{line[: most - 1]}…" if cut == "…" != line else cut


def _brief_text(value: str) -> str:
    return html.escape(brief(value))


@dataclass(frozen=True)
class Input:
    """How a kind is asked for; what is not said is as for a text.

    ``check`` makes a usable value of what the page sent, or raises ``ValueError`` saying what is wrong with it.
    ``triggers`` are events of the component that ask for a prediction, besides the button; before a prediction that
    one of the ``arrivals`` asks for, ``show`` sets the component to what has arrived.

    Of an example, ``keep`` makes what the page would send, ``key`` is what equal values share, and in the table
    ``cell`` shows what ``brief`` makes of the value; ``examples``, ``invitation`` and ``truth`` are the table's words.
    """

    component: Callable[[Any], Component]
    check: Callable[[Any], Any]
    show: Callable[[Any], Any] = _as_it_is
    triggers: tuple[str, ...] = ()
    arrivals: tuple[str, ...] = ()
    keep: Callable[[Any], Any] = _as_it_is
    key: Callable[[Any], str] = _as_it_is
    cell: Callable[[], Component] = _text_cell
    brief: Callable[[Any], Any] = _brief_text
    examples: str = "Examples"
    invitation: str = ""
    truth: str = ""
    """The last two are empty where the output has the word for it."""
    second: Callable[[Any], Component] | None = None
    """Of an input of two parts: what the other one is asked with."""
    button: str = "Predict"


def _box(
    label: str, hint: str, lines: tuple[int, int], *, name: str = "input", info: str | None = None
) -> Component:
    """Where a text goes; from so many ``lines`` to so many."""
    return gr.Textbox(
        label=label,
        info=info,
        placeholder=hint,
        lines=lines[0],
        max_lines=lines[1],
        max_length=MAX_CHARACTERS,
        autofocus=name == "input",
        elem_id=name,
    )


def _text_box(kind: Text | Pair | Prompt | Sentence) -> Component:
    info = WORDS_ARE if isinstance(kind, Sentence) else None
    return _box(kind.name.capitalize(), f"Type or paste a text here, {OR_PICK}", (6, 14), info=info)


def _question_box(kind: Question) -> Component:
    return _box(kind.name.capitalize(), "Ask something that the text below answers", (2, 4))


def _context_box(_kind: Question) -> Component:
    return _box("Text", f"Paste a text here, {OR_PICK}", (10, 20), name="second")


def _pair_box(_kind: Pair) -> Component:
    return _box("Second text", f"Paste a text here, {OR_PICK}", (6, 20), name="second")


def _sentence_box(_kind: Sentences) -> Component:
    return _box("Sentence", f"Type or paste a sentence here, {OR_PICK}", (2, 6))


def _others_box(_kind: Sentences) -> Component:
    info = f"One a line, up to {SHOWN_SENTENCES}."
    return _box("Sentences to compare it with", "", (6, 14), name="others", info=info)


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


def _sentences_key(value: dict[str, Any]) -> str:
    return "\n".join([value["source_sentence"], *value["sentences"]])


def _brief_sentences(value: dict[str, Any]) -> str:
    others = "".join(f"<br>· {_brief_text(text)}" for text in value["sentences"])
    return f"{_brief_text(value['source_sentence'])}{others}"


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


INPUTS: dict[type[Asked], Input] = {
    Text: Input(_text_box, check_text, triggers=("submit",)),
    Prompt: Input(
        _text_box,
        check_text,
        triggers=("submit",),
        invitation="and how they really go on: click one to try it",
        truth="In the data",
    ),
    Sentence: Input(
        _text_box,
        check_sentence,
        triggers=("submit",),
        key=_sentence_key,
        invitation="with what is true of them: click one to try it",
        truth="True tags",
    ),
    Question: Input(
        _question_box,
        check_question,
        triggers=("submit",),
        key=_parts_key,
        brief=_brief_question,
        invitation="with their true answers: click one to try it",
        truth="True answer",
        second=_context_box,
        button="Answer",
    ),
    Pair: Input(
        _text_box, check_pair, triggers=("submit",), key=_parts_key, brief=_brief_pair, second=_pair_box
    ),
    Sentences: Input(
        _sentence_box,
        require_sentences,
        key=_sentences_key,
        brief=_brief_sentences,
        invitation="and what belongs to the sentence in the data: click one to try it",
        truth="In the data",
        second=_others_box,
        button="Compare",
    ),
    Image: Input(
        _picture_box,
        check_picture,
        show=_show_picture,
        arrivals=("upload",),
        keep=_keep_picture,
        key=pictures.content,
        cell=_picture_cell,
        brief=pictures.thumbnail,
    ),
    Environment: Input(
        _seed_box,
        check_seed,
        key=str,
        cell=_seed_cell,
        brief=str,
        examples="Episodes",
        invitation="and how they went: click one to watch it",
        truth="How it went",
    ),
}
