"""Questions and answers in English, by topic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
from ruamel.yaml import YAML

from toolkit.hub.convert.saving import save_splits


def convert(archives: Path, target: Path) -> None:
    """Columns ``question``, ``answer``, ``category`` and ``messages`` (every turn); one split, ``train``."""
    folder = archives / "chatterbot-corpus" / "chatterbot_corpus" / "data" / "english"
    rows = [row for path in sorted(folder.glob("*.yml")) for row in _conversations(path)]
    text = datasets.Value("string")
    features = datasets.Features(
        question=text,
        answer=text,
        category=datasets.ClassLabel(names=sorted({row["category"] for row in rows})),
        messages=datasets.List({"role": text, "content": text}),
    )
    save_splits({"train": datasets.Dataset.from_list(rows, features=features)}, target)


def _conversations(path: Path) -> Iterator[dict[str, Any]]:
    content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    for conversation in content["conversations"]:
        turns = [str(turn).strip() for turn in conversation]
        if len(turns) > 1:
            roles = ("user" if i % 2 == 0 else "assistant" for i in range(len(turns)))
            messages = [{"role": role, "content": turn} for role, turn in zip(roles, turns, strict=True)]
            yield {"question": turns[0], "answer": turns[1], "category": path.stem, "messages": messages}
