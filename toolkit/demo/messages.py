"""What the page says: errors as messages, Markdown that hides when there is nothing to say."""

from __future__ import annotations

import html
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest
from typing import Any

import gradio as gr

from toolkit.errors import InputError, ToolkitError

MODEL = "model"
"""Events of this concurrency group wait for each other: they share one model."""

SHORT_SECONDS = 10
"""One line is read in this time; a list of problems stays until it is closed."""


@contextmanager
def errors_shown() -> Generator[None]:
    """Show what is wrong with an input to the visitor who gave it."""
    try:
        yield
    except InputError as error:
        raise _shown(_lines(error)) from error
    except ToolkitError as error:
        raise _shown(str(error).splitlines()) from error
    except ValueError as error:
        message = str(error)
        raise _shown([message[:1].upper() + message[1:]]) from error


def _lines(error: InputError) -> list[str]:
    """One line a problem; a fix shared by several in a row is told once, with the last of them."""
    problems = [problem for problem in error.problems if problem.level == "error"]
    following = zip_longest(problems, (problem.fix for problem in problems[1:]))
    return [str(replace(problem, fix="") if problem.fix == fix else problem) for problem, fix in following]


def _shown(lines: Iterable[str]) -> gr.Error:
    """Escaped, because Gradio renders messages as HTML and these quote what was uploaded."""
    escaped = [html.escape(line) for line in lines]
    duration = SHORT_SECONDS if len(escaped) == 1 else None
    return gr.Error("<br>".join(escaped), duration=duration, print_exception=False)


def said(markdown: str) -> Any:
    """An update of a Markdown component, which takes no room when it is empty."""
    return gr.update(value=markdown, visible=bool(markdown))
