from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.artifact import Artifact
from toolkit.demo import summary


def test_a_run_is_described_in_one_line(trained: Artifact) -> None:
    line = summary.describe(trained)

    assert line.startswith(
        "**minilm** fine-tuned on **movie&#45;reviews** for text classification. Test accuracy **"
    )
    assert "95% interval" in line
    assert "\n" not in line


def test_new_weights_are_not_called_fine_tuned(trained_on_pictures: Artifact) -> None:
    line = summary.describe(trained_on_pictures)

    assert line.startswith(
        "**cnn** trained from scratch on **digits** for image classification. Test accuracy **"
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("mean_average_precision", "mean average precision"),
        ("mean_iou", "mean IoU"),
        ("mean_dice", "mean Dice"),
        ("top5_accuracy", "accuracy of the best five labels"),
    ],
)
def test_metrics_of_pictures_are_written_out(name: str, written: str) -> None:
    measure = {"value": 0.5, "low": 0.4, "high": 0.6}

    assert summary.quality({"test": {"loss": measure, name: measure}}) == (
        f"Test {written} **50.0%** (95% interval 40.0% to 60.0%)."
    )


def test_quality_is_the_first_headline_metric() -> None:
    measures = {
        "loss": {"value": 0.4, "low": 0.3, "high": 0.5},
        "accuracy": {"value": 0.861, "low": 0.84, "high": 0.88},
        "rows": 1007,
    }

    said = summary.quality({"test": measures})

    assert said == "Test accuracy **86.1%** on 1,007 held-out rows (95% interval 84.0% to 88.0%)."


def test_a_regression_is_not_a_percentage() -> None:
    measure = {"value": 0.5, "low": 0.4, "high": 0.6}

    assert summary.quality({"test": {"r2": measure}}) == "Test R² **0.500** (95% interval 0.400 to 0.600)."
    assert summary.quality({"test": {}}) == ""


def test_what_has_no_value_is_not_quoted() -> None:
    undefined = {"value": None, "low": None, "high": None, "note": "the true values do not vary"}
    alone = {"value": 1.0, "low": None, "high": None}

    assert summary.quality({"test": {"r2": undefined, "pearson": undefined}}) == ""
    assert summary.quality({"test": {"accuracy": alone, "rows": 1}}) == (
        "Test accuracy **100.0%** on 1 held-out rows."
    )


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("sample:minilm", "minilm"),
        ("distilbert/distilbert-base-uncased", "distilbert/distilbert-base-uncased"),
        ("/home/ann/private/reviews.csv", "reviews.csv"),
        ("private/reviews.csv", "reviews.csv"),
    ],
)
def test_folders_of_the_training_machine_stay_private(source: str, shown: str) -> None:
    assert summary.source_name(source) == shown


def test_an_existing_folder_is_named_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ann" / "model").mkdir(parents=True)

    assert summary.source_name("ann/model") == "model"


def test_names_cannot_bring_markup() -> None:
    assert summary.plain("<b>a_b*c</b>") == "&#60;b&#62;a&#95;b&#42;c&#60;/b&#62;"
