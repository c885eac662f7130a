"""Fill the ``measured:`` part of a recipe's header comment, and leave every other byte of the file alone.

::

    # Tell positive film reviews from negative ones.
    #   toolkit train nlp/reviews
    #   measured: test accuracy 0.861 (0.857-0.866), training seconds 92 (88-97), over 3 seeds; Intel Xeon,
    #     2 cores; 2026-01-31; python -m benchmarks.reviews --seeds 0 1 2
    task: text-classification

The measured part ends where the recipe catalogue says it does: at an empty comment line or with the comment.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from toolkit.files import write_text

WIDTH = 110
MARK = "measured:"


class HeaderError(ValueError):
    """A recipe's header has no place, or more than one, for what was measured."""


def check_header(recipe: Path) -> None:
    """Say before hours of measuring, not after, that the result would have nowhere to go.

    Raises:
        HeaderError: the header has no ``measured:``, or several.
    """
    _find(recipe.read_bytes().decode().splitlines(keepends=True), recipe)


def write_measured(recipe: Path, measured: str) -> None:
    """Replace what follows ``measured:`` in the recipe's header comment, wrapped, atomically.

    Raises:
        HeaderError: the header has no ``measured:``, or several.
    """
    lines = recipe.read_bytes().decode().splitlines(keepends=True)
    first, end = _find(lines, recipe)
    before = lines[first].partition(MARK)[0] + MARK + " "
    ending = "\r\n" if lines[first].endswith("\r\n") else "\n"
    wrapped = textwrap.wrap(
        " ".join(measured.split()),
        WIDTH,
        initial_indent=before,
        subsequent_indent="#" + " " * (_indent(lines[first]) + 2),
        break_long_words=False,
        break_on_hyphens=False,
    )
    lines[first:end] = [line + ending for line in wrapped]
    write_text(recipe, "".join(lines))


def _find(lines: list[str], recipe: Path) -> tuple[int, int]:
    header = next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))
    marked = [i for i, line in enumerate(lines[:header]) if re.search(rf"[#\s]{MARK}(\s|$)", line)]
    if len(marked) != 1:
        raise HeaderError(
            f"{recipe}: {len(marked)} lines of the header comment say '{MARK}'; exactly one must"
        )
    first = marked[0]
    end = next((i for i in range(first + 1, header) if _ends(lines[i])), header)
    return first, end


def _ends(line: str) -> bool:
    text = line.lstrip("#")
    return not text.strip() or re.match(r"\s{2,}toolkit ", text) is not None


def _indent(line: str) -> int:
    text = line.lstrip("#")
    return len(text) - len(text.lstrip())
