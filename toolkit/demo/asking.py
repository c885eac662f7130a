"""A question, the text that may answer it, and the answer marked in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import examples
from toolkit.demo.messages import MODEL, errors_shown, said
from toolkit.demo.summary import plain
from toolkit.demo.widgets import INPUTS, OUTPUTS, context_box

if TYPE_CHECKING:
    from toolkit.artifact import Artifact


class AskTab:
    """The tab for one question at a time."""

    title = "One at a time"

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.asked, self.shown = artifact.signature.input, artifact.signature.output
        self.input, self.output = INPUTS[type(self.asked)], OUTPUTS[type(self.shown)]
        self.examples = examples.read_examples(artifact)
        self.truths = {example.key: example.truth for example in self.examples}

    def build(self) -> None:
        """Question and text on the left, the text with its answer on the right, examples below."""
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                question = self.input.component(self.asked)
                context = context_box()
                button = gr.Button("Answer", variant="primary", elem_id="predict")
            with gr.Column(min_width=320):
                outputs = [self.output.component(self.shown), gr.Markdown(elem_id="truth", visible=False)]
        given: list[Any] = [question, context]
        how: dict[str, Any] = {"api_visibility": "private", "concurrency_id": MODEL}
        asking: list[Any] = [button.click, getattr(question, "submit")]  # noqa: B009  (made by gradio)
        started = gr.on(asking, self.answer, given, outputs, trigger_mode="once", **how)
        started.failure(self.clear, None, outputs, api_visibility="private")
        if self.examples:
            table = examples.build(self.artifact, self.examples)
            picked = table.click(self.pick, table, given, api_visibility="private")
            picked.success(self.answer, given, outputs, **how)
        gr.api(self.predict, api_name="predict")  # pyright: ignore[reportPrivateImportUsage]

    def pick(self, index: int) -> tuple[str, str]:
        """Put an example into the boxes."""
        given = self.examples[index].given
        return given["question"], given["context"]

    def predict(self, given: dict[str, Any]) -> dict[str, Any]:
        """Answer a question from a text: ``{"question": …, "context": …}``."""
        with errors_shown():
            return self.artifact.predict([self.input.check(given)])[0]

    def answer(self, question: str, context: str) -> tuple[Any, Any]:
        """The text with the answer marked, and the true one where it is known."""
        with errors_shown():
            value = self.input.check({"question": question, "context": context})
            prediction = self.artifact.predict([value])[0]
        known = self.truths.get(self.input.key(value))
        truth = f"{self.input.truth} of this example: **{plain(known)}**" if known is not None else ""
        return self.output.render(prediction, self.shown, value), said(truth)

    def clear(self) -> tuple[Any, Any]:
        """Take the answer before off the page."""
        return gr.update(value=None, label="Answer"), said("")
