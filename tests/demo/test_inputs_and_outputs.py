from __future__ import annotations

import base64
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_type_hints

import gradio as gr
import numpy as np
import PIL.Image
import pytest

from toolkit.demo.app import TABS
from toolkit.demo.inputs import INPUTS, MAX_CHARACTERS, brief
from toolkit.demo.messages import errors_shown
from toolkit.demo.outputs import OUTPUTS
from toolkit.demo.uploads import upload_folder
from toolkit.errors import DataError, Finding
from toolkit.tasks.signature import Boxes, Image, Kind, Labels, Mask, Replay, Signature, Text

Sent = Callable[[Path], dict[str, Any]]


def test_every_kind_of_a_signature_has_its_components() -> None:
    hints = get_type_hints(Signature)

    assert set(INPUTS) == set(TABS) == set(get_args(hints["input"]) or [hints["input"]])
    own_tab = {Replay}  # an episode is shown as it goes
    assert set(OUTPUTS) | own_tab == set(get_args(hints["output"])) == set(get_args(Kind))


def test_one_label_shows_a_bar_each() -> None:
    scores = {"good": 0.9, "bad": 0.1}

    assert OUTPUTS[Labels].render({"label": "good", "score": 0.9, "scores": scores}, Labels(), "") == scores


def test_several_labels_are_all_named() -> None:
    prediction = {
        "label": "sad, long",
        "labels": ["sad", "long"],
        "score": 0.9,
        "scores": {"sad": 0.9, "long": 0.8},
    }

    shown = OUTPUTS[Labels].render(prediction, Labels(), "")

    assert shown.label == "Prediction: sad, long"
    assert shown.show_heading is False


def test_a_regression_shows_its_number() -> None:
    assert OUTPUTS[Labels].render({"label": "3.5", "value": 3.5}, Labels(), "") == "3.5"


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


def test_a_picture_is_asked_for_in_three_ways_and_never_mirrored() -> None:
    component = INPUTS[Image].component(Image())

    assert isinstance(component, gr.Image)
    assert component.sources == ["upload", "webcam", "clipboard"]
    assert component.webcam_options.mirror is False


def test_a_picture_is_opened_with_its_turn_its_alpha_and_its_sixteen_bits(tmp_path: Path, sent: Sent) -> None:
    turned, clear, deep = tmp_path / "turned.jpg", tmp_path / "clear.png", tmp_path / "deep.png"
    exif = PIL.Image.Exif()
    exif[274] = 6
    PIL.Image.new("RGB", (30, 20)).save(turned, exif=exif)
    PIL.Image.new("RGBA", (4, 4), (0, 0, 0, 0)).save(clear)
    PIL.Image.fromarray(np.full((4, 4), 65535, np.uint16)).save(deep)

    opened = [INPUTS[Image].check(sent(path)) for path in (turned, clear, deep)]

    assert opened[0].size == (20, 30)
    assert opened[1].getpixel((0, 0)) == (255, 255, 255)
    assert opened[2].mode == "L"
    assert opened[2].getpixel((0, 0)) == 255


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"not a picture", "Not a picture that is read"),
        (b"GIF89a" + b"0" * 40, "Not a picture that is read: a GIF"),
    ],
)
def test_what_is_wrong_with_a_picture_is_shown(
    tmp_path: Path, sent: Sent, content: bytes, message: str
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)

    with pytest.raises(gr.Error) as caught, errors_shown():
        INPUTS[Image].check(sent(path))

    assert caught.value.message.startswith(message)
    assert str(upload_folder()) not in caught.value.message


def test_no_picture_is_asked_for() -> None:
    with pytest.raises(ValueError, match="choose a picture first"):
        INPUTS[Image].check(None)


def test_an_example_is_kept_among_the_uploads_and_known_again(tmp_path: Path) -> None:
    path = tmp_path / "run" / "0-image.png"
    path.parent.mkdir()
    PIL.Image.new("L", (8, 8), 7).save(path)
    kind = INPUTS[Image]

    given = kind.keep(str(path))
    shown = kind.show(given)

    assert Path(shown["value"]).is_relative_to(upload_folder())
    assert shown["elem_classes"] == ["small"]
    assert kind.key(kind.check(given)) == kind.key(path)
    assert max(kind.brief(kind.check(given)).size) >= 80


def test_what_browsers_cannot_read_is_shown_as_they_can(tmp_path: Path, sent: Sent) -> None:
    scan, photo = tmp_path / "scan.tif", tmp_path / "photo.jpg"
    PIL.Image.new("RGB", (640, 480)).save(scan)
    PIL.Image.new("RGB", (640, 480)).save(photo)

    assert isinstance(INPUTS[Image].show(sent(scan))["value"], PIL.Image.Image)
    assert INPUTS[Image].show(sent(photo))["value"].endswith("photo.jpg")
    assert INPUTS[Image].show(sent(photo))["elem_classes"] == []


def drawn(kind: Boxes | Mask, prediction: dict[str, Any], picture: PIL.Image.Image) -> dict[str, Any]:
    """What the page is told, with the picture as the component sends it."""
    update = OUTPUTS[type(kind)].render(prediction, kind, picture)
    component = OUTPUTS[type(kind)].component(kind)
    component.color_map = update["color_map"]
    sent = component.postprocess(update["value"])
    return {**update, "legend": [annotation.label for annotation in sent.annotations]}


def test_boxes_are_drawn_and_said_in_words() -> None:
    boxes = [
        {"label": "dog", "score": 0.9, "box": [1.0, 1.0, 5.0, 5.0]},
        {"label": "dog", "score": 0.7, "box": [3.0, 3.0, 8.0, 8.0]},
        {"label": "cat", "score": 0.6, "box": [0.0, 0.0, 2.0, 2.0]},
    ]
    prediction = {"label": "2 dogs, 1 cat", "size": [10, 10], "boxes": boxes}

    shown = drawn(Boxes(), prediction, PIL.Image.new("L", (10, 10)))

    assert shown["label"] == "Prediction: 2 dogs, 1 cat"
    assert shown["legend"] == ["dog 90%", "dog 70%", "cat 60%"]
    assert set(shown["color_map"]) == set(shown["legend"])


def test_of_many_boxes_the_surest_are_drawn_and_that_is_said() -> None:
    boxes = [{"label": "ant", "score": 1 - at / 100, "box": [at, at, at + 1, at + 1]} for at in range(50)]
    prediction = {"label": "50 ants", "size": [64, 64], "boxes": boxes}

    shown = drawn(Boxes(), prediction, PIL.Image.new("RGB", (64, 64)))

    assert shown["label"] == "Prediction: 50 ants (the 20 surest of 50 boxes are drawn)"
    assert len(shown["legend"]) == 20


def test_a_picture_without_objects_is_shown_bare() -> None:
    shown = drawn(
        Boxes(), {"label": "nothing found", "size": [9, 9], "boxes": []}, PIL.Image.new("L", (9, 9))
    )

    assert shown["label"] == "Prediction: nothing found"
    assert shown["legend"] == []


def test_a_mask_is_laid_over_its_picture_with_a_legend() -> None:
    numbers = np.zeros((6, 8), np.uint8)
    numbers[:, :2] = 1
    stream = io.BytesIO()
    PIL.Image.fromarray(numbers).save(stream, "PNG")
    prediction = {
        "label": "grey matter 25%",
        "size": [8, 6],
        "mask": base64.b64encode(stream.getvalue()).decode(),
        "names": ["background", "grey matter"],
        "shares": {"background": 0.75, "grey matter": 0.25},
    }

    shown = drawn(Mask(), prediction, PIL.Image.new("L", (8, 6)))

    assert shown["label"] == "Prediction: grey matter 25%"
    assert shown["legend"] == ["background 75%", "grey matter 25%"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a b", "a b"), ("one\ntwo three four", "one two …"), ("長" * 60, "長" * 9 + "…"), ("", ""), ("…", "…")],
)
def test_long_texts_are_cut_between_words_where_there_are_any(text: str, shown: str):
    assert brief(text, 10) == shown
