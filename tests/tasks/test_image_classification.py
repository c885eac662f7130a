"""What a user of image classification notices, on real digits and on pictures made here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import AutoModelForImageClassification, pipeline

import toolkit
from tests.tasks.picture_cases import classes, small_cnn
from toolkit.artifact import Artifact
from toolkit.errors import DataError, RecipeError
from toolkit.models import register

FAST = ("train.max_steps=30", "train.batch_size=16", "train.learning_rate=1e-2", "options.size=8")
NEW = ("model.config={channels: [8, 16], convolutions: 1}",)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("shades")
    data = classes(folder / "pictures", "dark", "light", each=40)
    return toolkit.train(
        "image-classification",
        *FAST,
        *NEW,
        "train.freeze=none",
        data=data,
        model="scratch:cnn",
        out=folder / "run",
    )


def test_a_folder_of_pictures_trains_and_predicts(run: Artifact, tmp_path: Path) -> None:
    assert run.metrics["test"]["accuracy"]["value"] > 0.9
    Image.new("RGB", (20, 30), (70, 70, 70)).save(tmp_path / "new.png")
    as_file = run.predict(str(tmp_path / "new.png"))
    as_array = run.predict(np.full((30, 20, 3), 70, np.uint8))
    assert as_file["label"] == "dark"
    assert as_file == as_array


def test_examples_are_files_of_the_run(run: Artifact) -> None:
    assert len(run.examples) == 8
    for example in run.examples:
        assert Path(example["image"]).parent == (run.folder / "examples").resolve()
        assert example["label"] in {"dark", "light"}


def test_other_pictures_are_measured(run: Artifact, tmp_path: Path) -> None:
    metrics = run.evaluate(classes(tmp_path / "more", "dark", "light", each=5))
    assert metrics["rows"] == 10
    assert metrics["accuracy"]["value"] > 0.8
    with pytest.raises(DataError, match="purple"):
        run.evaluate(classes(tmp_path / "other", "dark", "purple", each=5))


def test_unusable_pictures_are_all_named(run: Artifact, tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(DataError) as caught:
        run.predict([str(tmp_path / "a.png"), str(tmp_path / "b.png")])
    assert "a.png" in str(caught.value)
    assert "b.png" in str(caught.value)


def test_what_spoke_for_a_label_is_a_map_over_the_picture(run: Artifact) -> None:
    heatmap = run.explain(run.examples[0]["image"]).heatmap
    assert heatmap is not None
    weights = np.asarray(heatmap)
    assert weights.shape == (8, 8)
    assert np.abs(weights).max() == 1


def test_the_report_shows_pictures_and_no_outside_files(frozen: tuple[Path, Artifact]) -> None:
    page = frozen[1].report.read_text()
    assert "Confusion matrix" in page
    assert 'src="data:image/' in page
    assert 'src="http' not in page
    assert 'href="http' not in page


def test_plain_transformers_gives_the_same_label(run: Artifact) -> None:
    register()
    classify = pipeline("image-classification", model=str(run.model_folder), device="cpu")
    for example in run.examples[:3]:
        assert classify(example["image"])[0]["label"] == run.predict(example["image"])["label"]


def test_the_exported_model_gives_the_same_labels(run: Artifact, tmp_path: Path) -> None:
    import onnxruntime

    folder = run.export(tmp_path / "onnx")
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
    inputs = run.predictor.encode([example["image"] for example in run.examples])  # pyright: ignore[reportAttributeAccessIssue]
    logits = session.run(None, {"pixel_values": inputs["pixel_values"].contiguous().numpy()})[0]
    names = run.manifest["label_names"]
    found = [names[number] for number in np.asarray(logits).argmax(1)]
    assert found == [run.predict(example["image"])["label"] for example in run.examples]


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Artifact]:
    """A frozen backbone, then the whole model."""
    folder = tmp_path_factory.mktemp("frozen")
    start = small_cnn(folder / "start")
    artifact = toolkit.train(
        "vision/digits-cnn",
        "data.limit=300",
        "model.config={}",
        "train.epochs=2",
        "train.freeze=backbone",
        "train.unfreeze={epochs: 1, learning_rate: 1e-3}",
        "train.metric_for_best_model=loss",
        f"model.name={start}",
        out=folder / "run",
    )
    return start, artifact


def test_first_the_head_and_then_the_whole_model(frozen: tuple[Path, Artifact]) -> None:
    start, artifact = frozen
    steps = [
        json.loads(line)["step"] for line in (artifact.folder / "history.jsonl").read_text().splitlines()
    ]
    assert steps == sorted(steps)
    assert artifact.manifest["fit"]["epochs"] == 3
    assert "augmented views" in artifact.report.read_text()
    register()
    before, after = (
        AutoModelForImageClassification.from_pretrained(folder).base_model.state_dict()
        for folder in (start, artifact.model_folder)
    )
    assert any(not torch.equal(before[name], after[name]) for name in before)


def test_a_frozen_backbone_stays_as_it_was(tmp_path: Path) -> None:
    start = small_cnn(tmp_path / "start")
    options = ("data.limit=300", "model.config={}", "train.epochs=1", "train.freeze=backbone")
    artifact = toolkit.train("vision/digits-cnn", *options, f"model.name={start}", out=tmp_path / "run")
    before, after = (
        AutoModelForImageClassification.from_pretrained(folder).base_model.state_dict()
        for folder in (start, artifact.model_folder)
    )
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_several_labels_at_once(tmp_path: Path) -> None:
    folder = classes(tmp_path / "pictures", "dark", "light", each=30)
    files = sorted(folder.rglob("*.png"))
    lines = [
        {"image": str(file.relative_to(tmp_path)), "label": [file.parent.name] + (["even"] if at % 2 else [])}
        for at, file in enumerate(files)
    ]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, lines)))
    artifact = toolkit.train(
        "image-classification",
        *FAST,
        *NEW,
        "train.freeze=none",
        data=tmp_path / "rows.jsonl",
        model="scratch:cnn",
        out=tmp_path / "run",
    )
    assert artifact.manifest["problem_type"] == "multi_label_classification"
    assert {"dark", "light"} <= set(artifact.predict(str(files[0]))["scores"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("model.name=scratch:resnet81", "resnet18"),
        ("model.name=scratch:cnnn", "cnn"),
        ("model.config={chanels: [4]}", "channels"),
        ("model.config={activation: swoosh}", "gelu"),
        ("train.unfreeze={epochs: 1, learning_rate: 1e-3}", "train.freeze"),
    ],
)
def test_a_wrong_model_is_told_with_the_right_one(change: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=said):
        toolkit.train("vision/digits-cnn", change, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_pretrained_timm_model_forgets_the_names_of_its_old_classes(tmp_path: Path) -> None:
    folder = classes(tmp_path / "pictures", "cups", "plates")
    few = ("train.max_steps=2", "options.size=32")
    toolkit.train("image-classification", *few, data=folder, out=tmp_path / "run")
    loaded = toolkit.load(tmp_path / "run")
    picture = loaded.examples[0]["image"]
    assert loaded.predict(picture)["scores"].keys() == {"cups", "plates"}
    config = json.loads((loaded.model_folder / "config.json").read_text())
    assert config["label_names"] == ["cups", "plates"]
    plain = pipeline("image-classification", model=str(loaded.model_folder))
    assert {entry["label"] for entry in plain(picture)} == {"cups", "plates"}


def test_any_architecture_of_timm_with_new_weights(tmp_path: Path) -> None:
    data = classes(tmp_path / "pictures", "dark", "light", each=12)
    artifact = toolkit.train(
        "image-classification",
        *FAST,
        "train.max_steps=2",
        "options.size=32",
        "train.freeze=none",
        data=data,
        model="scratch:resnet10t",
        out=tmp_path / "run",
    )
    opened = AutoModelForImageClassification.from_pretrained(artifact.model_folder)
    assert opened.config.architecture == "resnet10t"
    assert opened.config.id2label == {0: "dark", 1: "light"}
