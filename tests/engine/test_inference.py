from __future__ import annotations

import numpy as np
import pytest
import torch

from toolkit.engine.inference import compute_rows

VALUES = np.array([5.0, 1.0, 4.0, 2.0, 3.0, 9.0, 7.0])


def collate(rows):
    return {"values": torch.from_numpy(VALUES[rows])}


def test_rows_come_back_in_their_own_order_and_type():
    model = torch.nn.Linear(1, 1)
    seen: list[int] = []

    def compute(batch):
        assert not model.training
        assert not torch.is_grad_enabled()
        seen.append(len(batch["values"]))
        return torch.stack([batch["values"], batch["values"] ** 2], dim=1)

    found = compute_rows(model, [3, 1, 2, 9, 4, 4, 4], collate, compute, batch_size=3)
    assert found.dtype == np.float64
    assert found.tolist() == [[value, value**2] for value in VALUES]
    assert seen == [3, 3, 1]
    assert model.training


def test_without_rows_there_is_nothing_to_compute():
    with pytest.raises(ValueError, match="no rows"):
        compute_rows(torch.nn.Linear(1, 1), [], collate, lambda batch: batch["values"])
