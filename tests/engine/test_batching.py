import numpy as np
import pytest

from tests.engine.tiny import make_recipe
from toolkit.engine.batching import cut, plan_epoch


def lengths(rows: int, seed: int = 0) -> np.ndarray:
    return np.clip(np.random.default_rng(seed).normal(27, 11, rows), 4, 80).astype(np.int32)


@pytest.mark.parametrize("rows", [1, 7, 500, 5000])
def test_every_row_comes_once_an_epoch(rows):
    plan = plan_epoch(lengths(rows), make_recipe().train, 0)
    assert sorted(np.concatenate(plan)) == list(range(rows))


def test_batches_keep_to_the_budget_and_are_hardly_padded():
    tokens = lengths(5000)
    padded = [
        int(tokens[rows].max()) * len(rows)
        for rows in plan_epoch(tokens, make_recipe(batch_tokens=800).train, 0)
    ]
    assert max(padded) <= 800
    assert sum(padded) < 1.03 * tokens.sum()
    assert min(padded) > 400  # no remnant whose few rows would weigh more than others


def test_batch_size_holds_on_average():
    tokens = lengths(5000)
    plan = plan_epoch(tokens, make_recipe(batch_size=32).train, 0)
    assert 5000 / len(plan) == pytest.approx(32, rel=0.06)


def test_a_row_longer_than_the_budget_is_a_batch_of_its_own():
    tokens = np.array([5, 5, 500, 5], dtype=np.int32)
    plan = plan_epoch(tokens, make_recipe(batch_tokens=20).train, 0)
    assert [2] in [rows.tolist() for rows in plan]


def test_the_plan_follows_from_seed_and_epoch_alone():
    def plan(seed: int, epoch: int) -> list[list[int]]:
        return [rows.tolist() for rows in plan_epoch(lengths(500), make_recipe(seed=seed).train, epoch)]

    np.random.seed(1)
    first = plan(0, 0)
    np.random.seed(2)
    assert plan(0, 0) == first
    assert plan(0, 1) != first
    assert plan(1, 0) != first


def test_batches_of_like_length_come_in_random_order():
    tokens = lengths(5000)
    means = [tokens[rows].mean() for rows in plan_epoch(tokens, make_recipe().train, 0)]
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.3


def test_processes_and_accumulation_cut_a_batch_into_the_same_pieces():
    rows = np.arange(13)
    (alone,) = cut(rows, 1, 4)
    shared = cut(rows, 2, 2)
    together = [shared[0][0], shared[1][0], shared[0][1], shared[1][1]]
    assert [piece.tolist() for piece in alone] == [piece.tolist() for piece in together]
    assert max(map(len, alone)) - min(map(len, alone)) <= 1


@pytest.mark.parametrize(("rows", "processes", "accumulation"), [(1, 4, 1), (3, 2, 4), (5, 4, 2), (8, 1, 16)])
def test_few_rows_make_few_pieces_and_none_is_empty(rows, processes, accumulation):
    shares = cut(np.arange(rows), processes, accumulation)
    pieces = [piece for share in shares for piece in share]
    assert sorted(np.concatenate(pieces)) == list(range(rows))
    assert len(shares) == processes
    assert all(len(piece) for piece in pieces)
