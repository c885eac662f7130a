"""A sentence and several others, and how near each of them is in meaning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo import examples
from toolkit.demo.inputs import INPUTS, MAX_CHARACTERS
from toolkit.demo.messages import MODEL, errors_shown, said
from toolkit.demo.outputs import OUTPUTS, SHOWN_SENTENCES
from toolkit.demo.summary import plain

if TYPE_CHECKING:
    from toolkit.artifact import Artifact


class CompareTab:
    """The tab that compares sentences."""

    title = "Compare"

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.asked, self.shown = artifact.signature.input, artifact.signature.output
        self.input, self.output = INPUTS[type(self.asked)], OUTPUTS[type(self.shown)]
        self.examples = examples.read_examples(artifact)
        self.truths = {example.key: example.truth for example in self.examples}

    def build(self) -> None:
        """The sentence and the others on the left, bars on the right, examples below."""
        with gr.Row(equal_height=False):
            with gr.Column(min_width=320):
                source = self.input.component(self.asked)
                others = gr.Textbox(
                    label="Sentences to compare it with",
                    info=f"One a line, up to {SHOWN_SENTENCES}.",
                    lines=6,
                    max_lines=14,
                    max_length=MAX_CHARACTERS,
                    elem_id="others",
                )
                button = gr.Button("Compare", variant="primary", elem_id="predict")
            with gr.Column(min_width=320):
                outputs = [self.output.component(self.shown), gr.Markdown(elem_id="truth", visible=False)]
        how: dict[str, Any] = {"api_visibility": "private", "concurrency_id": MODEL, "trigger_mode": "once"}
        started = gr.on([button.click, source.submit], self.compare, [source, others], outputs, **how)  # pyright: ignore[reportAttributeAccessIssue]
        started.failure(self.clear, None, outputs, api_visibility="private")
        if self.examples:
            table = examples.build(self.artifact, self.examples)
            picked = table.click(self.pick, table, [source, others], api_visibility="private")
            picked.success(self.compare, [source, others], outputs, **how)
        gr.api(self.predict, api_name="predict", concurrency_id=MODEL)  # pyright: ignore[reportPrivateImportUsage]

    def pick(self, index: int) -> tuple[str, str]:
        """Put an example into the inputs."""
        given = self.examples[index].given
        return given["source_sentence"], "\n".join(given["sentences"])

    def predict(self, given: dict[str, Any]) -> dict[str, Any]:
        """Compare ``{"source_sentence": "…", "sentences": ["…", …]}``."""
        with errors_shown():
            return self.artifact.predict([self.input.check(given)])[0]

    def compare(self, source: str, others: str) -> tuple[Any, Any]:
        """Bars of the similarities, and what belongs to the sentence where it is known."""
        with errors_shown():
            lines = [line.strip() for line in (others or "").splitlines() if line.strip()]
            if not (source or "").strip():
                raise ValueError("the sentence is empty")
            if not lines:
                raise ValueError("give at least one sentence to compare it with, one a line")
            if len(lines) > SHOWN_SENTENCES:
                raise ValueError(f"these are {len(lines)} sentences, more than {SHOWN_SENTENCES}")
            value = self.input.check({"source_sentence": source, "sentences": lines})
            prediction = self.artifact.predict([value])[0]
        known = self.truths.get(self.input.key(value))
        truth = f"In the data: **{plain(known)}**" if known is not None else ""
        return self.output.render(prediction, self.shown, value), said(truth)

    def clear(self) -> tuple[Any, Any]:
        """Take the comparison before off the page."""
        return gr.update(value=None), said("")
