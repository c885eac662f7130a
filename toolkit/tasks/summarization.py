"""Summarise documents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from toolkit.data.roles import Role
from toolkit.metrics.generation import ROUGE, compare_summaries
from toolkit.recipe.schema import DataSection, Recipe
from toolkit.tasks import seq2seq_run
from toolkit.tasks.seq2seq import Seq2SeqOptions, Writing
from toolkit.tasks.signature import Signature, Text

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.protocol import Check
    from toolkit.tasks.seq2seq_model import Seq2SeqPredictor

ROLES = (
    Role("document", "text", ("document", "article", "dialogue", "text", "source", "body", "content")),
    Role("summary", "target", ("summary", "highlights", "abstract", "target", "headline", "title")),
)
WRITING = Writing(ROLES, "summary", compare_summaries, "rougeL", ROUGE)


class Options(Seq2SeqOptions):
    """What only summarisation asks."""

    max_source_length: int = Field(default=512, gt=1)
    """Tokens a document is cut to; what is cut is counted in the truncation ledger."""


class Summarization:
    """The Hub's ``summarization``, through ``AutoModelForSeq2SeqLM``."""

    name = "summarization"
    Options = Options
    signature = Signature(Text("document", lines=10), Text("summary"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "google-t5/t5-small"},
        "data": {"source": "EdinburghNLP/xsum"},
        "train": {"epochs": 3, "batch_size": 32, "learning_rate": 5e-4},
        "options": {"source_prefix": "summarize: "},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        return seq2seq_run.check(recipe, run, Options(**recipe.options), WRITING)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, fit, save."""
        return seq2seq_run.train(self, recipe, run, Options(**recipe.options), WRITING)

    def predictor(self, artifact: Artifact) -> Seq2SeqPredictor:
        """Open the trained model."""
        from toolkit.tasks.seq2seq_model import Seq2SeqPredictor

        return Seq2SeqPredictor.load(artifact.model_section, WRITING.written)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.seq2seq_report import evaluate

        return evaluate(artifact, data, WRITING)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write the forward pass as ONNX to ``target``, compared with torch on real texts."""
        return seq2seq_run.export(self.predictor(artifact), artifact, WRITING, target)
