"""Many pictures at once, a table and a csv of their predictions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.data.pictures import SUFFIXES, PictureError, open_picture
from toolkit.demo import batch, results
from toolkit.demo.flat import ROWS
from toolkit.demo.messages import errors_shown
from toolkit.demo.uploads import MAX_MEGABYTES, Upload, received
from toolkit.errors import DataError, Finding, raise_errors

if TYPE_CHECKING:
    from PIL import Image

    from toolkit.artifact import Artifact
    from toolkit.tasks.protocol import Prediction

MAX_PICTURES = 500
"""Predicted at once: minutes of a small model on a laptop."""

MAX_TOTAL_MEGABYTES = 200

CHUNK = 16
"""Pictures opened at a time: their pixels take far more memory than their files."""

FILE = "file"
"""The column with the names of the pictures."""

WIDE = 180
"""Pixels of that column: on a phone, the label stands beside it."""

PROGRESS = gr.Progress()
"""Gradio puts a call's own progress in place of this default argument."""


class AlbumTab:
    """The tab for many pictures."""

    title = "Many at once"

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.noun = artifact.signature.input.noun
        self.rows = ROWS[type(artifact.signature.output)]

    def build(self) -> None:
        """The files above, the table and the download below."""
        files = gr.File(
            label=f"{self.noun.capitalize()}s",
            file_count="multiple",
            file_types=list(SUFFIXES),
            height=200,
            elem_id="files",
        )
        button = gr.Button("Predict all", variant="primary", elem_id="predict-files")
        gr.Markdown(
            f"Up to {MAX_PICTURES:,} {self.noun}s, {MAX_MEGABYTES} MB each and {MAX_TOTAL_MEGABYTES} MB together: "
            f"{', '.join(suffix.removeprefix('.') for suffix in SUFFIXES)}. "
            f"The result has {self.rows.told.format(noun=self.noun)}. Files are deleted when the demo ends.",
            elem_classes="hint",
        )
        results.connect(
            button, self.predict, [files], results.build(), api_name="predict_files", preprocess=False
        )

    def predict(self, files: list[Any] | None, progress: gr.Progress = PROGRESS) -> tuple[Any, Any, Any]:
        """Predict every picture, or none when one cannot be used."""
        with errors_shown():
            uploads = take_uploads(files)

            def predict(pictures: list[Image.Image], done: int) -> list[Prediction]:
                progress((done, len(uploads)), desc="Predicting", unit=f"{self.noun}s")
                return self.artifact.predict(pictures)

            predictions = predict_pictures(uploads, predict)
            named = batch.Table(f"{self.noun}s", [FILE], [[upload.name] for upload in uploads])
            result = batch.add_predictions(named, predictions, self.rows.of)
        count = f"{len(uploads):,} {self.noun}{'' if len(uploads) == 1 else 's'}"
        return results.shown(f"Predicted **{count}**.", result, {FILE: WIDE})


def take_uploads(files: Sequence[Any] | None) -> list[Upload]:
    """The files of an upload.

    Raises:
        ValueError: there are none, or one was not uploaded.
        DataError: too many, or too large together.
    """
    if not files:
        raise ValueError("choose some pictures first")
    uploads = [received(file) for file in files]
    megabytes = sum(upload.path.stat().st_size for upload in uploads) / 2**20
    findings: list[Finding] = []
    if len(uploads) > MAX_PICTURES:
        findings.append(Finding("error", "", f"{len(uploads):,} pictures, more than {MAX_PICTURES:,}"))
    if megabytes > MAX_TOTAL_MEGABYTES:
        findings.append(Finding("error", "", f"{megabytes:,.0f} MB, more than {MAX_TOTAL_MEGABYTES:,} MB"))
    if findings:
        raise DataError([*findings, "send them in several parts, or use the command: toolkit predict"])
    return uploads


def predict_pictures(
    uploads: Sequence[Upload], predict: Callable[[list[Image.Image], int], list[Prediction]]
) -> list[Prediction]:
    """Predictions of all pictures.

    Args:
        uploads: their files.
        predict: predicts opened pictures; also told how many were before them.

    Raises:
        DataError: some cannot be opened; names every one of them.
    """
    predictions: list[Prediction] = []
    problems: list[Finding] = []
    for start in range(0, len(uploads), CHUNK):
        opened = [_open(upload) for upload in uploads[start : start + CHUNK]]
        problems += [finding for finding in opened if isinstance(finding, Finding)]
        if not problems:
            usable = [picture for picture in opened if not isinstance(picture, Finding)]
            predictions += predict(usable, start)
    raise_errors(problems)
    return predictions


def _open(upload: Upload) -> Image.Image | Finding:
    try:
        return open_picture(upload.path)
    except PictureError as error:
        return Finding("error", upload.name, str(error))
