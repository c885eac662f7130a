import math

import pytest
import torch
from torch import nn

from tests.engine.tiny import make_model
from toolkit.engine.optim import build_optimizer, build_schedule, decay_groups


def test_norms_and_biases_are_spared_from_decay():
    model = make_model()
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decay, spared = decay_groups(model, 0.1)
    assert (decay["weight_decay"], spared["weight_decay"]) == (0.1, 0.0)
    assert all("LayerNorm" not in names[id(p)] and "bias" not in names[id(p)] for p in decay["params"])
    assert all("LayerNorm" in names[id(p)] or "bias" in names[id(p)] for p in spared["params"])
    assert len(decay["params"]) + len(spared["params"]) == len(list(model.parameters()))


def test_frozen_parameters_get_no_optimizer_state():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    assert sum(len(group["params"]) for group in decay_groups(model, 0.1)) == 2


@pytest.mark.parametrize(("name", "kind"), [("adamw", "AdamW"), ("adam", "Adam"), ("sgd", "SGD")])
def test_optimizers_are_fused_and_step(name, kind):
    model = nn.Linear(2, 1)
    optimizer = build_optimizer(model, name, learning_rate=0.1)
    assert type(optimizer).__name__ == kind
    assert optimizer.defaults["fused"]
    before = model.weight.detach().clone()
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    assert not torch.equal(model.weight, before)


def rates(name: str, warmup_ratio: float = 0.2, steps: int = 10) -> list[float]:
    optimizer = build_optimizer(nn.Linear(1, 1), "sgd", learning_rate=1e-8)
    schedule = build_schedule(optimizer, name, steps=steps, warmup_ratio=warmup_ratio)
    found = []
    for _ in range(steps):
        found.append(schedule.get_last_lr()[0] / 1e-8)
        optimizer.step()
        schedule.step()
    return found


@pytest.mark.parametrize(
    ("name", "after_warmup"),
    [
        ("linear", lambda done: 1 - done),
        ("cosine", lambda done: 0.5 * (1 + math.cos(math.pi * done))),
        ("polynomial", lambda done: 1 - done),
        ("constant_with_warmup", lambda done: 1.0),
    ],
)
def test_schedules_rise_and_fall(name, after_warmup):
    expected = [0.0, 0.5, *[after_warmup(step / 8) for step in range(8)]]
    assert rates(name) == pytest.approx(expected, abs=1e-6)


def test_constant_is_constant_from_the_first_step():
    assert rates("constant") == [1.0] * 10


@pytest.mark.parametrize("warmup_ratio", [0.0, 0.13])
@pytest.mark.parametrize("name", ["linear", "cosine", "polynomial", "constant", "constant_with_warmup"])
def test_rates_are_those_of_transformers(name: str, warmup_ratio: float):
    from transformers import get_scheduler

    optimizer = build_optimizer(nn.Linear(1, 1), "sgd", learning_rate=1e-8)
    options = {"lr_end": 0.0} if name == "polynomial" else None
    schedule = get_scheduler(name, optimizer, round(37 * warmup_ratio), 37, options)
    expected: list[float] = []
    for _ in range(37):
        expected.append(schedule.get_last_lr()[0] / 1e-8)
        optimizer.step()
        schedule.step()
    assert rates(name, warmup_ratio, 37) == pytest.approx(expected, rel=1e-12, abs=1e-12)
