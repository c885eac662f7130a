"""Tagged sentences, and broken inputs of token classification."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.tasks.case import Bad, Case

PEOPLE = ("Mary Smith", "John", "Alan Brown", "Anna", "Paul King")
PLACES = ("Paris", "New York", "London", "Berlin")


def small_tagger(folder: Path) -> Path:
    from tests.tasks.cases import small_bert

    return small_bert(folder)


def sentence(choose: random.Random, scheme: str = "IOB2") -> dict[str, list[str]]:
    """Somebody does something somewhere."""
    parts = [
        ("PER", choose.choice(PEOPLE)),
        ("", choose.choice(("went to", "lives in", "came from", "wrote about"))),
        ("LOC", choose.choice(PLACES)),
        ("", choose.choice((".", "yesterday .", "and slept ."))),
    ]
    tokens, tags = [], []
    for kind, text in parts:
        words = text.split()
        tokens += words
        tags += _marks(kind, len(words), scheme)
    return {"tokens": tokens, "tags": tags}


def _marks(kind: str, words: int, scheme: str) -> list[str]:
    if not kind:
        return ["O"] * words
    if scheme == "IOBES":
        return [f"S-{kind}"] if words == 1 else [f"B-{kind}", *[f"I-{kind}"] * (words - 2), f"E-{kind}"]
    first = "I" if scheme == "IOB1" else "B"
    return [f"{first}-{kind}", *[f"I-{kind}"] * (words - 1)]


def sentences(count: int, scheme: str = "IOB2", seed: int = 0) -> list[dict[str, Any]]:
    choose = random.Random(seed)
    return [sentence(choose, scheme) for _ in range(count)]


def write_jsonl(path: Path, rows: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def row(*cells: Any) -> Callable[[Path], Path]:
    """A maker of thirty good rows and then one of these words and tags."""
    tokens, tags = cells
    return lambda folder: write_jsonl(folder / "a.jsonl", [*sentences(30), {"tokens": tokens, "tags": tags}])


def file(name: str, content: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / name).write_text(content)
        return folder / name

    return make


def unseen(folder: Path) -> Path:
    """Two splits, the second of which has a tag that the first does not."""
    (folder / "splits").mkdir()
    write_jsonl(folder / "splits" / "train.jsonl", sentences(30))
    write_jsonl(folder / "splits" / "test.jsonl", [{"tokens": ["Monday"], "tags": ["B-DAY"]}])
    return folder / "splits"


WORD_LINES = "Mary B-PER\nslept O\n\nJohn B-PER\nlives\n\nAnna B-PER\nslept O\n"

TOKEN_CLASSIFICATION = Case(
    recipe="nlp/pos-brown",
    learning=("data.limit=300", "train.max_steps=16", "train.logging_steps=3", "train.eval_steps=16"),
    small=small_tagger,
    steps=(
        "data.limit=160",
        "train.max_steps=6",
        "train.save_steps=2",
        "train.eval_steps=3",
        "options.max_length=32",
    ),
    bad=(
        Bad("counts", row(["Mary", "slept", "."], ["B-PER", "O"]), ("a.jsonl:31", "3 words and 2 tags")),
        Bad("no_words", row([], []), ("a.jsonl:31", "no word")),
        Bad("empty_word", row(["Mary", " "], ["B-PER", "O"]), ("a.jsonl:31", "word 2 of 2")),
        Bad("no_tag", row(["Mary", "slept"], ["B-PER", None]), ("a.jsonl:31", "word 2 ('slept')", "no tag")),
        Bad(
            "order",
            row(["Mr.", "Smith"], ["O", "I-PER"]),
            ("a.jsonl:31", "I-PER", "word 2 ('Smith')", "follows O", "options.bio=repair"),
            ("options.bio=refuse",),
        ),
        Bad(
            "other_type",
            row(["Mary", "Paris"], ["B-PER", "I-LOC"]),
            ("a.jsonl:31", "I-LOC", "follows B-PER"),
            ("options.bio=refuse",),
        ),
        Bad(
            "scheme",
            row(["Mary"], ["NAME"]),
            ("a.jsonl:31", "'NAME'", "IOB2"),
            ("options.scheme=IOB2",),
        ),
        Bad("unseen_tag", unseen, ("test.jsonl:1", "'B-DAY'", "'Monday'", "B-PER")),
        Bad(
            "one_tag",
            lambda folder: write_jsonl(folder / "o.jsonl", [{"tokens": ["a", "b"], "tags": ["O", "O"]}] * 9),
            ("o.jsonl", "'O'", "at least two tags"),
        ),
        Bad("columns", file("c.conll", WORD_LINES), ("c.conll:5", "1 column where the file has 2")),
        Bad("no_tags_in_file", file("w.txt", "Mary\nslept\n"), ("w.txt", "one column")),
        Bad("empty", file("e.conll", ""), ("e.conll", "empty")),
        Bad("comments_only", file("k.conll", "# nothing\n\n"), ("k.conll", "no line holds a word")),
        Bad(
            "numbers",
            lambda folder: write_jsonl(folder / "n.jsonl", [{"tokens": ["a"], "tags": [0.5]}] * 9),
            ("data.columns.tags", "n.jsonl"),
            ("data.columns.tags=tags",),
        ),
        Bad(
            "missing_column",
            lambda folder: write_jsonl(folder / "m.jsonl", [{"tokens": ["a"], "mark": 1}] * 9),
            ("m.jsonl", "no column for 'tags'", "data.columns.tags"),
        ),
        Bad(
            "stride",
            lambda folder: write_jsonl(folder / "s.jsonl", sentences(30)),
            ("options.stride", "14"),
            ("options.stride=20", "options.max_length=16", "model.name=sample:minilm"),
        ),
    ),
)
