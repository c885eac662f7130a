"""Train a picture classifier with the plain transformers Trainer, as its image classification example does.

Pictures are decoded, resized, flipped and normalised by torchvision when a batch asks for them, with the interpolation
that the model's configuration names, so that both contenders see the same pixels; the classifier's
backbone is frozen, where the setting says so, by ``requires_grad_(False)``. Evaluation, saving, logging and progress
bars are off while time is taken.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import datasets
import torch
from timm.layers import freeze_batch_norm_2d
from torchvision import transforms
from transformers import (
    AutoModelForImageClassification,
    TimmWrapperConfig,
    Trainer,
    TrainingArguments,
    set_seed,
)

from benchmarks.process import cores, resident_bytes
from toolkit.files import read_json, write_json
from toolkit.hub.samples import PREFIX, open_sample

IMAGENET = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""Mean and spread that the sample's configuration names."""
RESAMPLE = transforms.InterpolationMode.BICUBIC
"""The same; torchvision's own choice, bilinear, gives other pictures: at 96 pixels a classifier 1 point better."""


def main() -> None:
    """Train with one seed, test, and write seconds, accuracy and memory to ``--out``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--frozen-norms", action="store_true", help="leave the statistics of batch norms alone"
    )
    given = parser.parse_args()
    torch.set_num_threads(cores())
    setting = read_json(given.work / "setting.json")
    set_seed(given.seed)
    rows = datasets.load_dataset("imagefolder", data_dir=str(given.work / "pictures"))
    trainer = build(setting, rows, given.seed)
    if given.frozen_norms:
        trainer.model.timm_model = freeze_batch_norm_2d(trainer.model.timm_model)
    start = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - start
    memory = resident_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    tested = trainer.predict(rows["test"].with_transform(_Transform(setting["size"], flip=False)))
    right = tested.predictions.argmax(-1) == tested.label_ids
    write_json(given.out, {"seconds": seconds, "peak_memory_bytes": memory, "accuracy": float(right.mean())})


class _Transform:
    """Pictures of a batch of rows as tensors."""

    def __init__(self, size: int, *, flip: bool) -> None:
        steps = [transforms.Resize((size, size), RESAMPLE)] + (
            [transforms.RandomHorizontalFlip()] if flip else []
        )
        self.steps = transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize(*IMAGENET)])

    def __call__(self, batch: dict[str, list[Any]]) -> dict[str, Any]:
        """Transform what a data loader asks for."""
        return {
            "pixel_values": [self.steps(picture.convert("RGB")) for picture in batch["image"]],
            "labels": batch["label"],
        }


def build(setting: dict[str, Any], rows: Any, seed: int) -> Trainer:
    """A Trainer ready to train."""
    names = rows["train"].features["label"].names
    train = setting["train"]
    return Trainer(
        model=_model(setting, names),
        args=TrainingArguments(
            output_dir=tempfile.gettempdir(),
            num_train_epochs=train["epochs"],
            per_device_train_batch_size=train["batch_size"],
            per_device_eval_batch_size=64,
            learning_rate=train["learning_rate"],
            lr_scheduler_type="linear",
            warmup_steps=0.06,
            weight_decay=0.01,
            max_grad_norm=1.0,
            seed=seed,
            use_cpu=True,
            dataloader_pin_memory=False,
            remove_unused_columns=False,
            eval_strategy="no",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=rows["train"].with_transform(_Transform(setting["size"], flip=setting["flip"])),
    )


def _model(setting: dict[str, Any], names: list[str]) -> Any:
    labels = {
        "num_labels": len(names),
        "id2label": dict(enumerate(names)),
        "label2id": {name: number for number, name in enumerate(names)},
    }
    kind, _, name = setting["model"].partition(":")
    if f"{kind}:" == PREFIX:
        model = AutoModelForImageClassification.from_pretrained(
            open_sample(setting["model"]), ignore_mismatched_sizes=True, **labels
        )
    else:
        config = TimmWrapperConfig(architecture=name, **labels)
        model = AutoModelForImageClassification.from_config(config)
    if setting["train"].get("freeze") == "backbone":
        model.timm_model.requires_grad_(False)
        model.timm_model.get_classifier().requires_grad_(True)
    return model


if __name__ == "__main__":
    main()
