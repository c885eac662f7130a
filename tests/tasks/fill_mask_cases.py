"""Masked language modelling in the conformance suite."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.tasks.case import Bad, Case
from toolkit.hub.samples import open_sample


def small_albert(folder: Path) -> Path:
    """A two-layer ALBERT with the sample's vocabulary of SMILES and no dropout."""
    import torch
    from transformers import AlbertConfig, AlbertForMaskedLM, AutoTokenizer

    torch.manual_seed(0)
    source = open_sample("smiles-albert")
    config = AlbertConfig.from_pretrained(
        source,
        num_hidden_layers=2,
        hidden_size=32,
        embedding_size=16,
        intermediate_size=64,
        num_attention_heads=2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    AlbertForMaskedLM(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(source).save_pretrained(folder)
    return folder


def table(name: str, *lines: str, encoding: str = "utf-8") -> Callable[[Path], Path]:
    """A csv of texts: twenty good rows, then the given lines."""

    def make(folder: Path) -> Path:
        path = folder / name
        good = [f"text number {n} is here" for n in range(20)]
        path.write_bytes("\n".join(["text", *good, *lines, ""]).encode(encoding))
        return path

    return make


def written(name: str, content: str) -> Callable[[Path], Path]:
    """A file with that content."""

    def make(folder: Path) -> Path:
        (folder / name).write_text(content)
        return folder / name

    return make


def without_head(folder: Path) -> Path:
    """A model that has a mask token but no head."""
    from transformers import AlbertModel, AutoTokenizer

    model = small_albert(folder / "model")
    AlbertModel.from_pretrained(model).save_pretrained(folder / "bare")
    AutoTokenizer.from_pretrained(model).save_pretrained(folder / "bare")
    return folder / "bare"


def without_mask(folder: Path) -> Path:
    """A model whose tokenizer has no mask token."""
    from transformers import AutoTokenizer

    model = small_albert(folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.mask_token = None
    tokenizer.save_pretrained(model)
    return model


FILL_MASK = Case(
    recipe="nlp/mask-molecules",
    learning=("data.limit=150", "train.max_steps=12", "train.batch_size=8", "train.logging_steps=3"),
    small=small_albert,
    steps=(
        "data.limit=200",
        "train.max_steps=6",
        "train.batch_size=16",
        "train.save_steps=2",
        "train.eval_steps=3",
        "options.max_length=32",
    ),
    bad=(
        Bad("empty", written("empty.csv", ""), ("empty.csv", "empty")),
        Bad("header_only", written("header.csv", "text\n"), ("header.csv", "no rows")),
        Bad("no_texts", written("n.jsonl", '{"text": 7}\n' * 20), ("n.jsonl", "not text")),
        Bad(
            "missing_column",
            written("c.csv", "a,b\n1,2\n"),
            ("c.csv", "no column for 'text'", "data.columns"),
        ),
        Bad("empty_text", table("e.csv", '"  "'), ("e.csv", "22", "empty")),
        Bad("encoding", table("l.csv", "caf\xe9", encoding="latin-1"), ("l.csv", "22", "data.encoding")),
    ),
)
