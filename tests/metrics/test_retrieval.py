from __future__ import annotations

import numpy as np
import pytest

from toolkit.metrics.glossary import describe
from toolkit.metrics.retrieval import agreement_statistics, pairwise, ranks, score, search_statistics


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def test_places_are_those_of_sorting_by_cosine():
    queries, candidates = random(700, 8), random(40, 8) * 3
    right = np.random.default_rng(1).random((700, 40)) < 0.05
    places = ranks(queries, candidates, lambda part: right[part])
    cosine = (
        queries @ candidates.T / np.linalg.norm(queries, axis=1)[:, None] / np.linalg.norm(candidates, axis=1)
    )
    for at in range(700):
        order = list(np.argsort(-cosine[at]))
        wanted = [order.index(place) for place in np.flatnonzero(right[at])]
        # Right ones before the best right one do not exist, so that only wrong ones stand before it.
        assert places[at] == (min(wanted) + 1 if wanted else 0)


def test_equally_near_wrong_candidates_come_first():
    same = np.ones((3, 2), np.float32)
    assert ranks(same[:1], same, lambda _: np.array([[False, True, False]])).tolist() == [3]


def test_what_is_barred_does_not_count():
    vectors = np.eye(3, dtype=np.float32) + 0.1
    right = np.array([[True, True, False]])
    own = np.array([[True, False, False]])
    assert ranks(vectors[:1], vectors, lambda _: right).tolist() == [1]
    assert ranks(vectors[:1], vectors, lambda _: right, lambda _: own).tolist() == [2]
    assert ranks(vectors[:1], vectors, lambda _: own, lambda _: own).tolist() == [0]


def test_scores_of_searches_before_and_after():
    now, before = np.array([1, 1, 2, 20]), np.array([2, 4, 11, 11])
    found = score(search_statistics(now), 4, search_statistics(before))
    assert found["mean_reciprocal_rank"]["value"] == pytest.approx((1 + 1 + 0.5 + 0.05) / 4)
    assert found["recall_at_1"]["value"] == 0.5
    assert found["recall_at_10"]["value"] == 0.75
    assert found["recall_at_10_before"]["value"] == 0.5
    interval = found["recall_at_1"]
    assert interval["low"] is not None
    assert interval["high"] is not None
    assert interval["low"] < 0.5 < interval["high"]
    assert score(search_statistics(np.ones(9)), 9)["recall_at_1"]["low"] == pytest.approx(0.025 ** (1 / 9))
    assert score(search_statistics(np.zeros(0)), 0)["recall_at_1"]["value"] is None


def test_agreement_with_scores_is_scipys():
    from scipy.stats import pearsonr, spearmanr

    near, scores = random(50), random(50).round(1) + np.arange(50) / 30
    found = score(agreement_statistics(near, scores), 50)
    assert found.keys() == {"spearman", "pearson"}
    assert found["spearman"]["value"] == pytest.approx(spearmanr(near, scores).statistic)
    assert found["pearson"]["value"] == pytest.approx(pearsonr(near, scores).statistic)


def test_pairs_are_compared_place_by_place():
    left, right = random(2, 5, 3)
    expected = [a @ b / np.linalg.norm(a) / np.linalg.norm(b) for a, b in zip(left, right, strict=True)]
    assert pairwise(left, right) == pytest.approx(expected, rel=1e-5)
    assert pairwise(left, np.zeros_like(right)).tolist() == [0] * 5


def test_what_was_measured_before_is_described_by_what_it_is():
    assert describe("recall_at_1_before").title == "Found first before training"
    assert describe("recall_at_1_before").unit == "share"
    assert describe("perplexity_before").title == "Perplexity before training"
