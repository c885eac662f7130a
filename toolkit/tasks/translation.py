"""Translate texts from one language into another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.data.roles import Role
from toolkit.metrics.generation import compare_translations
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

SOURCES = ("source", "src", "source_text", "original")
TARGETS = ("target", "tgt", "target_text", "reference", "translated")
NESTED = "translation"
"""The column in which datasets of the Hub keep a sentence in several languages."""


class Options(Seq2SeqOptions):
    """What only translation asks."""


def writing_of(options: Options) -> Writing:
    """The task, with the columns that the codes of the languages suggest."""
    # Which of two columns is to be read cannot be told from what they hold.
    roles = (
        Role("source", "text", (*_columns(options.source_lang), *SOURCES), by_content=False),
        Role("target", "target", (*_columns(options.target_lang), *TARGETS), by_content=False),
    )
    return Writing(roles, NESTED, compare_translations, "chrf", ("bleu", "chrf"))


def _columns(code: str) -> tuple[str, ...]:
    """Likely columns of a language: ``ro_RO``, ``ro``, ``translation.ro``."""
    names = dict.fromkeys((code.lower(), code.split("_", maxsplit=1)[0].lower())) if code else {}
    return tuple(place for name in names for place in (f"{NESTED}.{name}", name))


class Translation:
    """The Hub's ``translation``, through ``AutoModelForSeq2SeqLM``."""

    name = "translation"
    Options = Options
    signature = Signature(Text("source"), Text(NESTED))
    defaults: Mapping[str, Any] = {
        "model": {"name": "scratch:marian"},
        "data": {"source": "sample:game-dialogues", "splits": {"train": "es"}},
        "train": {"epochs": 20, "batch_size": 64, "learning_rate": 5e-4, "label_smoothing_factor": 0.1},
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        options = Options(**recipe.options)
        return seq2seq_run.check(recipe, run, options, writing_of(options))

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, fit, save."""
        options = Options(**recipe.options)
        return seq2seq_run.train(self, recipe, run, options, writing_of(options))

    def predictor(self, artifact: Artifact) -> Seq2SeqPredictor:
        """Open the trained model."""
        from toolkit.tasks.seq2seq_model import Seq2SeqPredictor

        return Seq2SeqPredictor.load(artifact.model_section, NESTED)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics with intervals on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.seq2seq_report import evaluate

        return evaluate(artifact, data, writing_of(Options(**artifact.recipe.options)))

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write the forward pass as ONNX to ``target``, compared with torch on real texts."""
        writing = writing_of(Options(**artifact.recipe.options))
        return seq2seq_run.export(self.predictor(artifact), artifact, writing, target)
