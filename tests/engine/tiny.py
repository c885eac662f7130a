"""A tiny random BERT on made-up numbers; also a script, for tests that need whole processes."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from transformers import BertConfig, BertForSequenceClassification

from toolkit.engine.batching import plan_epoch
from toolkit.engine.fit import FitResult, Objective, fit
from toolkit.engine.run import Run
from toolkit.engine.turn import tokens_of
from toolkit.recipe.schema import DataSection, ModelSection, Recipe, TrainSection

ROWS = 96


def make_recipe(**train) -> Recipe:
    defaults = {"epochs": 2, "batch_size": 16, "learning_rate": 3e-3, "logging_steps": 2, "device": "cpu"}
    sections = {"model": ModelSection(name="tiny"), "data": DataSection(source="numbers")}
    return Recipe(task="text-classification", train=TrainSection(**(defaults | train)), **sections)


def make_model(dropout: float = 0.0, layers: int = 2) -> BertForSequenceClassification:
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=32,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    return BertForSequenceClassification(config)


class Numbers:
    """Rows of token ids; a row is positive when it starts with a small id."""

    def __init__(self, train: TrainSection) -> None:
        random = np.random.default_rng(0)
        self.train = train
        self.ids = [random.integers(1, 50, random.integers(3, 12)) for _ in range(ROWS)]
        self.lengths = np.array([len(ids) for ids in self.ids], dtype=np.int32)

    def plan(self, epoch: int) -> list[np.ndarray]:
        return plan_epoch(self.lengths, self.train, epoch)

    def collate(self, rows: np.ndarray, epoch: int = 0) -> dict[str, torch.Tensor]:
        ids = torch.zeros(len(rows), int(self.lengths[rows].max()), dtype=torch.long)
        for place, row in enumerate(rows):
            ids[place, : self.lengths[row]] = torch.from_numpy(self.ids[row])
        return {"input_ids": ids, "attention_mask": (ids > 0).long(), "labels": (ids[:, 0] < 25).long()}


def summed_loss(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    inputs = {key: value for key, value in batch.items() if key != "labels"}
    return torch.nn.functional.cross_entropy(model(**inputs).logits, batch["labels"], reduction="sum")


def count_rows(batch: dict[str, torch.Tensor]) -> float:
    return float(len(batch["labels"]))


def make_objective(model: torch.nn.Module, loss=summed_loss, name: str = "classifier") -> Objective:
    return Objective(name, model, loss, count_rows, flops=lambda batch: 1e5 * tokens_of(batch))


def accuracy(model: torch.nn.Module, numbers: Numbers) -> float:
    batch = numbers.collate(np.arange(ROWS))
    labels = batch.pop("labels")
    with torch.no_grad():
        return float((model(**batch).logits.argmax(-1) == labels).float().mean())


def train_tiny(folder: Path, *, resume: bool = False, model=None, loss=summed_loss, **train) -> tuple:
    """Train; gives the model, the result and the run."""
    recipe = make_recipe(**train)
    run = Run.start(recipe, folder, resume=resume)
    model = model or make_model()
    numbers = Numbers(recipe.train)
    result: FitResult = fit(
        [make_objective(model, loss)],
        numbers,
        run,
        evaluate=lambda: {"accuracy": accuracy(model, numbers)},
        best_metric="accuracy",
        metrics=["accuracy"],
    )
    run.close()
    return model, result, run


def killer(calls: int):
    """A loss that kills its own process, as a power cut would, when it is called for the n-th time."""
    count = 0

    def loss(model: torch.nn.Module, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        nonlocal count
        count += 1
        if count == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return summed_loss(model, batch)

    return loss


if __name__ == "__main__":
    target, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    kill, dropout = options.pop("kill", 0), options.pop("dropout", 0.0)
    trained, _, finished = train_tiny(
        target, model=make_model(dropout), loss=killer(kill) if kill else summed_loss, **options
    )
    if finished.is_main:
        save_file(dict(trained.named_parameters()), target / f"weights-{finished.processes}.safetensors")
