"""Rows that a run kept, as the page offers them: a click tries one and shows its true label."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo.inputs import INPUTS, brief
from toolkit.demo.outputs import OUTPUTS
from toolkit.metrics.measure import headline_split

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

EXAMPLES = 8
"""Examples on one page of their table."""
TRUTH = 40
"""Characters of a true label in their table, which does not break it into lines."""


@dataclass(frozen=True)
class Example:
    """``given`` is what the page would send, ``brief`` what the table shows, ``key`` what equal values share."""

    given: Any
    brief: Any
    key: str
    truth: str


def read_examples(artifact: Artifact) -> list[Example]:
    """The run's examples without repetitions, and without those whose files did not come along with the run."""
    asked = artifact.signature.input
    kind = INPUTS[type(asked)]
    found: dict[str, Example] = {}
    for row in artifact.examples:
        with contextlib.suppress(OSError, ValueError):
            given = kind.keep(row[asked.name])
            value = kind.check(given)
            key = kind.key(value)
            found[key] = Example(given, kind.brief(value), key, str(row["label"]))
    return list(found.values())


def build(artifact: Artifact, examples: list[Example]) -> Any:
    """The table of examples; a click on it gives the position of one."""
    asked = artifact.signature.input
    kind = INPUTS[type(asked)]
    truth = kind.truth or OUTPUTS[type(artifact.signature.output)].truth
    invitation = kind.invitation or f"with their {truth.lower()}s: click one to try it"
    return gr.Dataset(
        label=f"{_origin(artifact, kind.examples)}, {invitation}",
        components=[kind.cell(), gr.Textbox(visible=False)],
        headers=[asked.name.capitalize(), truth],
        samples=[[example.brief, brief(example.truth, TRUTH)] for example in examples],
        samples_per_page=EXAMPLES,
        type="index",
        layout="table",
        elem_id="examples",
    )


def _origin(artifact: Artifact, what: str) -> str:
    split = headline_split(artifact.metrics)
    unseen = "" if split == "train" else ", which the model was not trained on"
    return f"{what} from the {split} split{unseen}"
