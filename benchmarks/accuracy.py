"""Accuracy of one trained model folder on the prepared test split: the same few lines for every contender."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from benchmarks.process import cores
from benchmarks.texts import read_texts
from toolkit.files import read_json


def main() -> None:
    """Print ``{"accuracy": …, "rows": …}`` of the model in FOLDER on the test split of SETUP."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("setup", type=Path)
    parser.add_argument("model", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(cores())
    texts, labels = read_texts(given.setup, "test").values()
    predicted = predict(given.model, texts, read_json(given.setup / "setup.json"))
    right = sum(name == label for name, label in zip(predicted, labels, strict=True))
    print(json.dumps({"accuracy": right / len(labels), "rows": len(labels)}))


@torch.inference_mode()
def predict(folder: Path, texts: list[str], setup: dict[str, Any], batch_size: int = 64) -> list[str]:
    """Label names for ``texts``, in order, by the pretrained model's own tokenizer."""
    tokenizer = AutoTokenizer.from_pretrained(setup["model"])
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype="float32").eval()
    names = model.config.id2label
    order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
    predicted = [""] * len(texts)
    for start in range(0, len(order), batch_size):
        picked = order[start : start + batch_size]
        batch = tokenizer(
            [texts[index] for index in picked],
            truncation=True,
            max_length=setup["max_length"],
            padding=True,
            return_tensors="pt",
        )
        for index, best in zip(picked, model(**batch).logits.argmax(-1).tolist(), strict=True):
            predicted[index] = names[best]
    return predicted


if __name__ == "__main__":
    main()
