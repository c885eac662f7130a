"""A text that a model goes on with, word by word."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import examples, manner
from toolkit.demo.inputs import INPUTS
from toolkit.demo.messages import errors_shown
from toolkit.demo.streaming import in_own_thread

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.tasks.generation_model import Writer


class ContinueTab:
    """The tab in which a model writes on."""

    title = "Write on"

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        # A task whose input is a prompt gives a predictor that writes.
        self.writer: Writer = artifact.predictor  # pyright: ignore[reportAttributeAccessIssue]
        self.kind = INPUTS[type(artifact.signature.input)]
        self.examples = examples.read_examples(artifact)

    def build(self) -> None:
        """The beginning on the left, how it goes on on the right, examples below."""
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                given = self.kind.component(self.artifact.signature.input)
                with gr.Row():
                    button = gr.Button("Write", variant="primary", elem_id="predict", min_width=100)
                    stop = gr.Button("Stop", elem_id="stop", min_width=100)
                with gr.Accordion("Settings", open=False):
                    sliders = manner.build(self.writer)
            with gr.Column(min_width=320):
                shown = gr.Textbox(label="How it goes on", lines=12, interactive=False, elem_id="output")
        how: dict[str, Any] = {"api_visibility": "private", "show_progress": "minimal"}
        started = button.click(self.write, [given, *sliders], shown, **how)
        events: list[Any] = [started]
        if self.examples:
            table = examples.build(self.artifact, self.examples)
            picked = table.click(self.pick, table, given, api_visibility="private")
            events.append(picked.success(self.write, [given, *sliders], shown, **how))
        stop.click(None, None, None, cancels=events, api_visibility="private")
        gr.api(self.predict, api_name="predict")  # pyright: ignore[reportPrivateImportUsage]

    def pick(self, index: int) -> Any:
        """Put an example into the input."""
        return self.examples[index].given

    def predict(self, prompt: str) -> dict[str, Any]:
        """Go on with a text at once, always with the likeliest words."""
        with errors_shown():
            return self.artifact.predict([self.kind.check(prompt)])[0]

    def write(self, given: str, *values: float) -> Iterator[str]:
        """How it goes on so far, again and again."""
        over = threading.Event()
        with errors_shown():
            prompt, chosen = self.kind.check(given), manner.chosen(*values)
            try:
                yield from in_own_thread(lambda: self.writer.stream(prompt, chosen, over))
            finally:
                over.set()
