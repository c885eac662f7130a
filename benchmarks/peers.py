"""Train one of the Trainer contenders on the split that the benchmark prepared, and save its model.

Evaluation, saving, logging, reporting and progress bars are off: only training is timed. Everything else is
what a user of Trainer gets by default (fused AdamW, gradient clipping at the recipe's norm, single-process
loading).
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import torch
from torch import Tensor
from transformers import (
    AutoModelForSequenceClassification,
    AutoTokenizer,
    DataCollatorWithPadding,
    PreTrainedTokenizerBase,
    Trainer,
    TrainingArguments,
    default_data_collator,
    set_seed,
)

from benchmarks.process import cores, resident_bytes
from benchmarks.texts import read_texts
from toolkit.files import read_json, write_json

SAMPLING = {
    "trainer": "random",
    "trainer_grouped": "group_by_length",
    "trainer_padded": "random",
}


class CountingCollator:
    """A collator that counts the tokens it hands over, padding included."""

    def __init__(self, collate: Callable[[Any], dict[str, Tensor]]) -> None:
        self.collate = collate
        self.padded_tokens = 0

    def __call__(self, features: Any) -> dict[str, Tensor]:
        """Collate one batch."""
        batch = self.collate(features)
        self.padded_tokens += batch["input_ids"].numel()
        return batch


def main() -> None:
    """Train one contender with one seed; writes ``model/`` and ``run.json`` under ``--out``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("setup", type=Path, help="folder written by benchmarks.split")
    parser.add_argument("--contender", choices=SAMPLING, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--max-steps", type=int, default=-1)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    torch.set_num_threads(cores())
    trainer, collator = build(given.setup, given.contender, given.seed, given.max_steps)
    start = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - start
    memory = resident_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    trainer.save_model(str(given.out / "model"))
    measured = {"seconds": seconds, "peak_memory_bytes": memory, "padded_tokens": collator.padded_tokens}
    write_json(given.out / "run.json", measured | {"steps": trainer.state.global_step})


def build(folder: Path, contender: str, seed: int, max_steps: int = -1) -> tuple[Trainer, CountingCollator]:
    """A Trainer ready to train, and its collator."""
    setup = read_json(folder / "setup.json")
    set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(setup["model"])
    collator = CountingCollator(
        default_data_collator if contender == "trainer_padded" else DataCollatorWithPadding(tokenizer)
    )
    trainer = Trainer(
        model=_model(setup),
        args=_arguments(setup["train"], contender, seed, max_steps),
        train_dataset=_rows(folder, setup, tokenizer, padded=contender == "trainer_padded"),
        processing_class=tokenizer,
        data_collator=collator,
    )
    return trainer, collator


def _model(setup: dict[str, Any]) -> Any:
    names = setup["label_names"]
    return AutoModelForSequenceClassification.from_pretrained(
        setup["model"],
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: number for number, name in enumerate(names)},
        dtype="float32",
    )


def _rows(
    folder: Path, setup: dict[str, Any], tokenizer: PreTrainedTokenizerBase, *, padded: bool
) -> datasets.Dataset:
    rows = datasets.Dataset.from_dict(read_texts(folder, "train"))
    number = {name: index for index, name in enumerate(setup["label_names"])}

    def encode(batch: dict[str, list[str]]) -> dict[str, Any]:
        padding = "max_length" if padded else False
        encoded = tokenizer(batch["text"], truncation=True, max_length=setup["max_length"], padding=padding)
        return {**encoded, "labels": [number[name] for name in batch["label"]]}

    return rows.map(encode, batched=True, remove_columns=rows.column_names, keep_in_memory=True)


def _arguments(train: dict[str, Any], contender: str, seed: int, max_steps: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=tempfile.gettempdir(),  # nothing is written there; its default would be made in this folder
        num_train_epochs=train["epochs"],
        max_steps=max_steps,
        per_device_train_batch_size=train["batch_size"],
        learning_rate=train["learning_rate"],
        lr_scheduler_type=train["lr_scheduler_type"],
        warmup_steps=train["warmup_ratio"],  # a float below 1 is a share of all steps
        weight_decay=train["weight_decay"],
        max_grad_norm=train["max_grad_norm"] or 0,
        seed=seed,
        train_sampling_strategy=SAMPLING[contender],
        use_cpu=True,
        dataloader_pin_memory=False,
        eval_strategy="no",
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )


if __name__ == "__main__":
    main()
