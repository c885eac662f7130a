"""Split a recipe's texts once, so that every contender trains and is tested on the very same rows.

Writes into the folder: ``data/{train,validation,test}.parquet`` with columns ``text`` and ``label`` (label
names), ``recipe.yaml`` (the recipe on that data, for the toolkit) and ``setup.json`` (what the peers need to
do the same).
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModel, AutoTokenizer

from benchmarks.texts import data_folder, read_texts, write_texts
from toolkit.data.load import load_rows
from toolkit.data.splits import SPLITS
from toolkit.engine.batching import plan_epoch
from toolkit.files import write_json, write_text
from toolkit.hub.models import locate_model
from toolkit.recipe.schema import Recipe, TrainSection
from toolkit.recipe.text import dump
from toolkit.run import load_recipe
from toolkit.tasks.text_classification import ROLES


def main() -> None:
    """Split the texts of RECIPE into FOLDER."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("recipe")
    parser.add_argument("overrides", nargs="*")
    given = parser.parse_args()
    recipe = load_recipe(given.recipe, given.overrides)
    label_names = write_rows(recipe, given.folder)
    write_text(given.folder / "recipe.yaml", dump(on_folder(recipe, data_folder(given.folder))))
    write_json(given.folder / "setup.json", describe(recipe, given.folder, label_names))


def write_rows(recipe: Recipe, work: Path) -> list[str]:
    """Write the splits, labels by name; returns the names in the toolkit's order."""
    rows = load_rows(recipe.data, ROLES, problem_type="single_label_classification", seed=recipe.train.seed)
    if rows.labels is None:
        raise SystemExit("the benchmark compares classifiers; this recipe's rows have no labels")
    names = rows.labels.names
    for split, part in rows.splits.items():
        labels = [names[int(label)] for label in part["label"]]
        write_texts(work, split, {"text": list(part["text"]), "label": labels})
    return list(names)


def on_folder(recipe: Recipe, folder: Path) -> Recipe:
    """The same recipe on the split rows; limit, splits and columns of its source are settled by now."""
    data = type(recipe.data)(source=str(folder), columns={"text": "text", "label": "label"})
    return recipe.model_copy(update={"data": data})


def describe(recipe: Recipe, work: Path, label_names: list[str]) -> dict[str, Any]:
    """Model, training settings, real tokens in an epoch, and the weights each of them is multiplied with."""
    model = locate_model(recipe.model).path
    max_length = recipe.options["max_length"]
    texts = {split: read_texts(work, split)["text"] for split in SPLITS}
    tokenizer = AutoTokenizer.from_pretrained(model)
    encoded = tokenizer(texts["train"], truncation=True, max_length=max_length)["input_ids"]
    lengths = np.array([len(ids) for ids in encoded], dtype=np.int32)
    return {
        "recipe": recipe.name,
        "model": model,
        "max_length": max_length,
        "train": recipe.train.model_dump(mode="json"),
        "label_names": label_names,
        "rows": {split: len(part) for split, part in texts.items()},
        "tokens_per_epoch": int(lengths.sum()),
        "toolkit_padded_tokens": padded_tokens(lengths, recipe.train),
        "encoder_matmul_parameters": encoder_matmul_parameters(AutoModel.from_pretrained(model)),
    }


def padded_tokens(lengths: np.ndarray, train: TrainSection) -> int:
    """Tokens the toolkit computes in the whole training, padding included, by its own plan of the batches."""
    plans = (plan_epoch(lengths, train, epoch) for epoch in range(math.ceil(train.epochs)))
    return sum(len(rows) * int(lengths[rows].max()) for plan in plans for rows in plan)


def encoder_matmul_parameters(model: torch.nn.Module) -> int:
    """Weights of the linear layers every token passes through; not embeddings, norms, biases or pooler."""
    modules = dict(model.named_modules())
    encoder = modules.get("encoder") or modules["transformer"]
    return sum(m.weight.numel() for m in encoder.modules() if isinstance(m, torch.nn.Linear))


if __name__ == "__main__":
    main()
