"""What the page says: errors as messages, Markdown that hides when there is nothing to say."""

from __future__ import annotations

import html
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from toolkit.errors import ToolkitError

MODEL = "model"
"""Events of this concurrency group wait for each other: they share one model."""


@contextmanager
def errors_shown() -> Generator[None]:
    """Show what is wrong with an input to the visitor who gave it.

    Escaped, because Gradio renders messages as HTML and these quote what was uploaded.
    """
    try:
        yield
    except (ToolkitError, ValueError) as error:
        lines = [html.escape(line[:1].upper() + line[1:]) for line in str(error).splitlines()]
        raise gr.Error("<br>".join(lines), print_exception=False) from error


def said(markdown: str) -> Any:
    """An update of a Markdown component, which takes no room when it is empty."""
    return gr.update(value=markdown, visible=bool(markdown))
