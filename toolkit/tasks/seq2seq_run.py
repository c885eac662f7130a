"""What each task that turns one text into another does with a recipe: check, train, export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.recipe.schema import Recipe
    from toolkit.tasks.protocol import Check, Task
    from toolkit.tasks.seq2seq import Seq2SeqOptions, Writing
    from toolkit.tasks.seq2seq_model import Seq2SeqPredictor

EXPORT_TEXTS = ("A short text.", "A somewhat longer text, so that another length is compared too.")
"""What an exported model is compared on when the run kept no examples."""


def check(recipe: Recipe, run: Run, options: Seq2SeqOptions, writing: Writing) -> Check:
    """Rows, model, and a few real steps to predict time and memory."""
    from toolkit.engine.probe import predict_cost
    from toolkit.tasks.protocol import Check
    from toolkit.tasks.seq2seq_training import prepare

    prepared = prepare(recipe, options, writing)
    part = prepared.part(run)
    names = prepared.metric_names if part.evaluate else None
    predicted = predict_cost(
        part.objective, part.batches, run, best_metric=prepared.best_metric, metrics=names
    )
    return Check(prepared.rows.findings, predicted)


def train(task: Task, recipe: Recipe, run: Run, options: Seq2SeqOptions, writing: Writing) -> Artifact:
    """Load, build, fit, save."""
    from toolkit.engine.lora import merge_lora
    from toolkit.engine.stages import fit_stages
    from toolkit.tasks.finishing import Trained, finish
    from toolkit.tasks.seq2seq_report import measure
    from toolkit.tasks.seq2seq_training import prepare

    prepared = prepare(recipe, options, writing)
    for finding in prepared.rows.findings:
        run.say(f"{finding.level}: {finding}")
    predictor = prepared.predictor
    result = fit_stages(
        prepared.part,
        predictor.model,
        run,
        best_metric=prepared.best_metric,
        metrics=prepared.metric_names,
    )
    predictor.model = merge_lora(predictor.model)
    trained = Trained(task, run, result, predictor, prepared.rows, prepared.ledger)
    return finish(trained, lambda one: measure(one, prepared))


def export(predictor: Seq2SeqPredictor, artifact: Artifact, writing: Writing, target: Path) -> dict[str, Any]:
    """Write ONNX, tokenizer and settings to ``target``, compared with torch on real texts.

    What is exported is one forward pass: logits from ``input_ids``, ``attention_mask`` and ``decoder_input_ids``. The
    search that writes a text token by token calls it again and again, and is left to whoever uses it.
    """
    from toolkit.artifact.export import export_onnx

    examples = artifact.examples or [{writing.source: text, "label": text} for text in EXPORT_TEXTS]
    batch = predictor.encode(*([row[name] for row in examples] for name in (writing.source, "label")))
    del batch["labels"]
    axes = {name: {0: "batch", 1: "sequence"} for name in ("input_ids", "attention_mask")}
    files = [
        path for path in artifact.model_folder.iterdir() if path.suffix in {".json", ".txt", ".model", ".spm"}
    ]
    done = export_onnx(
        predictor.model,
        batch,
        target,
        files=files,
        axes={**axes, "decoder_input_ids": {0: "batch", 1: "written"}},
    )
    return {**done, "exported": "one forward pass with decoder_input_ids; the search is not part of it"}
