"""One input, its prediction, and what spoke for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo.explain import COLORS, NOT_READ, NOT_READ_COLOR, highlight
from toolkit.demo.messages import MODEL, errors_shown, said
from toolkit.demo.summary import plain
from toolkit.demo.widgets import INPUTS, OUTPUTS
from toolkit.metrics.measure import headline_split

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

EXAMPLES = 8
"""Examples on one page of their table."""


class SingleTab:
    """The tab for one input at a time."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.asked = artifact.signature.input
        self.shown = artifact.signature.output
        self.input = INPUTS[type(self.asked)]
        self.truths = {row[self.asked.name]: str(row["label"]) for row in artifact.examples}

    def build(self) -> None:
        """The input on the left, its prediction and the reasons on the right, examples below."""
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                given = self.input.component(self.asked)
                button = gr.Button("Predict", variant="primary", elem_id="predict")
            with gr.Column(min_width=320):
                outputs = self._outputs()
        started = gr.on(
            [button.click, *(getattr(given, name) for name in self.input.triggers)],
            self.predict,
            given,
            outputs[0],
            api_name="predict",
            concurrency_id=MODEL,
            trigger_mode="once",
        )
        self._follow(started, given, outputs)
        if self.truths:
            self._examples(given, outputs)

    def _outputs(self) -> list[Any]:
        return [
            OUTPUTS[type(self.shown)].component(self.shown),
            gr.Markdown(elem_id="truth", visible=False),
            gr.HighlightedText(
                label="What spoke for this prediction, and what against it",
                color_map=COLORS,
                show_legend=True,
                visible=False,
                elem_id="reasons",
            ),
            gr.Markdown(elem_id="note", elem_classes="hint", visible=False),
        ]

    def _examples(self, given: Any, outputs: list[Any]) -> None:
        values = list(self.truths)
        samples = [[self.input.brief(value), truth] for value, truth in self.truths.items()]
        examples = gr.Dataset(
            label=f"{self._origin()}: click one to try it",
            components=[self.input.cell(), gr.Textbox(visible=False)],
            headers=[self.asked.name.capitalize(), "True label"],
            samples=samples,
            samples_per_page=EXAMPLES,
            type="index",
            layout="table",
            elem_id="examples",
        )
        picked = examples.click(lambda index: values[index], examples, given, api_visibility="private")
        started = picked.then(self.predict, given, outputs[0], api_visibility="private", concurrency_id=MODEL)
        self._follow(started, given, outputs)

    def _origin(self) -> str:
        split = headline_split(self.artifact.metrics)
        unseen = "" if split == "train" else ", which the model was not trained on"
        return f"Examples from the {split} split{unseen}"

    def _follow(self, started: Any, given: Any, outputs: list[Any]) -> None:
        """After a prediction come its reasons; after an error nothing of the one before stays on the page."""
        started.success(self.explain, given, outputs[1:], api_visibility="private", concurrency_id=MODEL)
        started.failure(self.clear, None, outputs, api_visibility="private")

    def predict(self, value: Any) -> Any:
        """Predict one input."""
        with errors_shown():
            prediction = self.artifact.predict([self.input.check(value)])[0]
        return OUTPUTS[type(self.shown)].render(prediction, self.shown)

    def explain(self, value: Any) -> tuple[Any, Any, Any]:
        """The true label where it is known, the coloured input, and what to know about the colours."""
        with errors_shown():
            attribution = self.artifact.explain(value)
        known = self.truths.get(value)
        truth = said(f"True label of this example: **{plain(known)}**" if known is not None else "")
        if attribution.reason:
            return truth, gr.update(value=None, visible=False), said(plain(attribution.reason))
        spans = highlight(value, attribution)
        note, colors = "What has no colour hardly mattered.", COLORS
        if any(name == NOT_READ for _, name in spans):
            note, colors = (
                f"{note} The grey end is beyond the length this model reads.",
                COLORS | NOT_READ_COLOR,
            )
        return truth, gr.update(value=spans, color_map=colors, visible=True), said(note)

    def clear(self) -> tuple[Any, Any, Any, Any]:
        """Take the prediction before off the page."""
        return None, said(""), gr.update(value=None, visible=False), said("")
