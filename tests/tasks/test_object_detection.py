"""What detection promises beyond the conformance suite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from tests.tasks.detection_cases import SMALL, small_detector
from toolkit.data.labels import LabelSpace
from toolkit.data.pictures import Frame
from toolkit.engine.memory import suit_convolutions
from toolkit.errors import ModelError, RecipeError
from toolkit.metrics.detection import Detections, Objects
from toolkit.recipe.schema import ModelSection
from toolkit.tasks.detection_batches import targets_of
from toolkit.tasks.detection_model import BoxPredictor, describe, surest
from toolkit.tasks.detection_opening import freeze_norms, open_detector
from toolkit.tasks.detection_report import matched
from toolkit.tasks.detection_training import detection_loss
from toolkit.tasks.image_input import PictureInput
from toolkit.tasks.problem import label_config

SPACE = LabelSpace("object_detection", ("cat", "dog"))
FRAME = Frame((64, 64), 3, "stretch")
NEW = ModelSection(name="scratch:rt_detr", backbone="scratch:test_resnet", config=SMALL)


def built(frame: Frame = FRAME, **changes: Any) -> Any:
    section = NEW.model_copy(update=changes)
    torch.manual_seed(0)
    return open_detector(section, label_config(SPACE), frame)[0]


def batch(counts: list[int], seed: int = 0) -> dict[str, torch.Tensor]:
    """Pictures of noise with so many objects each."""
    generator = torch.Generator().manual_seed(seed)
    most = max(counts)
    labels = torch.randint(0, 2, (len(counts), most), generator=generator)
    labels[torch.arange(most) >= torch.tensor(counts).unsqueeze(1)] = -1
    middle = 0.3 + 0.4 * torch.rand((len(counts), most, 2), generator=generator)
    boxes = torch.cat([middle, 0.1 + 0.2 * torch.rand((len(counts), most, 2), generator=generator)], -1)
    pixels = torch.randn((len(counts), 3, 64, 64), generator=generator)
    return {"pixel_values": pixels, "boxes": boxes, "class_labels": labels}


def part(whole: dict[str, torch.Tensor], rows: slice) -> dict[str, torch.Tensor]:
    return {name: value[rows] for name, value in whole.items()}


@pytest.mark.parametrize("name", ["rt_detr", "rt_detr_v2"])
def test_the_losses_of_pieces_add_up_also_of_pictures_without_objects(name: str):
    model = built(name=f"scratch:{name}", config={**SMALL, "decoder_layers": 2})
    freeze_norms(model)
    model.eval()  # transformers' detectors give a loss in this mode too
    whole = batch([3, 1, 0, 0, 2])
    pieces = [part(whole, rows) for rows in (slice(0, 2), slice(2, 4), slice(4, 5))]
    with torch.no_grad():
        expected = float(detection_loss(model, whole))
        assert sum(float(detection_loss(model, piece)) for piece in pieces) == pytest.approx(
            expected, rel=1e-4
        )


def test_padding_is_no_object():
    targets = targets_of(batch([2, 0, 3]))
    assert [len(one["boxes"]) for one in targets] == [2, 0, 3]
    assert all((one["class_labels"] >= 0).all() for one in targets)


def test_d_fine_learns_from_pictures_with_and_without_objects():
    model = built(name="scratch:d_fine", config={**SMALL, "decoder_layers": 2, "num_denoising": 4})
    model.train()
    for counts in ([2, 0], [0, 0]):
        model.zero_grad()
        detection_loss(model, batch(counts)).backward()
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        assert gradients
        assert all(torch.isfinite(gradient).all() for gradient in gradients)


def saved_backbone(folder: Path, name: str, channels: int = 3) -> Path:
    """A timm classifier in the form in which the Hub keeps it."""
    import timm
    from timm.models import save_for_hf

    model = timm.create_model(name, in_chans=channels)
    save_for_hf(model, str(folder), safe_serialization=True)
    return folder


@pytest.mark.parametrize("name", ["test_resnet", "test_convnext", "tf_efficientnet_lite0"])
def test_a_backbones_weights_and_feature_maps_are_its_own(tmp_path: Path, name: str):
    import timm
    from safetensors.torch import load_file

    torch.manual_seed(1)
    folder = saved_backbone(tmp_path / "b", name)
    model = built(backbone=str(folder))
    plain = timm.create_model(name).eval()
    plain.load_state_dict(load_file(folder / "model.safetensors"))
    pixels = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        maps = model.model.backbone.model.eval()(pixels).feature_maps
        _, expected = plain.forward_intermediates(pixels, indices=3 if name != "test_convnext" else [1, 2, 3])
    assert [tuple(one.shape) for one in maps] == [tuple(one.shape) for one in expected]
    for one, other in zip(maps, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_weights_of_another_shape_are_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="another shape"):
        built(backbone=str(saved_backbone(tmp_path / "b", "test_resnet", channels=1)))


def test_grey_pictures_need_new_weights_throughout():
    model = built(Frame((64, 64), 1, "stretch"))
    assert model(pixel_values=torch.zeros(1, 1, 64, 64)).logits.shape == (1, 10, 2)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "scratch:rt_dert"}, "rt_detr"),
        ({"backbone": "scratch:resnet10x"}, "resnet10t"),
        ({"backbone": "scratch:vit_tiny_patch16_224"}, "strides"),
        ({"config": {"d_modle": 32}}, "d_model"),
        ({"config": {"num_queries": 500}}, "num_queries=84"),
        ({"config": {"d_model": "wide"}}, "model.config"),
    ],
)
def test_a_model_that_cannot_be_built_is_explained(changes: dict[str, Any], said: str):
    with pytest.raises(RecipeError, match=said):
        built(**changes)


def test_a_size_that_feature_maps_cannot_halve_is_refused():
    with pytest.raises(RecipeError, match="multiples of 32"):
        built(Frame((64, 100), 3, "stretch"))


def test_a_pretrained_detector_has_its_own_backbone(tmp_path: Path):
    folder = small_detector(tmp_path / "m")
    with pytest.raises(RecipeError, match=r"model\.backbone"):
        built(name=str(folder), config={})


def test_another_number_of_classes_gets_a_new_head(tmp_path: Path):
    model = built(name=str(small_detector(tmp_path / "m")), config={}, backbone=None)
    assert model(pixel_values=torch.zeros(1, 3, 64, 64)).logits.shape == (1, 10, 2)


def test_a_saved_detector_predicts_the_same(tmp_path: Path):
    torch.manual_seed(0)
    model = built().eval()
    suit_convolutions(model)  # as training leaves it: another layout sums in another order
    predictor = BoxPredictor(model, PictureInput(FRAME, (0.3,) * 3, (0.2,) * 3), SPACE, 0.01)
    pictures = [np.random.default_rng(at).integers(0, 255, (40, 90, 3), np.uint8) for at in range(3)]
    before = predictor(pictures)
    predictor.save(tmp_path)
    assert BoxPredictor.load(ModelSection(name=str(tmp_path)))(pictures) == before
    assert before[0]["size"] == [90, 40]
    for box in before[0]["boxes"]:
        left, top, right, bottom = box["box"]
        assert 0 <= left <= right <= 90
        assert 0 <= top <= bottom <= 40


def test_transformers_reads_pictures_the_same_way(tmp_path: Path):
    from transformers import AutoImageProcessor

    predictor = BoxPredictor(built().eval(), PictureInput(FRAME, (0.3, 0.4, 0.5), (0.2,) * 3), SPACE)
    predictor.save(tmp_path)
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8))
    processor = AutoImageProcessor.from_pretrained(tmp_path)
    theirs = processor(picture, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(predictor.encode([picture])["pixel_values"], theirs, rtol=1e-4, atol=1e-4)


def test_a_folder_without_a_detector_is_refused(tmp_path: Path):
    folder = small_detector(tmp_path / "m")
    (folder / "decoding.json").unlink()
    with pytest.raises(ModelError, match="not a saved detector"):
        BoxPredictor.load(ModelSection(name=str(folder)))


def test_the_surest_are_taken_over_queries_and_classes():
    logits = torch.tensor([[[2.0, -3.0], [1.0, 3.0]]])
    boxes = torch.tensor([[[0.5, 0.5, 0.5, 0.5], [0.0, 0.0, 0.5, 1.0]]])
    (found,) = surest(logits, boxes, (40, 80))
    assert found.labels.tolist() == [1, 0, 0, 1]
    np.testing.assert_allclose(found.boxes[:2], [[0, 0, 20, 20], [20, 10, 60, 30]])
    assert found.scores.tolist() == sorted(found.scores.tolist(), reverse=True)


def test_boxes_are_told_in_words():
    assert describe(["dog", "cat", "dog"]) == "2 dogs, 1 cat"
    assert describe(["7", "7", "1"]) == "2 x 7, 1 x 1"
    assert describe([]) == "nothing"


def test_each_box_finds_one_object_of_its_class():
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 10, 9], [20, 20, 30, 30]])
    found = Detections(boxes, np.array([0.9, 0.8, 0.7]), np.array([0, 0, 1]))
    assert matched(found, Objects(boxes[[0, 2]], np.array([0, 0]))) == 1
    assert matched(found, Objects(boxes[[0, 2]], np.array([0, 1]))) == 2
