from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from toolkit.demo import albums
from toolkit.demo.albums import CHUNK, MAX_PICTURES, MAX_TOTAL_MEGABYTES, predict_pictures, take_uploads
from toolkit.demo.uploads import Upload, adopt
from toolkit.errors import DataError
from toolkit.tasks.protocol import Prediction

Sent = Callable[[Path], dict[str, Any]]


@pytest.fixture
def grey(tmp_path: Path) -> Path:
    path = tmp_path / "grey.png"
    Image.new("L", (8, 8), 128).save(path)
    return path


def widths(pictures: list[Image.Image], _done: int) -> list[Prediction]:
    return [{"label": str(picture.width)} for picture in pictures]


def test_pictures_are_predicted_in_their_order(tmp_path: Path) -> None:
    uploads: list[Upload] = []
    for width in range(1, 2 * CHUNK + 2):
        path = tmp_path / f"{width}.png"
        Image.new("RGB", (width, 4)).save(path)
        uploads.append(Upload(path.name, path))

    predictions = predict_pictures(uploads, widths)

    assert [prediction["label"] for prediction in predictions] == [
        upload.name.removesuffix(".png") for upload in uploads
    ]


def test_every_bad_picture_is_named_at_once_by_its_owners_name(tmp_path: Path, grey: Path) -> None:
    text, empty = tmp_path / "1", tmp_path / "2"
    text.write_text("not a picture")
    empty.write_bytes(b"")
    good = [Upload("grey.png", grey)] * CHUNK
    uploads = [*good, Upload("notes.png", text), *good, *([Upload("nothing.jpg", empty)] * 20)]

    with pytest.raises(DataError) as caught:
        predict_pictures(uploads, widths)

    lines = str(caught.value).splitlines()
    assert len(lines) == 21
    assert lines[0].startswith("notes.png: not a picture that is read")
    assert lines[1] == "nothing.jpg: the file is empty"
    assert str(tmp_path) not in str(caught.value)


def test_no_picture_is_an_error() -> None:
    for nothing in (None, []):
        with pytest.raises(ValueError, match="choose some pictures first"):
            take_uploads(nothing)


def test_what_was_not_uploaded_is_refused(grey: Path, sent: Sent) -> None:
    with pytest.raises(ValueError, match="not uploaded"):
        take_uploads([sent(grey), {"path": str(grey)}])


def test_too_many_pictures_are_refused(grey: Path, sent: Sent) -> None:
    file = sent(grey)
    assert len(take_uploads([file] * MAX_PICTURES)) == MAX_PICTURES

    with pytest.raises(DataError) as caught:
        take_uploads([file] * (MAX_PICTURES + 1))

    assert str(caught.value).splitlines() == [
        "501 pictures, more than 500",
        "send them in several parts, or use the command: toolkit predict",
    ]


def test_too_many_megabytes_are_refused(tmp_path: Path, sent: Sent) -> None:
    sparse = tmp_path / "large.png"
    with sparse.open("wb") as file:
        file.truncate((MAX_TOTAL_MEGABYTES // 2 + 1) * 2**20)
    large = {"path": str(adopt(sparse))}

    with pytest.raises(DataError, match=f"202 MB, more than {MAX_TOTAL_MEGABYTES} MB"):
        take_uploads([large, large])


def test_the_tab_says_what_the_table_has(trained_on_pictures: Any) -> None:
    tab = albums.AlbumTab(trained_on_pictures)

    assert tab.noun == "picture"
    assert "probabilities" in tab.rows.told
