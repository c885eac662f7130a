"""Text generation in the conformance suite: a small writer and broken conversations."""

from __future__ import annotations

import json
from pathlib import Path

from tests.tasks.case import Bad, Case
from tests.tasks.writers import chats, conversation, small_writer


def pairs(folder: Path) -> Path:
    """Prompts, one of which has no completion."""
    path = folder / "pairs.jsonl"
    good = [{"prompt": f"count to {number}", "completion": f"one to {number}"} for number in range(20)]
    path.write_text(
        "".join(json.dumps(row) + "\n" for row in [*good, {"prompt": "and then", "completion": ""}])
    )
    return path


def empty(folder: Path) -> Path:
    """A file with nothing in it."""
    (folder / "empty.jsonl").write_text("")
    return folder / "empty.jsonl"


def columns(folder: Path) -> Path:
    """A table of numbers."""
    (folder / "numbers.csv").write_text("one,two\n1,2\n3,4\n")
    return folder / "numbers.csv"


TEXT_GENERATION = Case(
    recipe="nlp/chat",
    learning=(
        "data.limit=300",
        "train.lora=null",
        "train.max_steps=24",
        "train.logging_steps=4",
        "train.learning_rate=1e-2",
        "options.max_new_tokens=12",
    ),
    small=small_writer,
    learns_small=True,
    steps=(
        "data.limit=120",
        "train.lora=null",
        "train.max_steps=6",
        "train.save_steps=2",
        "train.eval_steps=3",
        "options.max_length=64",
        "options.max_new_tokens=4",
    ),
    bad=(
        Bad("empty", empty, ("empty.jsonl", "empty")),
        Bad("no_text", columns, ("numbers.csv", "one", "data.columns")),
        Bad(
            "roles_out_of_order",
            chats([{"role": "assistant", "content": "hello"}, {"role": "user", "content": "who is there"}]),
            ("chats.jsonl:21", "assistant", "user", "data.on_error"),
        ),
        Bad(
            "unknown_role",
            chats([{"role": "wizard", "content": "hello"}, {"role": "assistant", "content": "hello"}]),
            ("chats.jsonl:21", "wizard", "assistant, system, user"),
        ),
        Bad("empty_answer", chats(conversation("who is there", " ")), ("chats.jsonl:21", "answer", "empty")),
        Bad("no_answer", chats(conversation("who is there")), ("chats.jsonl:21", "last message", "user")),
        Bad("no_messages", chats("hello"), ("chats.jsonl:21", "hello", "JSON")),
        Bad("no_completion", pairs, ("pairs.jsonl:21", "completion", "empty")),
        Bad(
            "no_chat_template",
            chats(),
            ("chat template", "model.name", "options.chat_template"),
            ("model.name=sample:minilm",),
        ),
    ),
)
