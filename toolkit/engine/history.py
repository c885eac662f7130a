"""The diary of a run: one JSON line per logged step or evaluation."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.errors import disk_full
from toolkit.files import write_text


class History:
    """Appends to ``history.jsonl``; numbers that JSON cannot hold (inf, nan) become null."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, line: Mapping[str, Any]) -> None:
        """Append one line.

        Raises:
            DiskFullError: no space left.
        """
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(_finite(line), allow_nan=False) + "\n")
        except OSError as error:
            raise disk_full(error, self.path) from error

    def lines(self) -> list[dict[str, Any]]:
        """Everything written so far; a last line cut by a kill is left out."""
        if not self.path.exists():
            return []
        read: list[dict[str, Any]] = []
        for text in self.path.read_text(encoding="utf-8").splitlines():
            try:
                read.append(json.loads(text))
            except json.JSONDecodeError:
                break
        return read

    def keep_until(self, step: int) -> None:
        """Forget what was written after ``step``: a resumed run writes it again."""
        kept = [line for line in self.lines() if line["step"] <= step]
        write_text(self.path, "".join(json.dumps(line) + "\n" for line in kept))


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
