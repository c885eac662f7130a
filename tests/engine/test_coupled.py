"""Losses for which the rows of a step bear on each other: any number of pieces takes the same step."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from tests.engine.tiny import Numbers, make_model, make_objective, make_recipe, train_tiny
from toolkit.engine.batching import cut, plan_rows
from toolkit.engine.run import Run
from toolkit.engine.seed import seed_everything
from toolkit.engine.state import State
from toolkit.engine.step import take_step
from toolkit.engine.turn import Coupled, Turn
from toolkit.errors import TrainingError
from toolkit.recipe.schema import TrainSection


def logits(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return model(**{key: value for key, value in batch.items() if key != "labels"}).logits


def spread(outputs: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
    """Sum over rows of the cross-entropy of each row being nearest to itself, weighted by its number."""
    near = outputs @ outputs.T
    own = torch.arange(len(rows))
    each = nn.functional.cross_entropy(near, own, reduction="none")
    return (each * torch.from_numpy(rows % 3 + 1)).sum()


def weights(model: nn.Module) -> torch.Tensor:
    return nn.utils.parameters_to_vector(model.parameters()).detach()


def test_pieces_take_the_step_of_one_batch(tmp_path):
    losses = []
    models = []
    for pieces in (1, 3):
        model, result, run = train_tiny(
            tmp_path / str(pieces),
            loss=Coupled(logits, spread),
            max_steps=5,
            gradient_accumulation_steps=pieces,
        )
        assert result.steps == 5
        losses.append([line["loss"] for line in run.history.lines() if "loss" in line])
        models.append(weights(model))
    torch.testing.assert_close(models[1], models[0], rtol=1e-4, atol=1e-5)
    assert losses[1] == pytest.approx(losses[0], rel=1e-4)


def test_both_passes_draw_the_same_dropout(tmp_path):
    recipe = make_recipe(gradient_accumulation_steps=2, max_grad_norm=None, learning_rate=1e-9)
    model, numbers = make_model(dropout=0.3), Numbers(recipe.train)
    run = Run.start(recipe, tmp_path)
    turn = Turn.prepare(0, make_objective(model, Coupled(logits, spread)), run, 1)
    state = State(accumulation=2)
    rows = np.arange(12)
    model.train()
    report = take_step(turn, numbers, rows, run, state)
    model.zero_grad()
    outputs = torch.zeros(12, 2)
    for number, (piece, place) in enumerate(
        zip(cut(rows, 1, 2)[0], cut(np.arange(12), 1, 2)[0], strict=True)
    ):
        seed_everything(recipe.train.seed, 0, 0, number)
        outputs[torch.from_numpy(place)] = logits(model, numbers.collate(piece))
    loss = spread(outputs, rows) / 12
    loss.backward()
    norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
    run.close()
    assert report.loss == pytest.approx(float(loss.detach()), rel=1e-4)
    assert report.norm == pytest.approx(float(norm), rel=1e-3)


def test_out_of_memory_makes_smaller_pieces_and_the_same_step(tmp_path, capsys):
    def hungry(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        if len(batch["labels"]) > 9:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"
            )
        return logits(model, batch)

    plenty, _, _ = train_tiny(tmp_path / "plenty", max_steps=3, loss=Coupled(logits, spread))
    short, _, _ = train_tiny(tmp_path / "short", max_steps=3, loss=Coupled(hungry, spread))
    torch.testing.assert_close(weights(short), weights(plenty), rtol=1e-3, atol=1e-4)
    assert "out of memory at step 1: half the micro-batch" in capsys.readouterr().err


def test_a_loss_that_is_no_number_ends_the_training(tmp_path):
    def broken(outputs: torch.Tensor, rows: np.ndarray) -> torch.Tensor:
        return spread(outputs, rows) * torch.nan

    with pytest.raises(TrainingError, match="not a finite number at step 1"):
        train_tiny(tmp_path, max_steps=3, loss=Coupled(logits, broken))


@pytest.mark.parametrize(("rows", "size"), [(3, 2), (100, 7), (64, 64), (1500, 4)])
def test_batches_have_equally_many_rows(rows: int, size: int):
    lengths = np.random.default_rng(0).integers(3, 60, rows).astype(np.int32)
    train = TrainSection(batch_size=size)
    plan = plan_rows(lengths, train, 0, fewest=2)
    assert sorted(np.concatenate(plan)) == list(range(rows))
    sizes = [len(batch) for batch in plan]
    assert max(sizes) - min(sizes) <= 1
    assert min(sizes) >= 2
    assert max(sizes) <= size + 1
    again, other = plan_rows(lengths, train, 0, fewest=2), plan_rows(lengths, train, 1, fewest=2)
    assert all(np.array_equal(one, two) for one, two in zip(plan, again, strict=True))
    assert rows == 3 or not np.array_equal(np.concatenate(plan), np.concatenate(other))
