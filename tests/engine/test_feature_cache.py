"""Activations of a frozen backbone are those of the model, computed once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from toolkit.engine.feature_cache import Rows, cached_features, find_head
from toolkit.engine.freeze import freeze, to_training
from toolkit.models.cnn import CnnConfig, CnnForImageClassification


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path))


def make(dropout: float = 0.0) -> CnnForImageClassification:
    torch.manual_seed(0)
    model = CnnForImageClassification(
        CnnConfig(num_channels=1, channels=[4, 8], convolutions=1, dropout=dropout, num_labels=3)
    )
    freeze(model, "backbone")
    return model


def pictures(count: int = 10) -> torch.Tensor:
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def test_the_head_on_kept_activations_is_the_model():
    model, given = make(), pictures()
    head = find_head(model, {"pixel_values": given})
    assert head is not None
    assert head.name == "classifier"
    calls: list[int] = []

    def collate(rows: np.ndarray, view: int) -> dict[str, torch.Tensor]:
        calls.append(view)
        return {"pixel_values": given[rows] + view}

    kept = cached_features(head, Rows(10, collate, {"name": "noise"}), views=2)
    assert kept.shape == (2, 10, 8)
    with torch.no_grad():
        alone = head.module(torch.from_numpy(np.array(kept[1])))
        whole = model(pixel_values=given + 1).logits
    torch.testing.assert_close(alone, whole)
    calls.clear()
    cached_features(head, Rows(10, collate, {"name": "noise"}), views=2)
    assert calls == []


def test_other_weights_are_other_activations():
    first, given = make(), pictures()
    rows = Rows(10, lambda rows, view: {"pixel_values": given[rows]})
    head = find_head(first, {"pixel_values": given})
    assert head is not None
    kept = np.array(cached_features(head, rows))
    with torch.no_grad():
        first.cnn.stages[0].first[0].weight.mul_(2)
    assert not np.array_equal(kept, cached_features(head, rows))


def test_dropout_before_the_head_forbids_it():
    assert find_head(make(dropout=0.5), {"pixel_values": pictures()}) is None


def test_a_model_that_is_trained_whole_has_no_head_to_keep():
    model = make()
    model.requires_grad_(True)
    assert find_head(model, {"pixel_values": pictures()}) is None


def test_frozen_statistics_stay_as_they_are():
    model = make()
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    to_training(model)
    model(pixel_values=pictures())
    assert before
    assert all(torch.equal(before[name], buffer) for name, buffer in model.named_buffers())
