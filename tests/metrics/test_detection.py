from __future__ import annotations

import json
import time

import numpy as np
import pytest
import torch
from torchmetrics.detection import MeanAveragePrecision

from toolkit.errors import TrainingError
from toolkit.metrics.detection import (
    METRICS,
    MOST,
    Detections,
    Objects,
    detection_statistics,
    overlaps,
    per_class,
    score,
)
from toolkit.metrics.glossary import GLOSSARY

NOTHING = np.zeros((0, 4), np.float32)


def pictures(count=40, *, classes=4, most=6, noise=4.0, extra=8, digits=None, seed=0):
    """True objects, and detections that hit them more or less, repeat them, rename them or make them up."""
    generator = np.random.default_rng(seed)
    found, true = [], []
    for _ in range(count):
        boxes = made_up(generator, generator.integers(0, most + 1))
        labels = generator.integers(0, classes, len(boxes))
        again = generator.integers(0, max(1, len(boxes)), len(boxes) + 2 if len(boxes) else 0)
        guess = np.vstack(
            [boxes[again] + generator.normal(scale=noise, size=(len(again), 4)), made_up(generator, extra)]
        )
        guess[:, 2:] = np.maximum(guess[:, 2:], guess[:, :2] + 1)
        named = np.concatenate([labels[again], generator.integers(0, classes, extra)])
        named = np.where(
            generator.random(len(named)) < 0.1, generator.integers(0, classes, len(named)), named
        )
        scores = generator.random(len(guess)) * np.where(np.arange(len(guess)) < len(again), 1.0, 0.7)
        if digits is not None:
            boxes, guess, scores = boxes.round(), guess.round(), scores.round(digits)
        true.append(Objects(boxes.astype(np.float32), labels))
        found.append(Detections(guess.astype(np.float32), scores.astype(np.float32), named))
    return found, true


def made_up(generator, count):
    corners = generator.uniform(0, 90, (count, 2))
    return np.hstack([corners, corners + generator.uniform(8, 40, (count, 2))])


def coco(found, true):
    """torchmetrics on faster-coco-eval, with COCO's own thresholds in double precision."""
    metric = MeanAveragePrecision(
        backend="faster_coco_eval",
        class_metrics=True,
        iou_thresholds=np.linspace(0.5, 0.95, 10).tolist(),
        rec_thresholds=np.linspace(0, 1, 101).tolist(),
    )
    metric.warn_on_many_detections = False
    tensors = [
        {"boxes": torch.tensor(f.boxes), "scores": torch.tensor(f.scores), "labels": torch.tensor(f.labels)}
        for f in found
    ]
    metric.update(tensors, [{"boxes": torch.tensor(t.boxes), "labels": torch.tensor(t.labels)} for t in true])
    return metric.compute()


def values(measures):
    return [measures[name]["value"] for name in METRICS]


def headlines(result):
    return [result[name].item() for name in ("map", "map_50", "map_75")]


@pytest.mark.parametrize("noise", [0.5, 2.0, 6.0])
@pytest.mark.parametrize("classes", [1, 4, 30])
def test_values_are_those_of_coco(classes, noise):
    found, true = pictures(classes=classes, noise=noise)
    assert values(score(found, true, resamples=0)) == pytest.approx(headlines(coco(found, true)), abs=1e-6)


@pytest.mark.parametrize("digits", [1, 3])
def test_equal_scores_and_overlaps_of_whole_pixels_are_decided_as_in_coco(digits):
    found, true = pictures(count=200, noise=2.0, digits=digits)
    assert values(score(found, true, resamples=0)) == pytest.approx(headlines(coco(found, true)), abs=1e-6)


def test_more_than_a_hundred_detections_of_a_class_are_cut_as_in_coco():
    found, true = pictures(count=5, classes=2, extra=3 * MOST)
    assert values(score(found, true, resamples=0)) == pytest.approx(headlines(coco(found, true)), abs=1e-6)


def test_per_class_table_is_cocos_and_counts_the_objects():
    found, true = pictures(classes=5)
    result, rows = coco(found, true), per_class(found, true, tuple("abcde?"))
    assert [row["average_precision"] for row in rows[:5]] == pytest.approx(
        result["map_per_class"].tolist(), abs=1e-6
    )
    assert sum(row["support"] for row in rows) == sum(len(objects.labels) for objects in true)
    assert rows[5] == {"label": "?", "average_precision": None, "average_precision_50": None, "support": 0}
    json.dumps(rows, allow_nan=False)


def test_weights_count_a_picture_as_often_as_coco_would_see_it():
    found, true = pictures(count=25)
    weights = np.random.default_rng(5).integers(0, 4, size=(12, 25))
    statistics = detection_statistics(found, true)
    got = np.stack([statistics[name](weights.astype(float)) for name in METRICS], axis=1)
    for row, drawn in zip(got, weights, strict=True):
        again = np.repeat(np.arange(25), drawn)
        expected = headlines(coco([found[i] for i in again], [true[i] for i in again]))
        assert row == pytest.approx(expected, abs=1e-6)


def test_every_interval_holds_its_value_and_narrows_with_more_pictures():
    few, many = (score(*pictures(count=count), resamples=200) for count in (30, 480))
    for name in METRICS:
        assert many[name]["low"] < many[name]["value"] < many[name]["high"]
        width = [measure[name]["high"] - measure[name]["low"] for measure in (few, many)]
        assert width[1] < 0.5 * width[0]


def test_same_seed_same_interval():
    data = pictures()
    assert score(*data, seed=1, resamples=50) == score(*data, seed=1, resamples=50)
    assert score(*data, seed=1, resamples=50) != score(*data, seed=2, resamples=50)


def test_perfect_boxes_score_one_and_none_score_zero():
    _, true = pictures()
    right = [Detections(one.boxes, np.ones(len(one.labels)), one.labels) for one in true]
    nothing = [Detections(NOTHING, np.zeros(0), np.zeros(0, int)) for _ in true]
    assert values(score(right, true)) == pytest.approx([1, 1, 1])
    assert values(score(nothing, true)) == [0, 0, 0]


def test_a_label_that_no_true_object_has_is_left_out_of_the_mean():
    _, true = pictures(classes=3)
    right = [Detections(one.boxes, np.ones(len(one.labels)), one.labels) for one in true]
    right[0] = Detections(
        np.vstack([right[0].boxes, [[0, 0, 9, 9]]]),
        np.append(right[0].scores, 1),
        np.append(right[0].labels, 7),
    )
    assert values(score(right, true, resamples=0)) == pytest.approx([1, 1, 1])


def test_pictures_without_objects_have_no_score_and_say_so():
    found, true = pictures(count=3)
    empty = [Objects(NOTHING, np.zeros(0, int)) for _ in true]
    for measure in score(found, empty).values():
        assert (measure["value"], measure["note"]) == (None, "no picture holds an object")
    assert score([], [])["mean_average_precision"]["note"] == "no rows"


def test_boxes_that_are_not_finite_stop_with_their_positions():
    found, true = pictures(count=6)
    found[4].boxes[0, 0] = np.nan
    with pytest.raises(TrainingError, match=r"1 of 6 pictures \(positions 4\)"):
        score(found, true)


def test_overlaps_of_known_boxes():
    one = np.array([[0, 0, 10, 10]])
    others = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10], [3, 3, 3, 3]])
    assert overlaps(one, others)[0] == pytest.approx([1, 1 / 3, 0, 0])
    assert overlaps(others[3:], others[3:]) == 0


def test_five_hundred_pictures_take_seconds_with_intervals_and_less_than_one_without():
    data = pictures(count=500, classes=10, extra=90)
    start = time.perf_counter()
    score(*data, resamples=0)
    middle = time.perf_counter()
    score(*data)
    assert middle - start < 1
    assert time.perf_counter() - middle < 6


def test_every_metric_is_explained():
    assert all(GLOSSARY[name].meaning.endswith(".") for name in METRICS)
