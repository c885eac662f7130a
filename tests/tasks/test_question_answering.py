"""A small reader trained for real, and what becomes of it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import toolkit
from tests.tasks.answer_cases import asked, flat, questions
from toolkit.artifact import Artifact
from toolkit.errors import DataError
from toolkit.run import read_inputs
from toolkit.tasks.answer_batches import answer_loss, pad_windows
from toolkit.tasks.answer_model import Reader


@pytest.fixture
def reader(answering: Artifact) -> Reader:
    return answering.predictor  # pyright: ignore[reportReturnType]


def pair(number: int, question: str = "who wrote down how it works") -> dict[str, str]:
    return {"question": question, "context": asked(number)["context"]}


def test_it_answers_with_the_exact_words_of_the_text(answering: Artifact) -> None:
    value = pair(503)
    answer = answering.predict(value)

    assert answer["label"] == answer["answer"] == "Dorothy"
    assert value["context"][answer["start"] : answer["end"]] == "Dorothy"
    assert 0 < answer["score"] <= 1


def test_it_says_where_there_is_no_answer(answering: Artifact) -> None:
    answer = answering.predict(pair(503, "is there none"))

    assert (answer["label"], answer["answer"]) == ("no answer", "")
    assert answer["no_answer_score"] == answer["score"]
    assert answering.metrics["test"]["no_answer_accuracy"]["value"] == 1
    assert answering.metrics["test"]["answerable_f1"]["value"] > 0.5
    stored = json.loads((answering.model_folder / "decoding.json").read_text())
    assert stored["no_answer_threshold"] == answering.metrics["no_answer_threshold"]


def test_the_answer_is_that_of_the_models_own_logits(answering: Artifact, reader: Reader) -> None:
    """transformers 5 has no pipeline for this task: all spans of one window, one after the other."""
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer

    model = AutoModelForQuestionAnswering.from_pretrained(answering.model_folder)
    tokenizer = AutoTokenizer.from_pretrained(answering.model_folder)
    for number in (3, 51, 502):
        value = pair(number)
        inputs = tokenizer(
            value["question"], value["context"], return_tensors="pt", return_offsets_mapping=True
        )
        offsets, sides = inputs.pop("offset_mapping")[0].tolist(), inputs.sequence_ids(0)
        with torch.no_grad():
            outputs = model(**inputs)
        inside = [at for at, side in enumerate(sides) if side == 1]
        sums = {
            (start, end): float(outputs.start_logits[0, start] + outputs.end_logits[0, end])
            for start in inside
            for end in inside
            if start <= end < start + 30
        }
        start, end = max(sums, key=sums.__getitem__)
        (choice,) = reader.choices([value])
        assert choice.answer
        assert choice.answer.text == value["context"][offsets[start][0] : offsets[end][1]]
        null = float(outputs.start_logits[0, 0] + outputs.end_logits[0, 0])
        assert choice.doubt == pytest.approx(null - sums[start, end], abs=1e-4)


def test_a_long_text_is_read_in_windows(answering: Artifact, reader: Reader) -> None:
    filler = "Nothing else is known of that time. " * 30
    for context in (filler + pair(503)["context"], pair(503)["context"] + " " + filler):
        value = {**pair(503), "context": context}
        assert len(reader.windowing([value["question"]], [context])) > 3
        found = answering.predict(value)
        assert found["answer"] == context[found["start"] : found["end"]]


def test_many_are_answered_as_each_alone(answering: Artifact) -> None:
    values = [pair(3), {**pair(7), "context": pair(7)["context"] * 4}, pair(9, "is there none")]
    together = answering.predict(values)
    alone = [answering.predict(value) for value in values]

    assert [one["label"] for one in together] == [one["label"] for one in alone]
    assert [one["score"] for one in together] == pytest.approx([one["score"] for one in alone], abs=1e-4)


def test_the_loss_is_transformers_own_where_nothing_is_padded(reader: Reader) -> None:
    (window,) = reader.windowing([pair(3)["question"]], [pair(3)["context"]])
    inputs = pad_windows(reader.tokenizer, [window.ids], [window.types])
    places = {"start_positions": torch.tensor([9]), "end_positions": torch.tensor([10])}
    with torch.no_grad():
        own = reader.model(**inputs, **places).loss.item()
        assert answer_loss(reader.model, {**inputs, **places}).item() == pytest.approx(own, rel=1e-5)


def test_padding_changes_neither_loss_nor_smoothed_loss(reader: Reader) -> None:
    short, long = reader.windowing(["who", "who came"], ["Ada came.", "Ada came, and Rome was far away."])
    places = [
        {"start_positions": torch.tensor([at]), "end_positions": torch.tensor([at + 1])} for at in (3, 4)
    ]
    together = pad_windows(reader.tokenizer, [short.ids, long.ids], [short.types, long.types])
    joined = {name: torch.cat([one[name] for one in places]) for name in places[0]}
    for smoothing in (0.0, 0.2):
        with torch.no_grad():
            apart = sum(
                answer_loss(
                    reader.model,
                    {**pad_windows(reader.tokenizer, [one.ids], [one.types]), **place},
                    smoothing,
                ).item()
                for one, place in zip((short, long), places, strict=True)
            )
            whole = answer_loss(reader.model, {**together, **joined}, smoothing).item()
        assert np.isfinite(whole)
        assert whole == pytest.approx(apart, rel=1e-4)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("who came?", "no question with a context"),
        ({"question": "who"}, "the context is missing"),
        ({"question": "", "context": "Ada"}, "the question is empty"),
        ({"question": "who", "context": 7}, "the context is 7"),
    ],
    ids=str,
)
def test_what_is_no_question_is_refused(answering: Artifact, value: object, said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)) as caught:
        answering.predict([pair(3), value])
    assert "input 2" in str(caught.value)


def test_words_of_the_command_line_are_json_or_files(answering: Artifact, tmp_path: Path) -> None:
    table = flat()(tmp_path)
    values = read_inputs(answering, [json.dumps(pair(3)), str(table)])

    assert values[0] == pair(3)
    assert values[1] == {"question": "who came", "context": "Ada came today 0"}
    assert len(values) == 21
    with pytest.raises(DataError, match="input 1: not JSON: 'who came'"):
        read_inputs(answering, ["who came"])
    (tmp_path / "one.csv").write_text("question\nwho\n")
    with pytest.raises(DataError, match="no column 'context'"):
        read_inputs(answering, [str(tmp_path / "one.csv")])


def test_other_rows_are_measured_with_all_their_answers(answering: Artifact, tmp_path: Path) -> None:
    several = asked(503)
    place = several["context"].find("machine")
    several["answers"] = {
        "text": ["machine", "Dorothy"],
        "answer_start": [place, several["answers"]["answer_start"][0]],
    }
    metrics = answering.evaluate(questions(several, count=0)(tmp_path))

    assert metrics["exact_match"]["value"] == 1
    assert metrics["rows"] == 1


def test_flat_columns_are_guessed_and_places_looked_up(tmp_path: Path) -> None:
    from toolkit.data.load import load_rows
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.question_answering import ROLES

    (tmp_path / "flat.csv").write_text(
        "id,query,passage,answer\n" + "".join(f"{n},who came,Number {n} came,Number {n}\n" for n in range(20))
    )
    rows = load_rows(DataSection(source=str(tmp_path / "flat.csv")), ROLES)

    notes = [str(finding) for finding in rows.findings if finding.level == "note"]
    assert any("20 answers have no place" in note for note in notes)
    assert {"context", "question", "answers"} == {
        note.split()[1] for note in notes if "is taken from" in note
    }
    first: dict[str, Any] = rows.splits["train"][0]
    assert json.loads(first["answers"])["answer_start"] == [0]


def test_the_export_has_both_outputs_and_computes_the_same(answering: Artifact, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    folder = answering.export(tmp_path / "onnx")
    session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])

    assert [output.name for output in session.get_outputs()] == ["start_logits", "end_logits"]
    assert (folder / "tokenizer.json").is_file()


def test_report_and_card_show_answers_and_how_to_get_them(
    answering: Artifact, capsys: pytest.CaptureFixture[str]
) -> None:
    report = answering.report.read_text()
    card = (answering.model_folder / "README.md").read_text()

    assert 'mark class="both"' in report
    assert "Questions are cut at 16 tokens" in report
    assert "pipeline(" not in card
    code = (
        card.partition("```python\n")[2].partition("```")[0].replace("USER/NAME", str(answering.model_folder))
    )
    exec(code, {})  # what the card promises runs as it stands
    assert capsys.readouterr().out


def test_training_answers_longer_than_allowed_are_told(answering: Artifact, tmp_path: Path) -> None:
    changes = (
        f"model.name={answering.model_folder}",
        "options={max_length: 64, doc_stride: 8, max_question_length: 4, max_answer_length: 1}",
        "train={max_steps: 1, batch_size: 4, device: cpu}",
    )
    long = [{**asked(number), "answers": {"text": "a machine was built"}} for number in range(30)]
    report = toolkit.check("question-answering", *changes, data=questions(*long, count=0)(tmp_path))

    said = "\n".join(map(str, report.findings))
    assert report.ok
    assert "options.max_answer_length" in said
    assert "training questions are cut to 4 tokens" in said
