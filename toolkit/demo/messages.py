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
    except ToolkitError as error:
        raise _shown(str(error)) from error
    except ValueError as error:
        message = str(error)
        raise _shown(message[:1].upper() + message[1:]) from error


def _shown(message: str) -> gr.Error:
    return gr.Error("<br>".join(html.escape(line) for line in message.splitlines()), print_exception=False)


def said(markdown: str) -> Any:
    """An update of a Markdown component, which takes no room when it is empty."""
    return gr.update(value=markdown, visible=bool(markdown))
