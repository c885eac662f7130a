"""Teach a causal language model to go on with texts, to complete prompts, or to answer in conversations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import Field

from toolkit.data.roles import Role
from toolkit.data.vocabulary import Vocabulary
from toolkit.recipe.schema import DataSection, Recipe, TaskOptions
from toolkit.tasks.signature import Prompt, Signature, Text

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.tasks.generation_model import Writer
    from toolkit.tasks.protocol import Check

ROLES = (
    Role(
        "messages",
        "messages",
        ("messages", "conversations", "conversation", "dialog", "chat"),
        form="messages",
    ),
    Role("prompt", "text", ("prompt", "instruction", "question", "input"), form="prompt"),
    Role("completion", "text", ("completion", "response", "answer", "output"), form="prompt"),
    Role("text", "text", ("text", "content", "document", "body", "story"), form="text"),
)


class Options(TaskOptions):
    """What only text generation asks."""

    max_length: int = Field(default=512, gt=2)
    """Tokens of a sequence: longer documents become several, longer conversations are cut, which is counted."""
    packing: bool = True
    """Lay sequences end to end instead of padding them; models that cannot keep them apart are padded all the same."""
    max_new_tokens: int = Field(default=128, gt=0)
    """Tokens written after a prompt, at most."""
    repetition_penalty: float = Field(default=1.0, gt=0)
    """Above 1, what was written already becomes less likely (Keskar et al. 2019, arXiv:1909.05858)."""
    chat_template: str | None = None
    """A file with a Jinja template for conversations, in place of the tokenizer's own."""
    vocabulary: Vocabulary | None = None
    """Which words of the training rows a model with new weights (``scratch:lstm``) knows."""


class TextGeneration:
    """The Hub's ``text-generation`` through ``AutoModelForCausalLM``."""

    name = "text-generation"
    Options = Options
    signature = Signature(Prompt("prompt"), Text("text"))
    defaults: Mapping[str, Any] = {
        "model": {"name": "sample:smollm2"},
        "data": {"source": "sample:dialogues"},
        "train": {
            "epochs": 3,
            "batch_size": 8,
            "learning_rate": 5e-4,
            "lora": {"r": 16, "lora_alpha": 32},
        },
    }

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Rows, model, and a few real steps to predict time and memory."""
        from toolkit.engine.probe import predict_cost
        from toolkit.tasks.generation_training import BEST_METRIC, NAMES, prepare
        from toolkit.tasks.protocol import Check

        prepared = prepare(recipe, Options(**recipe.options))
        with prepared.training():
            predicted = predict_cost(
                prepared.objective(),
                prepared.batches("train"),
                run,
                best_metric=BEST_METRIC,
                metrics=NAMES if "validation" in prepared.sequences else None,
            )
        return Check(prepared.findings, predicted)

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, look at what the model can do already, fit, save."""
        from toolkit.engine.lora import merge_lora
        from toolkit.engine.stages import Part, fit_stages
        from toolkit.tasks.finishing import Trained, finish
        from toolkit.tasks.generation_report import measure
        from toolkit.tasks.generation_training import BEST_METRIC, NAMES, prepare

        prepared = prepare(recipe, Options(**recipe.options))
        for finding in prepared.findings:
            run.say(f"{finding.level}: {finding}")
        writer = prepared.writer
        before = prepared.look_before(run)
        with prepared.training():
            result = fit_stages(
                lambda stage: Part(
                    prepared.objective(), prepared.batches("train"), prepared.validation(stage)
                ),
                writer.model,
                run,
                best_metric=BEST_METRIC,
                metrics=NAMES,
            )
        writer.model = merge_lora(writer.model)
        trained = Trained(self, run, result, writer, prepared.rows, prepared.ledger)
        return finish(trained, lambda trained: measure(trained, prepared, before))

    def predictor(self, artifact: Artifact) -> Writer:
        """Open the trained model."""
        from toolkit.tasks.generation_model import Writer

        return Writer.load(artifact.model_section)

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Perplexity with its interval on the test split the run held out, or on all rows of ``data``."""
        from toolkit.tasks.generation_report import evaluate

        return evaluate(artifact, data, ROLES)

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write ONNX (the logits of whole sequences, without a cache) and the tokenizer, compared with torch."""
        from toolkit.artifact.export import export_onnx
        from toolkit.tasks.generation_batches import pad

        writer = self.predictor(artifact)
        prompts = writer.prompts([example["prompt"] for example in artifact.examples] or ["Once upon a time"])
        example = pad(prompts, prompts, writer.padding)
        inputs = {name: example[name] for name in ("input_ids", "attention_mask")}
        files = [
            path
            for path in artifact.model_folder.iterdir()
            if path.suffix in {".json", ".txt", ".model", ".jinja"}
        ]
        return export_onnx(writer.model, inputs, target, files=files)
