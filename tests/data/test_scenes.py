from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.datasets import load_digits

from toolkit.data.scenes import OVERLAP, Layout, compose_scenes, covered

SQUARES = np.full((3, 8, 8), 255, np.uint8)


@pytest.fixture(scope="module")
def digits():
    bunch = load_digits()
    return np.round(bunch.images * (255 / 16)).astype(np.uint8), bunch.target


def test_scenes_have_their_shapes_and_numbers_of_objects(digits):
    scenes = compose_scenes(*digits, count=200, size=128, seed=0)
    assert (scenes.pictures.shape, scenes.pictures.dtype) == ((200, 128, 128), np.uint8)
    assert {len(boxes) for boxes in scenes.boxes} == {1, 2, 3, 4, 5, 6}
    for boxes, labels in zip(scenes.boxes, scenes.labels, strict=True):
        assert (boxes.dtype, boxes.shape, labels.shape) == (np.float32, (len(labels), 4), (len(boxes),))
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2:] <= 128).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert set(np.concatenate(scenes.labels)) == set(range(10))


def test_a_seed_gives_its_scenes_however_many_are_asked_for(digits):
    few, many = (compose_scenes(*digits, count=count, size=96, seed=3) for count in (4, 9))
    other = compose_scenes(*digits, count=4, size=96, seed=4)
    np.testing.assert_array_equal(few.pictures, many.pictures[:4])
    for one, again in zip(few.boxes + few.labels, many.boxes[:4] + many.labels[:4], strict=True):
        np.testing.assert_array_equal(one, again)
    assert (few.pictures != other.pictures).any((1, 2)).all()


def test_boxes_are_tight_on_every_side():
    layout = Layout(objects=(1, 1), scale=(2.0, 4.0))
    scenes = compose_scenes(SQUARES, np.zeros(3), count=60, size=64, seed=0, layout=layout)
    checked = 0
    for picture, boxes in zip(scenes.pictures.astype(float), scenes.boxes, strict=True):
        for turned, box in ((picture, boxes[0]), (picture.T, boxes[0][[1, 0, 3, 2]])):
            left, top, right, bottom = box.astype(int)
            inside = turned[top + 2 : bottom - 2]  # the corners of a square are fainter
            if left > 0 and right < 64:
                assert inside[:, left].mean() > inside[:, left - 1].mean() + 8
                assert inside[:, right - 1].mean() > inside[:, right].mean() + 8
                checked += 1
    assert checked > 80


def test_ink_is_brighter_than_any_background_and_lies_in_boxes(digits):
    scenes = compose_scenes(*digits, count=50, size=128, seed=1)
    for picture, boxes in zip(scenes.pictures, scenes.boxes, strict=True):
        outside = np.ones(picture.shape, bool)
        for left, top, right, bottom in boxes.astype(int):
            outside[top:bottom, left:right] = False
            assert picture[top:bottom, left:right].max() > 150
        assert picture[outside].max() < 150
        assert picture[outside].std() > 1, "a plain background"


def test_labels_are_those_of_the_pictures_shown():
    hollow = SQUARES[0].copy()
    hollow[2:-2, 2:-2] = 0
    pictures = np.stack([SQUARES[0], hollow])
    scenes = compose_scenes(
        pictures, np.array([5, 8]), count=60, size=128, seed=0, layout=Layout(scale=(3, 4))
    )
    for picture, boxes, labels in zip(scenes.pictures, scenes.boxes, scenes.labels, strict=True):
        for (left, top, right, bottom), label in zip(boxes.astype(int), labels, strict=True):
            centre = picture[(top + bottom) // 2, (left + right) // 2]
            assert label == (5 if centre > 150 else 8)


def test_objects_hardly_overlap_and_crowded_ones_are_left_out_but_the_first(digits):
    scenes = compose_scenes(*digits, count=100, size=48, seed=0, layout=Layout((6, 6), (2.0, 4.0)))
    for boxes in scenes.boxes:
        shared = covered(boxes, boxes)
        assert (shared[~np.eye(len(boxes), dtype=bool)] <= OVERLAP).all()
    held = [len(boxes) for boxes in scenes.boxes]
    assert 1 <= min(held) < max(held) <= 6


def test_everything_wrong_is_said_at_once():
    dark = np.zeros((3, 8, 8), np.uint8)
    layout = Layout(objects=(0, 3), scale=(0.5, 9.0))
    with pytest.raises(
        ValueError, match=r"3 pictures, 2 labels; .* bright .*; 0 to 3 .*; scale 0\.5 .*; .* 64"
    ):
        compose_scenes(dark, np.zeros(2), count=1, size=64, seed=0, layout=layout)
    with pytest.raises(ValueError, match="no pictures"):
        compose_scenes(dark[:0], np.zeros(0), count=1, size=64, seed=0)


def test_no_scenes_are_empty_arrays(digits):
    scenes = compose_scenes(*digits, count=0, size=64, seed=0)
    assert (scenes.pictures.shape, scenes.boxes, scenes.labels) == ((0, 64, 64), (), ())


def test_five_hundred_scenes_take_seconds(digits):
    start = time.perf_counter()
    compose_scenes(*digits, count=500, size=128, seed=0)
    assert time.perf_counter() - start < 4
