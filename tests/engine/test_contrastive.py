"""The losses of sentence encoders, against their formulas written out."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from toolkit.engine.contrastive import (
    cosine_loss,
    cosines,
    counted_candidates,
    label_loss,
    pair_loss,
    supervised_contrastive_loss,
)


def vectors(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def test_a_pair_is_told_apart_from_the_other_pairs_of_its_batch():
    outputs = vectors(3, 8)
    left, right = outputs.chunk(2, dim=1)
    near = torch.nn.functional.cosine_similarity(left[:, None], right[None], dim=-1).tolist()
    loss = pair_loss(np.arange(6).reshape(3, 2), 0.5, symmetric=False)(outputs, np.arange(3))
    expected = sum(
        -near[i][i] / 0.5 + math.log(sum(math.exp(near[i][j] / 0.5) for j in range(3))) for i in range(3)
    )
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_both_ways_are_the_mean_of_each_way():
    outputs = vectors(4, 8)
    keys = np.arange(8).reshape(4, 2)
    turned = torch.cat(outputs.chunk(2, dim=1)[::-1], dim=1)
    rows = np.arange(4)
    there = pair_loss(keys, 0.1, symmetric=False)(outputs, rows)
    back = pair_loss(keys[:, ::-1].copy(), 0.1, symmetric=False)(turned, rows)
    both = pair_loss(keys, 0.1, symmetric=True)(outputs, rows)
    assert float(both) == pytest.approx(float(there + back) / 2, rel=1e-5)


def test_keys_are_those_of_the_rows_in_the_step():
    keys = np.array([[1, 2], [3, 2], [5, 6], [7, 8]])
    outputs = vectors(2, 8)
    alone = pair_loss(keys, 0.1, symmetric=False)(outputs, np.array([0, 1]))
    assert float(alone) == pytest.approx(0.0, abs=1e-6), "the same answer twice leaves nothing to tell apart"
    assert float(pair_loss(keys, 0.1, symmetric=False)(outputs, np.array([3, 2]))) > 0


def test_repeated_texts_are_no_negatives():
    texts = torch.tensor([[1, 10], [1, 11], [2, 10], [3, 1], [4, 12]])
    counted = counted_candidates(texts)
    assert counted.diagonal().all()
    assert not counted[0, 1], "another answer to the same question"
    assert not counted[0, 2], "the same answer to another question"
    assert not counted[0, 3], "the question itself"
    assert counted[0, 4]
    assert counted[4].all()


def test_negatives_of_a_triplet_count_for_every_row_but_where_they_are_right():
    counted = counted_candidates(torch.tensor([[1, 10, 20], [2, 11, 10], [1, 12, 21]]))
    assert counted.shape == (3, 6)
    assert counted[0, 3]
    assert not counted[0, 4], "what is wrong for the second row is right for the first"
    assert counted[1, 4]
    assert not counted[0, 2]
    assert counted[0, 5], "a wrong answer to the same question stays wrong"


def test_texts_of_one_label_are_drawn_together():
    outputs, labels = vectors(5, 4), [0, 0, 1, 1, 2]
    near = cosines(outputs, outputs).tolist()

    def row(i: int) -> float:
        alike = [j for j in range(5) if labels[j] == labels[i] and j != i]
        total = math.log(sum(math.exp(near[i][j] / 0.2) for j in range(5) if j != i))
        return sum(total - near[i][j] / 0.2 for j in alike) / max(len(alike), 1)

    expected = sum(row(i) for i in range(5))
    similarities = cosines(outputs, outputs)
    assert float(supervised_contrastive_loss(similarities, torch.tensor(labels), 0.2)) == pytest.approx(
        expected, rel=1e-5
    )
    found = label_loss(np.array([9, *labels]), 0.2)(outputs, np.arange(1, 6))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_a_label_without_its_like_has_no_gradient_that_is_no_number():
    outputs = vectors(3, 4).requires_grad_()
    label_loss(np.array([0, 1, 2]), 0.1)(outputs, np.arange(3)).backward()
    assert outputs.grad is not None
    assert outputs.grad.abs().max() == 0


def test_a_score_is_what_the_cosine_should_be():
    left, right = vectors(2, 3, 4)
    scores = torch.tensor([0.0, 0.5, 1.0])
    near = torch.nn.functional.cosine_similarity(left, right)
    assert float(cosine_loss(left, right, scores)) == pytest.approx(float(((near - scores) ** 2).sum()))
    assert float(cosine_loss(left, left * 2, torch.ones(3))) == pytest.approx(0.0, abs=1e-6)
