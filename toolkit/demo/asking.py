"""An input of two texts, such as a question and the text that may answer it, and its prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import examples
from toolkit.demo.inputs import INPUTS
from toolkit.demo.messages import MODEL, errors_shown, said
from toolkit.demo.outputs import OUTPUTS
from toolkit.demo.summary import plain
from toolkit.tasks.signature import roles_in

if TYPE_CHECKING:
    from toolkit.artifact import Artifact


class AskTab:
    """The tab for one input of two texts at a time."""

    title = "One at a time"
    before_truth = "{} of this example"
    """What is said before the known answer, of the word for it."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.asked, self.shown = artifact.signature.input, artifact.signature.output
        self.input, self.output = INPUTS[type(self.asked)], OUTPUTS[type(self.shown)]
        self.examples = examples.read_examples(artifact)
        self.truths = {example.key: example.truth for example in self.examples}
        self.roles = roles_in(self.asked)
        self.label: Any = None

    def build(self) -> None:
        """The texts on the left, the prediction on the right, examples below."""
        assert self.input.second is not None  # see TABS
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                first, second = self.input.component(self.asked), self.input.second(self.asked)
                button = gr.Button(self.input.button, variant="primary", elem_id="predict")
            with gr.Column(min_width=320):
                outputs = [self.output.component(self.shown), gr.Markdown(elem_id="truth", visible=False)]
        self.label = outputs[0].label
        given: list[Any] = [first, second]
        how: dict[str, Any] = {"api_visibility": "private", "concurrency_id": MODEL}
        asking: list[Any] = [button.click, getattr(first, "submit")]  # noqa: B009  (made by gradio)
        started = gr.on(asking, self.answer, given, outputs, trigger_mode="once", **how)
        started.failure(self.clear, None, outputs, api_visibility="private")
        if self.examples:
            table = examples.build(self.artifact, self.examples)
            picked = table.click(self.pick, table, given, api_visibility="private")
            picked.success(self.answer, given, outputs, **how)
        gr.api(self.predict, api_name="predict", concurrency_id=MODEL)  # pyright: ignore[reportPrivateImportUsage]

    def pick(self, index: int) -> tuple[str, str]:
        """Put an example into the boxes."""
        return self.texts(self.examples[index].given)

    def predict(self, given: dict[str, Any]) -> dict[str, Any]:
        """Predict from a text for each role, such as ``{"question": …, "context": …}``."""
        with errors_shown():
            return self.artifact.predict([self.input.check(given)])[0]

    def answer(self, first: str, second: str) -> tuple[Any, Any]:
        """The prediction, and what is true where it is known."""
        with errors_shown():
            value = self.input.check(self.value(first, second))
            prediction = self.artifact.predict([value])[0]
        known = self.truths.get(self.input.key(value))
        before = self.before_truth.format(self.input.truth or self.output.truth)
        truth = f"{before}: **{plain(known)}**" if known is not None else ""
        return self.output.render(prediction, self.shown, value), said(truth)

    def value(self, first: str, second: str) -> dict[str, Any]:
        """The input that two texts make.

        Raises:
            ValueError: they make none.
        """
        return dict(zip(self.roles, (first, second), strict=True))

    def texts(self, given: Mapping[str, Any]) -> tuple[str, str]:
        """The two texts that stand for an input."""
        return given[self.roles[0]], given[self.roles[1]]

    def clear(self) -> tuple[Any, Any]:
        """Take the answer before off the page."""
        return gr.update(value=None, label=self.label), said("")
