"""Fine-tune a language model with adapters with the plain transformers Trainer, as its language modelling example does.

Each batch is padded to its longest text, and padding has no label. Evaluation, saving, logging and progress bars are
off while time is taken.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import datasets
import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForSeq2Seq,
    Trainer,
    TrainingArguments,
    set_seed,
)

from benchmarks.process import cores, resident_bytes
from toolkit.files import read_json, write_json
from toolkit.hub.samples import PREFIX, open_sample


def main() -> None:
    """Write the paragraphs, or train with one seed and write seconds, loss and memory to ``--out``."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--prepare", action="store_true", help="write the texts")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    setting = read_json(given.work / "setting.json")
    tokenizer = AutoTokenizer.from_pretrained(_folder(setting["model"]))
    if given.prepare:
        prepare(given.work, setting, tokenizer)
        return
    torch.set_num_threads(cores())
    set_seed(given.seed)
    rows = {name: _tokens(given.work, name, tokenizer, setting) for name in setting["rows"]}
    trainer = build(setting, rows["train"], tokenizer, given.seed)
    start = time.perf_counter()
    trainer.train()
    seconds = time.perf_counter() - start
    memory = resident_bytes(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    tokens = sum(map(len, rows["train"]["input_ids"]))
    measured = {"seconds": seconds, "tokens_per_second": tokens / seconds, "peak_memory_bytes": memory}
    write_json(given.out, {**measured, "loss": loss_of(trainer.model, rows["test"])})


def prepare(work: Path, setting: dict[str, Any], tokenizer: Any) -> None:
    """The first paragraphs of the genre that the model can take whole; documents of train and test are apart."""
    documents = datasets.load_from_disk(str(open_sample("brown-documents")))[setting["genre"]]
    (work / "texts").mkdir()
    tokens = 0
    for name, order in (("train", range(len(documents))), ("test", reversed(range(len(documents))))):
        lines = [line for at in order for line in documents[at]["text"].split("\n")]
        fitting = [line for line in lines if len(tokenizer(line)["input_ids"]) < setting["max_length"]]
        kept = fitting[: setting["rows"][name]]
        (work / "texts" / f"{name}.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in kept))
        if name == "train":
            tokens = sum(len(tokenizer(line)["input_ids"]) + 1 for line in kept)
    write_json(work / "texts.json", {"tokens": tokens})


def _folder(name: str) -> str:
    return str(open_sample(name.removeprefix(PREFIX))) if name.startswith(PREFIX) else name


def _tokens(work: Path, name: str, tokenizer: Any, setting: dict[str, Any]) -> datasets.Dataset:
    """Token ids with the end token, as the toolkit has them; labels are the same."""
    lines = [json.loads(line)["text"] for line in (work / "texts" / f"{name}.jsonl").read_text().splitlines()]
    ids = [[*tokenizer(line)["input_ids"], tokenizer.eos_token_id][: setting["max_length"]] for line in lines]
    return datasets.Dataset.from_dict({"input_ids": ids, "labels": ids})


def build(setting: dict[str, Any], rows: datasets.Dataset, tokenizer: Any, seed: int) -> Trainer:
    """A Trainer ready to train."""
    model = AutoModelForCausalLM.from_pretrained(_folder(setting["model"]), dtype=torch.float32)
    lora = LoraConfig(**setting["lora"], target_modules="all-linear", task_type="CAUSAL_LM")
    train = setting["train"]
    return Trainer(
        model=get_peft_model(model, lora),
        args=TrainingArguments(
            output_dir=tempfile.gettempdir(),
            num_train_epochs=train["epochs"],
            per_device_train_batch_size=train["batch_size"],
            learning_rate=train["learning_rate"],
            lr_scheduler_type="linear",
            warmup_steps=0.06,
            weight_decay=0.0,
            max_grad_norm=1.0,
            seed=seed,
            use_cpu=True,
            dataloader_pin_memory=False,
            eval_strategy="no",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=rows,
        data_collator=DataCollatorForSeq2Seq(tokenizer, padding=True, label_pad_token_id=-100),
    )


@torch.inference_mode()
def loss_of(model: Any, rows: datasets.Dataset) -> float:
    """Mean loss of all tokens but the first of each text."""
    model.eval()
    nats = tokens = 0.0
    for ids in rows["input_ids"]:
        given = torch.tensor([ids])
        nats += model(input_ids=given, labels=given).loss.item() * (len(ids) - 1)
        tokens += len(ids) - 1
    return nats / tokens


if __name__ == "__main__":
    main()
