"""Question answering in the conformance suite: made questions, and broken answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.tasks.case import Bad, Case

NAMES = ("Ada", "Blaise", "Charles", "Dorothy", "Emmy", "Felix", "Grace", "Hedy", "Ivan", "Joan")
PLACES = ("London", "Paris", "Vienna", "Boston", "Rome")


def asked(number: int) -> dict[str, Any]:
    """A question on a sentence of its own, with its answer as SQuAD has it."""
    name, place = NAMES[number % len(NAMES)], PLACES[number % len(PLACES)]
    context = (
        f"In the year {1800 + number} a machine was built in {place}, and {name} wrote down how it works."
    )
    return {
        "question": "who wrote down how it works",
        "context": context,
        "answers": {"text": [name], "answer_start": [context.find(name)]},
    }


def questions(*more: Mapping[str, Any], count: int = 20) -> Callable[[Path], Path]:
    """A maker of a jsonl file: good rows, then the given ones, which change the last good one."""

    def make(folder: Path) -> Path:
        path = folder / "questions.jsonl"
        rows = [asked(number) for number in range(count)]
        rows += [{**asked(count), **change} for change in more]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path

    return make


def flat(*lines: str) -> Callable[[Path], Path]:
    """A maker of a csv with an answer and its place, twenty good rows before the given ones."""

    def make(folder: Path) -> Path:
        path = folder / "questions.csv"
        good = [f"who came,{name} came today {n},{name},0" for n, name in enumerate(NAMES * 2)]
        path.write_text("\n".join(["question,context,answer,answer_start", *good, *lines]) + "\n")
        return path

    return make


def plain(name: str, content: str) -> Callable[[Path], Path]:
    """A maker of one file with that content."""

    def make(folder: Path) -> Path:
        (folder / name).write_text(content)
        return folder / name

    return make


def small_reader(folder: Path) -> Path:
    """A two-layer BERT without dropout and with the sample's vocabulary."""
    from tests.tasks.cases import small_bert

    return small_bert(folder)


def bad(name: str, change: Mapping[str, Any], *said: str) -> Bad:
    """A broken row, the twenty-first of a jsonl file."""
    return Bad(name, questions(change), ("questions.jsonl:21", *said))


QUESTION_ANSWERING = Case(
    recipe="nlp/answers-brown",
    learning=(
        "data.limit=160",
        "train.max_steps=16",
        "train.logging_steps=4",
        "train.learning_rate=5e-4",
        "train.batch_size=8",
        "options.max_length=128",
        "options.doc_stride=16",
    ),
    small=small_reader,
    steps=(
        "data.limit=120",
        "train.max_steps=6",
        "train.batch_size=8",
        "train.save_steps=2",
        "train.eval_steps=3",
        "options.max_length=128",
        "options.doc_stride=16",
    ),
    bad=(
        Bad("empty", plain("empty.jsonl", ""), ("empty.jsonl", "empty")),
        Bad(
            "no_context", plain("c.csv", "question,answers\nwho,Ada\n"), ("c.csv", "context", "data.columns")
        ),
        bad(
            "not_in_the_context",
            {"answers": {"text": ["Napoleon"], "answer_start": []}},
            "'Napoleon'",
            "not in the context",
            "In the year 1820",
            "data.on_error",
        ),
        bad("several_times", {"answers": {"text": ["a"]}}, "times in the context", "answer_start"),
        bad(
            "wrong_place",
            {"answers": {"text": ["Ada"], "answer_start": [3]}},
            "answer_start is 3",
            "'the'",
            "it stands at 52",
        ),
        bad(
            "beyond_the_context",
            {"answers": {"text": ["Ada"], "answer_start": [999]}},
            "answer_start is 999",
            "characters",
        ),
        bad("no_answer", {"answers": {"text": [], "answer_start": []}}, "options.allow_no_answer=true"),
        bad(
            "fewer_places",
            {"answers": {"text": ["Ada", "Rome"], "answer_start": [1]}},
            "2 answers",
            "1 places",
        ),
        bad("no_text", {"answers": {"answer_start": [3]}}, '"text"'),
        bad("empty_question", {"question": " "}, "'question' is empty"),
        bad("empty_context", {"context": ""}, "'context' is empty"),
        Bad("no_number", flat("who,Ada was here,Ada,first"), ("questions.csv:22", "first", "whole number")),
        Bad(
            "short_windows",
            questions(),
            ("options.max_length", "32", "options.doc_stride"),
            ("options.max_length=32",),
        ),
    ),
)
