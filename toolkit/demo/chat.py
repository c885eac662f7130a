"""A conversation with a model that answers, word by word."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import manner
from toolkit.demo.examples import read_examples
from toolkit.demo.inputs import INPUTS
from toolkit.demo.messages import errors_shown
from toolkit.demo.streaming import in_own_thread
from toolkit.tasks.writing import asked

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.data.messages import Message
    from toolkit.tasks.generation_model import Manner, Writer

HEIGHT = 460
QUESTIONS = 4
"""Examples offered to begin with."""


class ChatTab:
    """The tab for a conversation."""

    title = "Chat"

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        # A task whose input is a prompt gives a predictor that writes.
        self.writer: Writer = artifact.predictor  # pyright: ignore[reportAttributeAccessIssue]
        self.kind = INPUTS[type(artifact.signature.input)]

    def build(self) -> None:
        """The conversation, and below it what can be chosen."""
        gr.ChatInterface(
            self.answer,
            chatbot=gr.Chatbot(
                height=HEIGHT,
                show_label=False,
                elem_id="chat",
                placeholder="Ask something.",
                buttons=["copy"],
            ),
            textbox=gr.Textbox(
                placeholder="Type a message",
                show_label=False,
                container=False,
                elem_id="message",
                autofocus=True,
                submit_btn=True,
                stop_btn=True,
            ),
            additional_inputs=[
                gr.Textbox(
                    "",
                    label="System prompt",
                    info="Who the model is to be; empty leaves that to its chat template.",
                    lines=2,
                    elem_id="system",
                    render=False,
                ),
                *manner.build(self.writer, render=False),
            ],
            additional_inputs_accordion=gr.Accordion("Settings", open=False, render=False),
            examples=self._questions() or None,
            fill_height=False,
            api_visibility="private",
        )
        gr.api(self.predict, api_name="predict")  # pyright: ignore[reportPrivateImportUsage]

    def _questions(self) -> list[list[str]]:
        """Questions of held-out conversations that need nothing said before them."""
        given = [example.given for example in read_examples(self.artifact)]
        return [[text] for text in given if len(asked(text)) == 1][:QUESTIONS]

    def predict(self, prompt: str) -> dict[str, Any]:
        """Answer a question, or a conversation written as JSON, at once, always with the likeliest words."""
        with errors_shown():
            return self.artifact.predict([self.kind.check(prompt)])[0]

    def answer(self, message: str, history: Sequence[Any], system: str, *values: float) -> Iterator[str]:
        """The answer so far, again and again."""
        over = threading.Event()
        with errors_shown():
            messages = self._conversation(message, history, system, chosen := manner.chosen(*values))
            try:
                yield from in_own_thread(lambda: self.writer.stream(messages, chosen, over))
            finally:
                over.set()

    def _conversation(
        self, message: str, history: Sequence[Any], system: str, chosen: Manner
    ) -> list[Message]:
        """All that was said, without the oldest exchanges where it is more than the model can take."""
        said = [*_plain(history), {"role": "user", "content": self.kind.check(message)}]
        first = [{"role": "system", "content": system.strip()}] if system and system.strip() else []
        room = self.writer.context - chosen.max_new_tokens
        while len(said) > 2 and len(self.writer.writing.prompt([*first, *said])) > room:
            said = said[2:]
        return [*first, *said]


def _plain(history: Sequence[Any]) -> list[Message]:
    """What was said before, in whole exchanges: an answer that was stopped before its first word is none."""
    said = [{"role": str(turn["role"]), "content": _text(turn["content"])} for turn in history]
    kept: list[Message] = []
    for question, answer in pairwise(said):
        if question["role"] == "user" and answer["role"] == "assistant" and answer["content"].strip():
            kept += [question, answer]
    return kept


def _text(content: Any) -> str:
    """The text of a turn; Gradio gives it whole, or in parts."""
    if isinstance(content, str):
        return content
    return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
