import json
import math

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from tests.engine.tiny import (
    ROWS,
    Numbers,
    accuracy,
    count_rows,
    make_model,
    make_objective,
    make_recipe,
    summed_loss,
    train_tiny,
)
from toolkit.engine.fit import Objective, fit
from toolkit.engine.run import Run
from toolkit.errors import RecipeError, TrainingError


def weights(model: nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_the_loss_falls_and_the_rows_are_learned(tmp_path):
    model, result, run = train_tiny(tmp_path, epochs=8)
    losses = [line["loss"] for line in run.history.lines() if "loss" in line]
    assert losses[-1] < 0.5 * losses[0]
    assert result.best_metric > 0.9
    assert accuracy(model.eval(), Numbers(run.recipe.train)) == pytest.approx(result.best_metric)


def test_history_has_what_the_report_draws(tmp_path):
    _, result, run = train_tiny(tmp_path)
    steps = [line for line in run.history.lines() if "loss" in line]
    assert set(steps[0]) == {
        *("step", "epoch", "loss", "learning_rate", "gradient_norm"),
        *("samples_per_second", "tokens_per_second", "peak_share", "seconds"),
    }
    assert steps[-1]["step"] == result.steps
    assert steps[-1]["epoch"] == 2.0
    evaluations = [line for line in run.history.lines() if "validation" in line]
    assert [line["epoch"] for line in evaluations] == [1.0, 2.0]
    assert set(evaluations[0]["validation"]) == {"accuracy"}


def test_accumulation_is_one_large_batch(tmp_path):
    whole, _, _ = train_tiny(tmp_path / "whole", gradient_accumulation_steps=1)
    pieces, _, _ = train_tiny(tmp_path / "pieces", gradient_accumulation_steps=4)
    torch.testing.assert_close(weights(pieces), weights(whole), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("train", "steps"), [({"max_steps": 5}, 5), ({"epochs": 0.5}, 4), ({"epochs": 1.5}, 11)]
)
def test_training_ends_where_the_recipe_says(tmp_path, train, steps):
    _, result, _ = train_tiny(tmp_path, **train)
    assert result.steps == steps


def test_evaluations_follow_eval_steps_and_the_end(tmp_path):
    _, _, run = train_tiny(tmp_path, max_steps=5, eval_steps=2)
    assert [line["step"] for line in run.history.lines() if "validation" in line] == [2, 4, 5]


def scripted(folder, scores, **train):
    """Train with evaluations whose scores are given; the model's weights at each of them."""
    recipe = make_recipe(**train)
    run = Run.start(recipe, folder)
    model, seen, script = make_model(), [], iter(scores)

    def evaluate() -> dict[str, float]:
        seen.append(weights(model))
        scores = next(script)
        return scores if isinstance(scores, dict) else {"accuracy": scores}

    result = fit(
        [make_objective(model)], Numbers(recipe.train), run, evaluate=evaluate, best_metric="accuracy"
    )
    return model, result, seen


def test_the_model_ends_with_the_best_weights(tmp_path):
    model, result, seen = scripted(tmp_path, [0.5, 0.9, math.nan, 0.7], max_steps=8, eval_steps=2)
    assert (result.best_metric, result.best_step) == (0.9, 4)
    assert torch.equal(weights(model), seen[1])
    assert not torch.equal(weights(model), seen[-1])


def test_of_equally_good_weights_the_surer_ones_are_kept(tmp_path):
    scores = [{"accuracy": 0.9, "loss": loss} for loss in (0.5, 0.3, 0.4)]
    model, result, seen = scripted(tmp_path, scores, max_steps=6, eval_steps=2)
    assert (result.best_metric, result.best_step) == (0.9, 4)
    assert torch.equal(weights(model), seen[1])


def test_early_stopping_waits_for_its_patience(tmp_path):
    _, result, seen = scripted(
        tmp_path, [0.5, 0.9, 0.9, 0.8, 1.0], max_steps=20, eval_steps=2, early_stopping_patience=2
    )
    assert (result.steps, len(seen)) == (8, 4)
    assert "2 evaluations" in result.stopped


def test_a_loss_is_minimised_even_when_the_minus_is_forgotten(tmp_path):
    recipe = make_recipe(max_steps=4, eval_steps=2, metric_for_best_model="loss")
    scores = iter([{"loss": 1.0}, {"loss": 2.0}])
    result = fit(
        [make_objective(make_model())],
        Numbers(recipe.train),
        Run.start(recipe, tmp_path),
        evaluate=lambda: next(scores),
    )
    assert result.best_step == 2


def test_a_misspelt_metric_is_told_before_training(tmp_path):
    with pytest.raises(RecipeError, match="did you mean 'accuracy'"):
        train_tiny(tmp_path, metric_for_best_model="acuracy")
    assert not (tmp_path / "history.jsonl").exists()


def test_early_stopping_without_validation_is_refused(tmp_path):
    recipe = make_recipe(early_stopping_patience=2)
    with pytest.raises(RecipeError, match=r"train.early_stopping_patience: needs validation rows"):
        fit([make_objective(make_model())], Numbers(recipe.train), Run.start(recipe, tmp_path))


def test_without_validation_the_last_weights_are_kept(tmp_path):
    recipe = make_recipe(max_steps=3)
    model = make_model()
    before = weights(model)
    result = fit([make_objective(model)], Numbers(recipe.train), Run.start(recipe, tmp_path))
    assert result.best_metric is None
    assert not torch.equal(weights(model), before)
    assert (tmp_path / "checkpoints" / "last").is_dir()


def test_a_loss_that_is_not_finite_stops_and_leaves_its_batch(tmp_path):
    def loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        bad = (batch["input_ids"] == 13).any()
        return summed_loss(model, batch) * (math.nan if bad else 1.0)

    model = make_model()
    with pytest.raises(TrainingError, match="not a finite number at step"):
        train_tiny(tmp_path, model=model, loss=loss)
    assert weights(model).isfinite().all()
    saved = load_file(tmp_path / "offending_batch" / "process0.safetensors")
    rows = json.loads((tmp_path / "offending_batch" / "rows.json").read_text())["rows"]
    assert (saved["0.input_ids"] == 13).any()
    assert len(rows) == len(saved["0.labels"])


def test_a_gradient_that_is_not_finite_stops_before_it_reaches_the_weights(tmp_path):
    def loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return (
            summed_loss(model, batch) + model.classifier.bias.sub(model.classifier.bias.detach()).sqrt().sum()
        )

    model = make_model()
    with pytest.raises(TrainingError, match="the gradient is not a finite number"):
        train_tiny(tmp_path, model=model, loss=loss)
    assert weights(model).isfinite().all()


def hungry(rows: int):
    def loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        value = summed_loss(model, batch)
        if len(batch["labels"]) > rows:
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:121] DefaultCPUAllocator: can't allocate memory"
            )
        return value

    return loss


def test_out_of_memory_halves_the_batch_and_changes_nothing_else(tmp_path, capsys):
    plenty, _, _ = train_tiny(tmp_path / "plenty", max_steps=6)
    short, result, _ = train_tiny(tmp_path / "short", max_steps=6, loss=hungry(9))
    assert result.steps == 6
    torch.testing.assert_close(weights(short), weights(plenty), rtol=1e-3, atol=1e-4)
    assert "out of memory at step 1: half the micro-batch" in capsys.readouterr().err


def test_out_of_memory_on_one_row_says_what_helps(tmp_path):
    with pytest.raises(TrainingError, match=r"single row.*shrink the inputs"):
        train_tiny(tmp_path, loss=hungry(0))


def test_other_runtime_errors_are_not_taken_for_memory(tmp_path):
    def loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes"):
        train_tiny(tmp_path, loss=loss)


def test_gradients_that_vanish_are_told_once(tmp_path, capsys):
    _, result, _ = train_tiny(tmp_path, epochs=3, loss=lambda model, batch: summed_loss(model, batch) * 0.0)
    assert len(result.warnings) == 1
    assert "the gradient has vanished" in result.warnings[0]
    assert capsys.readouterr().err.count("the gradient has vanished") == 1


def test_two_objectives_take_turns(tmp_path):
    """A GAN in small: each side learns its own parameters only, and the two alternate on every batch."""
    recipe = make_recipe(max_steps=4, max_grad_norm=None, optimizer="sgd", weight_decay=0.0)
    generator, discriminator = nn.Linear(1, 1), nn.Linear(1, 1)
    turns: list[str] = []

    def generator_loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        turns.append("generator")
        return -discriminator(model(batch["labels"][:, None].float())).sum()

    def discriminator_loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        turns.append("discriminator")
        real = batch["labels"][:, None].float()
        return (model(generator(real)) - model(real)).sum() * 0.0 + model.bias.sum()

    bias = discriminator.bias.item()
    objectives = [
        Objective("discriminator", discriminator, discriminator_loss, count_rows),
        Objective("generator", generator, generator_loss, count_rows),
    ]
    run = Run.start(recipe, tmp_path)
    fit(objectives, Numbers(recipe.train), run)
    assert turns == ["discriminator", "generator"] * 4
    assert discriminator.bias.item() < bias
    assert {"loss_discriminator", "loss_generator"} <= set(run.history.lines()[-1])


def test_mixed_precision_keeps_the_weights_in_full_precision(tmp_path):
    model, result, _ = train_tiny(tmp_path, max_steps=4, mixed_precision="bf16")
    assert result.steps == 4
    assert weights(model).dtype == torch.float32


def test_gradient_checkpointing_gives_the_same_weights(tmp_path):
    plain, _, _ = train_tiny(tmp_path / "plain", model=make_model(dropout=0.1), max_steps=4)
    less, _, _ = train_tiny(
        tmp_path / "less", model=make_model(dropout=0.1), max_steps=4, gradient_checkpointing=True
    )
    torch.testing.assert_close(weights(less), weights(plain))
    assert not less.is_activation_checkpointing


def test_gradient_checkpointing_is_refused_where_there_is_none(tmp_path):
    recipe = make_recipe(gradient_checkpointing=True)
    with pytest.raises(RecipeError, match=r"train.gradient_checkpointing: Linear cannot"):
        fit([make_objective(nn.Linear(1, 1))], Numbers(recipe.train), Run.start(recipe, tmp_path))


def test_units_are_counted_over_the_whole_batch(tmp_path):
    """Rows of unequal numbers of units weigh by unit, as in one large batch."""

    def tokens(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return batch["attention_mask"].sum()

    def loss(model: nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        return (model(batch["attention_mask"].float().sum(-1, keepdim=True)) * batch["attention_mask"]).sum()

    found = []
    for pieces in (1, 3):
        recipe = make_recipe(
            max_steps=3, gradient_accumulation_steps=pieces, optimizer="sgd", learning_rate=0.1
        )
        torch.manual_seed(0)
        model = nn.Linear(1, 1)
        fit(
            [Objective("lm", model, loss, tokens)],
            Numbers(recipe.train),
            Run.start(recipe, tmp_path / str(pieces)),
        )
        found.append(weights(model))
    torch.testing.assert_close(*found)
    assert ROWS % 3 == 0


def test_the_same_seed_gives_the_same_weights_and_another_does_not(tmp_path):
    runs = [
        train_tiny(tmp_path / str(n), model=make_model(0.1), max_steps=3, seed=seed)[0]
        for n, seed in enumerate((0, 0, 1))
    ]
    first, again, other = map(weights, runs)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert np.isfinite(first.numpy()).all()
