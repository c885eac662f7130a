from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from toolkit.data.load import Rows, load_rows
from toolkit.data.roles import Role
from toolkit.errors import InputError
from toolkit.recipe.schema import DataSection

ROLES = (
    Role("text", "text", ("text", "sentence", "review")),
    Role("text_pair", "text", ("text_pair", "sentence2"), optional=True),
    Role("label", "label", ("label", "labels", "stars")),
)
LINE = "the slow warm bright loud plain odd long short brave film story cast score plot ending scene joke"
WORDS = LINE.split()


def sentences(count: int) -> list[str]:
    """Different texts that are not near one another."""
    return [
        " ".join(WORDS[(row * 5 + at * (row % 7 + 1) + row // 9) % len(WORDS)] for at in range(9)) + f" {row}"
        for row in range(count)
    ]


@pytest.fixture
def roles() -> tuple[Role, ...]:
    return ROLES


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test starts with an empty cache of its own."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("TOOLKIT_CACHE", str(folder))
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    def write(name: str, content: str | bytes) -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return write


@pytest.fixture
def load() -> Callable[..., Rows]:
    """Load a source; further keywords are keys of the recipe's ``data`` section."""

    def load(source: Path | str, problem_type: str = "auto", **options: Any) -> Rows:
        return load_rows(DataSection(source=str(source), **options), ROLES, problem_type=problem_type)

    return load


@pytest.fixture
def refusal(load: Callable[..., Rows]) -> Callable[..., str]:
    """What the user is told when a source cannot be used."""

    def refusal(source: Path | str, **options: Any) -> str:
        with pytest.raises(InputError) as caught:
            load(source, **options)
        assert caught.value.exit_code == 2
        assert str(caught.value)
        return str(caught.value)

    return refusal


def csv_of(count: int, label: Callable[[int], object] = lambda row: "good" if row % 2 else "bad") -> str:
    """A csv of ``count`` different rows."""
    rows = (f"{text},{label(row)}\n" for row, text in enumerate(sentences(count)))
    return "text,label\n" + "".join(rows)


@pytest.fixture
def table() -> Callable[..., str]:
    return csv_of
