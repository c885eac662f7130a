"""Find the answer to a question in a text: where it begins and where it ends, or that there is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydantic import Field

from toolkit.data.roles import Role
from toolkit.recipe.schema import DataSection, Recipe, TaskOptions
from toolkit.tasks.signature import Question, Signature, Span

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.answer_model import Reader
    from toolkit.tasks.protocol import Check

ROLES = (
    Role("context", "text", ("context", "passage", "paragraph", "document", "text")),
    Role("question", "text", ("question", "query")),
    Role("answers", "answers", ("answers", "answer", "answer_text", "answers.text"), within="context"),
    Role("answer_start", "start", ("answer_start", "start"), optional=True),
)

EXPORT_INPUTS = (
    {"question": "Where is it?", "context": "It is on the table."},
    {"question": "Who wrote the letter?", "context": "The letter that lay on the table was written by Ada."},
)
"""What an exported model is compared on when the run kept no examples."""


class Options(TaskOptions):
    """What only question answering asks."""

    max_length: int = Field(default=384, gt=8)
    """Tokens of a window: question and context together. Longer contexts are read in several, nothing is cut."""
    doc_stride: int = Field(default=128, ge=0)
    """Tokens of context that two windows in a row share: an answer no longer than this is whole in one of them."""
    max_question_length: int = Field(default=64, gt=0)
    """Tokens a question is cut to; what is cut is counted in the truncation ledger."""
    max_answer_length: int = Field(default=30, gt=0)
    """Tokens of an answer at most."""
    allow_no_answer: bool = False
    """Rows may have no answer, and the model may say so (SQuAD 2.0)."""


def roles_of(options: Options) -> tuple[Role, ...]:
    """The roles, with whether answers may be missing as the recipe says."""
    return tuple(replace(role, may_be_empty=options.allow_no_answer) for role in ROLES)


class QuestionAnswering:
    """The Hub's ``question-answering``, through ``AutoModelForQuestionAnswering``."""

    name = "question-answering"
    Options = Options
    signature = Signature(Question("question"), Span("answer"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "sample:minilm"},
        "data": {"source": "sample:brown-questions"},
        "train": {"epochs": 2, "batch_size": 16, "learning_rate": 1e-4},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.tasks.answer_training import BEST_METRIC, NAMES, prepare
        from toolkit.tasks.protocol import Check

        prepared = prepare(recipe, Options(**recipe.options))
        predicted = predict_cost(
            prepared.objective(),
            prepared.batches("train"),
            run,
            best_metric=BEST_METRIC,
            metrics=NAMES if "validation" in prepared.windows else None,
        )
        return Check(prepared.findings, predicted)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, fit, save."""
        from toolkit.engine.lora import merge_lora
        from toolkit.engine.stages import Part, fit_stages
        from toolkit.tasks.answer_report import measure
        from toolkit.tasks.answer_training import BEST_METRIC, NAMES, prepare
        from toolkit.tasks.finishing import Trained, finish

        prepared = prepare(recipe, Options(**recipe.options))
        for finding in prepared.findings:
            run.say(f"{finding.level}: {finding}")
        reader = prepared.reader
        result = fit_stages(
            lambda stage: Part(prepared.objective(), prepared.batches("train"), prepared.validation(stage)),
            reader.model,
            run,
            best_metric=BEST_METRIC,
            metrics=NAMES,
        )
        reader.model = merge_lora(reader.model)
        trained = Trained(self, run, result, reader, prepared.rows, prepared.ledger)
        return finish(trained, lambda trained: measure(trained, prepared))

    def predictor(self, artifact: Artifact) -> Reader:
        """Open the trained model."""
        from toolkit.tasks.answer_model import Reader

        return Reader.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """F1 and exact match with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.answer_report import evaluate

        return evaluate(artifact, data, roles_of(Options(**artifact.recipe.options)))

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX (start and end logits) and the tokenizer to ``target``, compared with torch on real questions."""
        from toolkit.artifact.export import export_onnx

        reader = self.predictor(artifact)
        inputs = [example["question"] for example in artifact.examples] or EXPORT_INPUTS
        suffixes = {".json", ".txt", ".model"}
        files = [path for path in artifact.model_folder.iterdir() if path.suffix in suffixes]
        outputs = ("start_logits", "end_logits")
        return export_onnx(reader.model, reader.encode(inputs), target, files=files, outputs=outputs)
