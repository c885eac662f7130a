"""A sentence and several others, and how near each of them is in meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from toolkit.demo.asking import AskTab
from toolkit.demo.inputs import SHOWN_SENTENCES


class CompareTab(AskTab):
    """The tab that compares sentences: the second text holds one on each line."""

    title = "Compare"
    before_truth = "{}"

    def value(self, first: str, second: str) -> dict[str, Any]:
        """A sentence and those to compare it with."""
        lines = [line.strip() for line in (second or "").splitlines() if line.strip()]
        if not (first or "").strip():
            raise ValueError("the sentence is empty")
        if not lines:
            raise ValueError("give at least one sentence to compare it with, one a line")
        if len(lines) > SHOWN_SENTENCES:
            raise ValueError(f"these are {len(lines)} sentences, more than {SHOWN_SENTENCES}")
        return {"source_sentence": first, "sentences": lines}

    def texts(self, given: Mapping[str, Any]) -> tuple[str, str]:
        """The sentence, and the others a line each."""
        return given["source_sentence"], "\n".join(given["sentences"])
