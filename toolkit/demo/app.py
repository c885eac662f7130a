"""Build the page of an artifact: one input at a time, or many of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import gradio as gr

from toolkit.artifact import Artifact
from toolkit.demo import summary
from toolkit.demo.albums import AlbumTab
from toolkit.demo.asking import AskTab
from toolkit.demo.chat import ChatTab
from toolkit.demo.comparing import CompareTab
from toolkit.demo.continuing import ContinueTab
from toolkit.demo.files import FileTab
from toolkit.demo.play import PlayTab
from toolkit.demo.serve import Demo, in_event_loop
from toolkit.demo.single import SingleTab
from toolkit.demo.uploads import upload_folder
from toolkit.tasks.signature import (
    Asked,
    Environment,
    Image,
    Pair,
    Prompt,
    Question,
    Sentence,
    Sentences,
    Text,
)

QUEUE = 64
"""Requests that may wait; the next one is told that the server is busy."""


class Tab(Protocol):
    """A part of the page."""

    title: str

    def build(self) -> None:
        """Put its components on the page."""
        ...


def _writing(artifact: Artifact) -> Tab:
    """A conversation with a model that answers, a page to go on writing with one that does not."""
    chats = getattr(artifact.predictor, "chats", False)
    return ChatTab(artifact) if chats else ContinueTab(artifact)


TABS: dict[type[Asked], Sequence[Callable[[Artifact], Tab]]] = {
    Text: (SingleTab, FileTab),
    Pair: (AskTab, FileTab),
    Prompt: (_writing, FileTab),
    Sentence: (SingleTab, FileTab),
    Question: (AskTab, FileTab),
    Sentences: (CompareTab,),
    Image: (SingleTab, AlbumTab),
    Environment: (PlayTab,),
}
"""What the page offers for each kind of input."""


def build(*artifacts: Artifact, problems: Sequence[str] = ()) -> Demo:
    """A Gradio app from the signatures of artifacts, ready to launch: one page, or a tab for each of several.

    Args:
        artifacts: what is shown.
        problems: what else was to be shown, and why it is not.

    Raises:
        ToolkitError: the model of one cannot be opened.
    """
    for artifact in artifacts:
        # Opens the model now, so that a damaged one is an error here and not at the first click.
        artifact.predict([])
    upload_folder()
    return in_event_loop(lambda: _page(artifacts, problems))


def _page(artifacts: Sequence[Artifact], problems: Sequence[str]) -> Demo:
    titles = [summary.title(artifact) for artifact in artifacts]
    with Demo(title=", ".join(titles), analytics_enabled=False) as demo:
        if problems:
            gr.Markdown(summary.quoted("\n".join(problems)), elem_id="problem")
        if len(artifacts) == 1:
            _parts(artifacts[0], titles[0])
        else:
            for artifact, title in zip(artifacts, titles, strict=True):
                with gr.Tab(title):
                    _parts(artifact, title)
    return demo.queue(max_size=QUEUE, default_concurrency_limit=1)


def _parts(artifact: Artifact, title: str) -> None:
    """What there is to see of one artifact, and to do with it."""
    gr.Markdown(f"# {summary.plain(title)}\n\n{summary.describe(artifact)}", elem_id="heading")
    for make in TABS[type(artifact.signature.input)]:
        tab = make(artifact)
        with gr.Tab(tab.title):
            tab.build()
