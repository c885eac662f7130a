"""Small models and broken inputs of the tasks that turn one text into another."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.tasks.case import Bad, Case

WORDS = ("fish", "key", "light", "wall", "stone", "ship")
PAIRS = [
    (f"{number} {word} here", f"{number} {word[::-1]} allí")
    for word in WORDS
    for number in ("one", "two", "three", "four")
]
"""24 short pairs, the second text a simple function of the first."""
COLORS = {
    "red": "rojo",
    "blue": "azul",
    "green": "verde",
    "black": "negro",
    "white": "blanco",
    "old": "viejo",
}
THINGS = {
    "cat": "gato",
    "book": "libro",
    "boat": "barco",
    "hat": "sombrero",
    "garden": "jardín",
    "bread": "pan",
}
DOINGS = {
    "see": "veo",
    "want": "quiero",
    "sell": "vendo",
    "paint": "pinto",
    "look for": "busco",
    "know": "conozco",
}


def sentences(folder: Path) -> Path:
    """216 English sentences with their Spanish, of a grammar of four words: nothing has to be fetched for them."""
    path = folder / "sentences.csv"
    rows = [
        f"I {doing} the {color} {thing},{hago} el {cosa} {tono}"
        for doing, hago in DOINGS.items()
        for color, tono in COLORS.items()
        for thing, cosa in THINGS.items()
    ]
    path.write_text("\n".join(["source,target", *rows]) + "\n", encoding="utf-8")
    return path


SENTENCES = sentences(Path(tempfile.mkdtemp(prefix="sentences-")))
atexit.register(shutil.rmtree, SENTENCES.parent, ignore_errors=True)


def small_pair(texts: list[str], **config: Any) -> tuple[Any, Any]:
    """A Marian of one layer without dropout and its tokenizer, so that pieces of a batch can be compared."""
    import torch
    from transformers import MarianConfig, MarianMTModel

    from toolkit.tasks.seq2seq_vocabulary import learn_tokenizer

    torch.manual_seed(0)
    tokenizer = learn_tokenizer(texts, 400, 64)
    settings: dict[str, Any] = {
        "d_model": 32,
        "encoder_layers": 1,
        "decoder_layers": 1,
        "encoder_attention_heads": 2,
        "decoder_attention_heads": 2,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": 64,
        "dropout": 0.0,
        "scale_embedding": True,
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "forced_eos_token_id": tokenizer.eos_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id,
    }
    return MarianMTModel(MarianConfig(**{**settings, **config})), tokenizer


def small_marian(folder: Path) -> Path:
    """The folder of a small Marian that knows the letters of the sample's languages."""
    model, tokenizer = small_pair([text for pair in PAIRS for text in pair])
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def table(*lines: str, header: str = "source,target") -> str:
    """A csv of pairs: 24 good rows, then the given lines."""
    return "\n".join([header, *(",".join(pair) for pair in PAIRS), *lines]) + "\n"


def file(name: str, content: str | bytes) -> Callable[[Path], Path]:
    """A maker of one file with that content."""

    def make(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def bad(source: str, target: str) -> tuple[Bad, ...]:
    """Broken inputs of a task that reads ``source`` and writes ``target``."""
    header = f"{source},{target}"
    columns = (f"data.columns.{source}=en", f"data.columns.{target}=en")
    return (
        Bad("empty", file("empty.csv", ""), ("empty.csv", "empty")),
        Bad("header_only", file("header.csv", f"{header}\n"), ("header.csv", "no rows")),
        Bad("no_target", file("t.csv", table("stone,", header=header)), ("t.csv:26", f"'{target}' is empty")),
        Bad(
            "no_source", file("s.csv", table(",piedra", header=header)), ("s.csv:26", f"'{source}' is empty")
        ),
        Bad("broken_row", file("b.csv", table("one,two,three", header=header)), ("b.csv:26", "3 cells")),
        Bad(
            "encoding",
            file("e.csv", table("stone,caf\xe9", header=header).encode("latin-1")),
            ("e.csv", "data.encoding"),
        ),
        Bad(
            "no_column",
            file(
                "c.csv",
                "first,second,third\n" + "\n".join(f"{one} and more,{two},{one}" for one, two in PAIRS),
            ),
            ("c.csv", f"'{target}'", "first", "data.columns"),
        ),
        Bad(
            "one_column",
            file("o.csv", table(header="en,es")),
            (f"data.columns.{target}", f"already {source}", "es"),
            columns,
        ),
        Bad("numbers", file("n.jsonl", _numbers(source, target)), (target, "int64", "not text")),
    )


def _numbers(source: str, target: str) -> str:
    return "\n".join(f'{{"{source}": "stone number {n}", "{target}": {n}}}' for n in range(9))


STEPS = (
    "data.limit=200",
    "train.max_steps=6",
    "train.save_steps=2",
    "train.eval_steps=3",
    "train.lr_scheduler_type=constant",
    "model.config={}",
    "train.metric_for_best_model=loss",
    "options.predict_with_generate=4",
    "options.num_beams=1",
    "options.max_source_length=32",
    "options.max_target_length=12",
)
LEARNING = (
    "data.limit=300",
    "train.max_steps=20",
    "train.logging_steps=4",
    "options.num_beams=2",
    "options.max_target_length=12",
)
NEW = (
    "model.name=scratch:marian",
    "model.config={d_model: 64, encoder_layers: 1, decoder_layers: 1, encoder_attention_heads: 2, "
    "decoder_attention_heads: 2, encoder_ffn_dim: 128, decoder_ffn_dim: 128}",
    "train.learning_rate=2e-3",
    "options.vocab_size=600",
)

ON_SENTENCES = f"data={{source: {SENTENCES}, columns: {{source: source, target: target}}}}"

TRANSLATION = Case(
    recipe="nlp/translate-games",
    learning=(ON_SENTENCES, *LEARNING, *NEW),
    small=small_marian,
    steps=(ON_SENTENCES, *STEPS),
    bad=(
        *bad("source", "target"),
        Bad(
            "direction",
            file("d.csv", table(header="en,es")),
            ("d.csv", "'source'", "en, es", "data.columns.source"),
        ),
        Bad(
            "language_missing",
            file(
                "l.jsonl",
                '{"translation": {"en": "a stone", "es": "una piedra"}}\n' * 9
                + '{"translation": {"en": "a wall"}}\n',
            ),
            ("l.jsonl:10", "'translation.es' is empty"),
            ("options.source_lang=en", "options.target_lang=es"),
        ),
    ),
)

# No package ships documents with their summaries: what is checked here is the machinery, on pairs of sentences.
ON_THE_SAMPLE = (
    f"data={{source: {SENTENCES}, columns: {{document: source, summary: target}}}}",
    "train.mixed_precision=no",
)

SUMMARIZATION = Case(
    recipe="nlp/xsum",
    learning=(*ON_THE_SAMPLE, *LEARNING, *NEW),
    small=small_marian,
    steps=(*ON_THE_SAMPLE, *STEPS),
    bad=bad("document", "summary"),
)
