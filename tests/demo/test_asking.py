from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from tests.tasks.answer_cases import asked
from toolkit.artifact import Artifact
from toolkit.demo.asking import AskTab
from toolkit.demo.files import FileTab

QUESTION = "who wrote down how it works"


@pytest.fixture
def tab(answering: Artifact) -> AskTab:
    return AskTab(answering)


def test_the_answer_is_marked_in_its_text(tab: AskTab, answering: Artifact) -> None:
    context = asked(503)["context"]
    shown, truth = tab.answer(QUESTION, context)

    assert "".join(text for text, _ in shown["value"]) == context
    assert [text for text, mark in shown["value"] if mark] == ["Dorothy"]
    score = answering.predict({"question": QUESTION, "context": context})["score"]
    assert shown["label"] == f"Answer: Dorothy ({score:.0%})"
    assert not truth["visible"]


def test_where_there_is_no_answer_nothing_is_marked(tab: AskTab) -> None:
    shown, _ = tab.answer("is there none", asked(503)["context"])

    assert [mark for _, mark in shown["value"]] == [None]
    assert shown["label"].startswith("Answer: no answer (")


def test_an_example_shows_its_true_answer(tab: AskTab) -> None:
    question, context = tab.pick(0)
    _, truth = tab.answer(question, context)

    assert "True answer of this example" in truth["value"]
    assert len(tab.examples) > 1


@pytest.mark.parametrize(
    ("question", "context", "said"), [("", "Ada", "The question is empty"), ("who", " ", "The text is empty")]
)
def test_empty_boxes_are_told(tab: AskTab, question: str, context: str, said: str) -> None:
    with pytest.raises(gr.Error, match=said):
        tab.answer(question, context)


def test_a_file_has_two_columns(answering: Artifact, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [asked(number) for number in range(5)]
    file = tmp_path / "many.jsonl"
    file.write_text(
        "".join(json.dumps({"q": row["question"], "context": row["context"]}) + "\n" for row in rows)
    )
    tab = FileTab(answering)
    chosen = tab.open(str(file))

    assert [update["value"] for update in chosen] == [None, "context"]
    with pytest.raises(gr.Error, match="no column &#x27;question&#x27;"):
        tab.predict(str(file))
    told, _, download = tab.predict(str(file), "q", "context")
    assert "5 rows" in told["value"]
    with Path(download["value"]).open(newline="") as stream:
        found = list(csv.DictReader(stream))
    assert [row["predicted_answer"] for row in found] == [
        one["answer"]
        for one in answering.predict([{"question": row["q"], "context": row["context"]} for row in found])
    ]
    assert {"answer_start", "answer_end", "predicted_score"} <= found[0].keys()
