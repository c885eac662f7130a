"""How well questions are answered, and what the report shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.report import (
    Answered,
    ReportSection,
    answers_section,
    curves_section,
    data_section,
    headline_section,
    ledger_section,
    reproduce_section,
)
from toolkit.data.answers import Answer, read_answers
from toolkit.metrics.answers import best_threshold, f1, score
from toolkit.metrics.measure import headline_split
from toolkit.tasks.answer_decoding import NO_ANSWER, Choice, Choosing
from toolkit.tasks.answer_model import PARTS, Reader
from toolkit.tasks.answer_training import BEST_METRIC, Prepared
from toolkit.tasks.evaluation import EXAMPLES, row_counts, sample_positions, scored_positions
from toolkit.tasks.finishing import Outcome, Records, Trained, in_a_sentence, rows_to_measure
from toolkit.tasks.signature import joined

if TYPE_CHECKING:
    from datasets import Dataset

    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.data.roles import Role
    from toolkit.recipe.schema import DataSection

WORST = 10
"""Wrong answers shown."""
SHOWN = 10
"""Answers drawn at random that are shown."""

USAGE = """\
import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repo_id}")
model = AutoModelForQuestionAnswering.from_pretrained("{repo_id}")
inputs = tokenizer("Who wrote it?", "It was written by Ada.", return_tensors="pt")
with torch.no_grad():
    outputs = model(**inputs)
start, end = outputs.start_logits.argmax(), outputs.end_logits.argmax()
print(tokenizer.decode(inputs["input_ids"][0, start : end + 1]))"""
"""For the card: transformers 5 has no pipeline for this task."""


@dataclass(frozen=True)
class Looked:
    """What the model says to the questions of a split that were asked."""

    rows: Dataset
    choices: Sequence[Choice]
    available: int
    """Questions of the split, of which those asked are a sample."""

    @property
    def truths(self) -> list[list[Answer]]:
        """The accepted answers of each question."""
        return [read_answers(written) for written in self.rows["answers"]]

    def answers(self, choosing: Choosing) -> list[str]:
        """What is answered to each; empty for no answer."""
        return [choice.text(choosing) for choice in self.choices]


def measure(trained: Trained[Reader], prepared: Prepared) -> Outcome:
    """Score every split, find out when to say that there is no answer, and say what the report shows."""
    reader, rows, recipe = trained.predictor, trained.rows, trained.run.recipe
    looked = {split: _look(reader, rows, split) for split, part in rows.splits.items() if len(part)}
    metrics: dict[str, Any] = {}
    if reader.choosing.allow_no_answer:
        threshold = _threshold(looked.get("validation"))
        reader.choosing = replace(reader.choosing, no_answer_threshold=threshold)
        metrics["no_answer_threshold"] = threshold
    shown = headline_split(looked)
    for split, one in looked.items():
        metrics[split] = _metrics(one, reader.choosing, recipe.train.seed)
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=in_a_sentence(recipe, metrics, shown, BEST_METRIC, "questions"),
        sections=lambda records: _sections(trained, prepared, looked[shown], records),
        examples=_examples(trained, looked[shown]),
        manifest={
            "label_names": [],
            "usage": USAGE,
            "windows": {split: len(part.rows) for split, part in prepared.windows.items()},
        },
    )


def _look(reader: Reader, rows: Rows, split: str) -> Looked:
    available = len(rows.splits[split])
    part = rows.splits[split].select(scored_positions(split, available))
    return Looked(part, reader.choices(_inputs(part)), available)


def _inputs(rows: Dataset) -> Sequence[dict[str, str]]:
    """Each question with its context, as a predictor takes them."""
    return joined(PARTS, [rows[part][:] for part in PARTS])


def _threshold(validation: Looked | None) -> float:
    """The doubt from which no answer is given: the best one on validation rows, 0 where there are none."""
    if validation is None:
        return 0.0
    read = [at for at, choice in enumerate(validation.choices) if choice.answer is not None]
    if not read:
        return 0.0
    truths, choices = validation.truths, validation.choices
    answers = [choices[at].answer for at in read]
    return best_threshold(
        np.array([choices[at].doubt for at in read]),
        [answer.text if answer else "" for answer in answers],
        [[truth.text for truth in truths[at]] for at in read],
    )


def _metrics(looked: Looked, choosing: Choosing, seed: int) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many questions it is of."""
    truths = [[answer.text for answer in answers] for answers in looked.truths]
    measures = score(looked.answers(choosing), truths, seed=seed)
    return {**measures, **row_counts(len(looked.choices), looked.available)}


def evaluate(artifact: Artifact, data: DataSection | None, roles: Sequence[Role]) -> dict[str, Any]:
    """F1 and exact match with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    reader: Reader = artifact.predictor  # pyright: ignore[reportAssignmentType]
    rows = rows_to_measure(artifact, data, roles, None, None)
    return _metrics(_look(reader, rows, "test"), reader.choosing, artifact.recipe.train.seed)


def _sections(
    trained: Trained[Reader], prepared: Prepared, looked: Looked, records: Records
) -> list[ReportSection]:
    """How good, how it learnt, what it answers, on what data, how to repeat it."""
    manifest, answered = records.manifest, _answered(looked, trained.predictor.choosing)
    wrong = sorted((one for one in answered if not one.f1), key=lambda one: -one.score)
    drawn = sample_positions(len(answered), SHOWN)
    return [
        headline_section(records.metrics),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or BEST_METRIC,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        answers_section(
            wrong[:WORST], [answered[int(at)] for at in drawn], wrong=len(wrong), questions=len(answered)
        ),
        data_section(manifest["data"], prepared.findings),
        ledger_section(manifest["truncation"], ("options.max_question_length",), "questions"),
        reproduce_section(records.recipe, manifest),
    ]


def _answered(looked: Looked, choosing: Choosing) -> list[Answered]:
    """Every question that was asked, with its true and its given answer."""
    found: list[Answered] = []
    rows: list[dict[str, Any]] = looked.rows.to_list()
    for row, choice, truths in zip(rows, looked.choices, looked.truths, strict=True):
        given = None if choice.unanswered(choosing) else choice.answer
        shown = _likest(truths, given)
        found.append(
            Answered(
                row=row["row"],
                question=row["question"],
                context=row["context"],
                true=(shown.start, shown.end) if shown else None,
                given=(given.start, given.end) if given else None,
                score=choice.prediction(choosing)["score"],
                f1=f1(choice.text(choosing), [truth.text for truth in truths]),
            )
        )
    return found


def _likest(truths: Sequence[Answer], given: Answer | None) -> Answer | None:
    """The true answer to show: the one most like the given one."""
    if not truths or given is None:
        return truths[0] if truths else None
    return max(truths, key=lambda truth: (f1(given.text, [truth.text]), truth.start == given.start))


def _examples(trained: Trained[Reader], looked: Looked) -> list[dict[str, Any]]:
    """A few questions with their true answers, for the demo."""
    inputs, truths = _inputs(looked.rows), looked.truths
    return [
        {trained.role: inputs[at], "label": truths[at][0].text if truths[at] else NO_ANSWER}
        for at in map(int, sample_positions(len(inputs), EXAMPLES))
    ]
