"""What segmentation promises beyond the conformance suite."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.tasks.picture_cases import picture, scans, small_unet
from toolkit import train
from toolkit.artifact.examples import read_examples
from toolkit.errors import DataError
from toolkit.recipe.schema import ModelSection
from toolkit.tasks import image_forward, segmentation_report
from toolkit.tasks.segmentation_model import MaskPredictor


def shares_by_row(root: Path) -> None:
    """Make the masks of rows differ: row n has n columns of class 1, and its picture is as bright as n."""
    for at, file in enumerate(sorted((root / "masks").iterdir())):
        numbers = np.zeros((10, 12), np.uint8)
        numbers[:, : at + 1] = 1
        numbers[0, 0], numbers[-1, -1] = 0, 1
        Image.fromarray(numbers).save(file)
        Image.new("L", (12, 10), 20 * at).save(root / "images" / file.name)


def test_the_pictures_shown_are_the_ones_that_were_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(segmentation_report, "scored_positions", lambda _, rows: np.arange(rows)[-4:])
    root = scans(tmp_path, shares_by_row)
    artifact = train(
        "image-segmentation",
        "data.test=0",
        "data.validation=0",
        "model.config={channels: [4, 8]}",
        "options.size=[10, 12]",
        "options.channels=1",
        "options.augment={}",
        "train.max_steps=1",
        data=root,
        out=tmp_path / "run",
    )
    metrics = artifact.metrics["train"]
    assert (metrics["rows"], metrics["rows_available"]) == (4, 12)
    for example in read_examples(artifact.folder):
        row = int(np.asarray(Image.open(example["image"])).max()) // 20
        columns = 10 * (row + 1) - 1 + (row < 11)  # pixels of class 1 out of 120
        assert f"1 {columns / 120:.0%}" in example["label"]


def test_inputs_that_cannot_be_read_are_all_named_with_their_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(image_forward, "CHUNK", 2)
    predictor = MaskPredictor.load(ModelSection(name=str(small_unet(tmp_path / "model"))))
    good, bad = picture(tmp_path / "good.png"), b"no picture"
    with pytest.raises(DataError) as caught:
        predictor([good, good, bad, good, bad])
    assert [finding.where for finding in caught.value.problems] == ["input 3", "input 5"]
