"""One input, its prediction, and what spoke for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import examples, reasons
from toolkit.demo.inputs import INPUTS
from toolkit.demo.messages import MODEL, errors_shown, said
from toolkit.demo.outputs import OUTPUTS
from toolkit.demo.summary import plain

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

ASKS: dict[str, Any] = {"concurrency_id": MODEL, "preprocess": False}
"""Of an event that runs the model. What the page sent goes to ``Input.check`` as it is: Gradio's own preparation of a
picture would end in an error that says nothing."""


class SingleTab:
    """The tab for one input at a time."""

    title = "One at a time"

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.asked = artifact.signature.input
        self.shown = artifact.signature.output
        self.input = INPUTS[type(self.asked)]
        self.output = OUTPUTS[type(self.shown)]
        self.examples = examples.read_examples(artifact)
        self.truths = {example.key: example.truth for example in self.examples}
        self.label: Any = None

    def build(self) -> None:
        """The input on the left, its prediction and the reasons on the right, examples below."""
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                given = self.input.component(self.asked)
                button = gr.Button("Predict", variant="primary", elem_id="predict")
            with gr.Column(min_width=320):
                prediction = self.output.component(self.shown)
                outputs = [prediction, gr.Markdown(elem_id="truth", visible=False), *reasons.build()]
        self.label = prediction.label
        self._connect(given, button, outputs)
        if self.examples:
            table = examples.build(self.artifact, self.examples)
            picked = table.click(self.pick, table, given, api_visibility="private")
            self._predict_after(picked, given, outputs)

    def _connect(self, given: Any, button: Any, outputs: list[Any]) -> None:
        asking = [button.click, *(getattr(given, name) for name in self.input.triggers)]
        started = gr.on(
            asking, self.predict, given, outputs[0], api_name="predict", trigger_mode="once", **ASKS
        )
        self._follow(started, given, outputs)
        for name in self.input.arrivals:
            arrived = getattr(given, name)(
                self.show, given, given, api_visibility="private", preprocess=False, show_progress="hidden"
            )
            self._predict_after(arrived, given, outputs)

    def _predict_after(self, event: Any, given: Any, outputs: list[Any]) -> None:
        started = event.success(self.predict, given, outputs[0], api_visibility="private", **ASKS)
        event.failure(self.clear, None, outputs, api_visibility="private")
        self._follow(started, given, outputs)

    def _follow(self, started: Any, given: Any, outputs: list[Any]) -> None:
        """After a prediction come its reasons; after an error nothing of the one before stays on the page."""
        started.success(self.explain, given, outputs[1:], api_visibility="private", **ASKS)
        started.failure(self.clear, None, outputs, api_visibility="private")

    def pick(self, index: int) -> Any:
        """Put an example into the input."""
        return self.input.show(self.examples[index].given)

    def show(self, given: Any) -> Any:
        """Show what has arrived as it can be looked at."""
        with errors_shown():
            return self.input.show(given)

    def predict(self, given: Any) -> Any:
        """Predict one input."""
        with errors_shown():
            value = self.input.check(given)
            prediction = self.artifact.predict([value])[0]
        return self.output.render(prediction, self.shown, value)

    def explain(self, given: Any) -> tuple[Any, Any, Any, Any]:
        """The true label where it is known, the coloured input, and what to know about the colours."""
        with errors_shown():
            value = self.input.check(given)
            attribution = self.artifact.explain(value)
        known = self.truths.get(self.input.key(value))
        truth = f"{self.output.truth} of this example: **{plain(known)}**" if known is not None else ""
        return said(truth), *reasons.shown(value, attribution)

    def clear(self) -> tuple[Any, Any, Any, Any, Any]:
        """Take the prediction before off the page, and its words off the label."""
        return gr.update(value=None, label=self.label), said(""), *reasons.cleared()
