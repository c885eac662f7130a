from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch
import torchmetrics.functional.classification as reference
from torchmetrics.functional.segmentation import mean_iou

from toolkit.metrics.glossary import GLOSSARY
from toolkit.metrics.segmentation import IGNORE, METRICS, confusion_counts, per_class, score


def masks(pictures=20, classes=4, size=24, wrong=0.3, seed=0):
    """True masks of coarse patches, of which some pixels are predicted at random."""
    generator = np.random.default_rng(seed)
    coarse = generator.integers(0, classes, (pictures, size // 4, size // 4))
    true = coarse.repeat(4, axis=1).repeat(4, axis=2).astype(np.uint8)
    guess = generator.integers(0, classes, true.shape).astype(np.uint8)
    return np.where(generator.random(true.shape) < wrong, guess, true), true


def scored(predicted, true, classes=4, **options):
    return score(confusion_counts(predicted, true, classes), **options)


def values(measures):
    return {name: measure["value"] for name, measure in measures.items()}


def test_a_small_picture_by_hand():
    true = np.array([[0, 0, 1], [1, 2, IGNORE]])
    predicted = np.array([[0, 1, 1], [1, 2, 0]])
    counts = confusion_counts([predicted], [true], 4)
    assert counts[0].tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    got = values(score(counts))
    assert got["mean_iou"] == pytest.approx((1 / 2 + 2 / 3 + 1) / 3)
    assert got["mean_dice"] == pytest.approx((2 / 3 + 4 / 5 + 1) / 3)
    assert got["pixel_accuracy"] == pytest.approx(4 / 5)
    without_background = values(score(counts, skip=(0,)))
    assert without_background["mean_iou"] == pytest.approx((2 / 3 + 1) / 2)
    assert without_background["pixel_accuracy"] == got["pixel_accuracy"]
    assert per_class(counts, ("background", "cat", "dog", "cow")) == [
        {"label": "background", "iou": pytest.approx(1 / 2), "dice": pytest.approx(2 / 3), "support": 2},
        {"label": "cat", "iou": pytest.approx(2 / 3), "dice": pytest.approx(4 / 5), "support": 2},
        {"label": "dog", "iou": 1.0, "dice": 1.0, "support": 1},
        {"label": "cow", "iou": None, "dice": None, "support": 0},
    ]


@pytest.mark.parametrize("classes", [2, 4, 30])
def test_values_are_those_of_torchmetrics(classes):
    predicted, true = masks(classes=classes, size=48)
    true[np.random.default_rng(1).random(true.shape) < 0.1] = IGNORE
    got = values(scored(predicted, true, classes))
    tensors = torch.tensor(predicted).long(), torch.tensor(true).long()
    options = {"num_classes": classes, "ignore_index": IGNORE}
    iou = reference.multiclass_jaccard_index(*tensors, **options)
    dice = reference.multiclass_f1_score(*tensors, average="macro", **options)
    accuracy = reference.multiclass_accuracy(*tensors, average="micro", **options)
    assert got["mean_iou"] == pytest.approx(iou.item(), abs=1e-6)
    assert got["mean_dice"] == pytest.approx(dice.item(), abs=1e-6)
    assert got["pixel_accuracy"] == pytest.approx(accuracy.item(), abs=1e-6)


def test_one_picture_is_torchmetrics_mean_iou():
    predicted, true = masks(pictures=1)
    tensors = torch.tensor(predicted).long(), torch.tensor(true).long()
    peer = mean_iou(*tensors, num_classes=4, input_format="index")
    assert values(scored(predicted, true))["mean_iou"] == pytest.approx(peer.item(), abs=1e-6)


def test_a_class_that_occurs_nowhere_is_left_out_and_one_only_predicted_counts_as_zero():
    true = np.zeros((2, 4, 4), int)
    assert values(scored(true, true)) == {"mean_iou": 1.0, "mean_dice": 1.0, "pixel_accuracy": 1.0}
    predicted = true.copy()
    predicted[0, 0, 0] = 3
    assert values(scored(predicted, true))["mean_iou"] == pytest.approx((31 / 32 + 0) / 2)


def test_intervals_are_those_of_resampled_pictures():
    predicted, true = masks(pictures=60, size=16)
    generator = np.random.default_rng(9)
    # One hard picture in three makes pictures differ.
    predicted[::3] = generator.integers(0, 4, predicted[::3].shape)
    drawn = [generator.integers(0, 60, 60) for _ in range(300)]
    peers = [values(scored(predicted[i], true[i], resamples=0)) for i in drawn]
    got = scored(predicted, true)
    for name in METRICS:
        low, high = np.quantile([peer[name] for peer in peers], (0.025, 0.975))
        assert (got[name]["low"], got[name]["high"]) == (
            pytest.approx(low, abs=0.01),
            pytest.approx(high, abs=0.01),
        )
        assert got[name]["low"] < got[name]["value"] < got[name]["high"]


def test_pictures_may_differ_in_size():
    shapes = [(3, 5), (8, 2), (1, 1)]
    counts = confusion_counts([np.zeros(s, int) for s in shapes], [np.ones(s, int) for s in shapes], 2)
    assert counts[:, 1, 0].tolist() == [15, 16, 1]


def test_nothing_labelled_has_no_score_and_says_so():
    nothing = np.full((3, 4, 4), IGNORE)
    got = scored(np.zeros((3, 4, 4), int), nothing)
    json.dumps(got, allow_nan=False)
    assert all(measure["value"] is None and measure["note"] for measure in got.values())
    assert scored([], [])["mean_iou"]["note"] == "no rows"


def test_masks_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"shape \(2, 3\) for a true one of shape \(3, 2\)"):
        confusion_counts([np.zeros((2, 3))], [np.zeros((3, 2))], 2)
    with pytest.raises(ValueError, match=r"class 7 in a mask; classes are 0 to 3, and 255 is ignored"):
        confusion_counts([np.zeros((2, 2), int)], [np.full((2, 2), 7)], 4)


def test_two_thousand_pictures_with_intervals_take_a_few_seconds():
    counts = np.random.default_rng(0).integers(0, 500, (2000, 10, 10))
    start = time.perf_counter()
    score(counts)
    assert time.perf_counter() - start < 3


def test_every_metric_is_explained():
    assert all(GLOSSARY[name].meaning.endswith(".") for name in METRICS)
