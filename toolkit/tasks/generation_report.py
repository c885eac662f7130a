"""How well a text generator foretells held-out texts, what it writes, and what its report shows."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.report import (
    ReportSection,
    Sample,
    curves_section,
    data_section,
    headline_section,
    ledger_section,
    reproduce_section,
    samples_section,
)
from toolkit.data.sequences import write_sequences
from toolkit.errors import raise_errors
from toolkit.metrics.language import score
from toolkit.metrics.measure import point
from toolkit.tasks.evaluation import row_counts
from toolkit.tasks.finishing import Outcome, Records, Trained, in_a_sentence, rows_to_measure
from toolkit.tasks.generation_training import BEST_METRIC, Asked, Before, Prepared
from toolkit.tasks.writing import asked as as_messages

if TYPE_CHECKING:
    from toolkit.artifact import Artifact
    from toolkit.data.roles import Role
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.generation_model import Losses, Writer

HEADLINE = "perplexity"


def measure(trained: Trained[Writer], prepared: Prepared, before: Before | None) -> Outcome:
    """Score every split, let the model write, and say what the report shows."""
    recipe, shown = trained.run.recipe, prepared.shown
    metrics: dict[str, Any] = {}
    for split, part in prepared.sequences.items():
        if len(part.rows):
            earlier = before.losses.nats if before and split == shown else None
            available = len(prepared.rows.splits[split])
            metrics[split] = _metrics(prepared.losses(split), available, recipe.train.seed, earlier)
    asked = prepared.samples()
    samples, metrics["performance"] = _written(trained.predictor, asked, before)
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=in_a_sentence(recipe, metrics, shown, HEADLINE),
        sections=lambda records: _sections(trained, prepared, samples, records),
        examples=[{trained.role: one.prompt, "label": one.truth} for one in asked],
        manifest={
            "label_names": [],
            "form": trained.predictor.writing.form,
            "packed": trained.predictor.packed,
        },
    )


def _metrics(losses: Losses, available: int, seed: int, before: np.ndarray | None = None) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many rows it is of."""
    measures = score(losses.nats, losses.tokens, losses.bytes, before, seed=seed)
    return {**measures, **row_counts(len(losses.nats), available)}


def _written(
    writer: Writer, asked: Sequence[Asked], before: Before | None
) -> tuple[list[Sample], dict[str, Any]]:
    """What the model writes after each prompt, and how fast it does."""
    if not asked:
        return [], {}
    started = time.perf_counter()
    predictions = [writer([one.prompt])[0] for one in asked]
    seconds = time.perf_counter() - started
    earlier = before.written if before else [""] * len(asked)
    samples = [
        Sample(
            one.row, _shown(one.prompt, writer.chats), old, prediction["text"], one.truth, prediction["ended"]
        )
        for one, old, prediction in zip(asked, earlier, predictions, strict=True)
    ]
    tokens = sum(prediction["tokens"] for prediction in predictions)
    return samples, {
        "latency_seconds": point(seconds / len(asked)),
        "tokens_per_second": point(tokens / seconds),
    }


def _shown(prompt: str, chats: bool) -> str:
    """A prompt for people: of a conversation all that was said, each with its role unless it is one question."""
    if not chats:
        return prompt
    messages = as_messages(prompt)
    if len(messages) == 1:
        return messages[0]["content"]
    return "\n".join(f"{message['role']}: {message['content']}" for message in messages)


def evaluate(artifact: Artifact, data: DataSection | None, roles: Sequence[Role]) -> dict[str, Any]:
    """Perplexity with its interval on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    writer: Writer = artifact.predictor  # pyright: ignore[reportAssignmentType]
    rows = rows_to_measure(artifact, data, roles, None, None)
    test = rows.splits["test"]
    sequences = write_sequences(test, writer.writing, writer.max_length)
    raise_errors(sequences.lost.findings(artifact.recipe.data.on_error, "the rows to measure on"))
    losses = writer.losses(sequences.rows, len(test), artifact.recipe.train)
    before = _kept_before(artifact, data)
    return {**_metrics(losses, len(test), artifact.recipe.train.seed), **before}


def _kept_before(artifact: Artifact, data: DataSection | None) -> Mapping[str, Any]:
    """What was measured before the training cannot be measured again: it is quoted, of the same rows."""
    known: Mapping[str, Any] = artifact.metrics.get("test", {}) if data is None else {}
    return {name: known[name] for name in ("perplexity_before", "perplexity_change") if name in known}


def _sections(
    trained: Trained[Writer], prepared: Prepared, samples: Sequence[Sample], records: Records
) -> list[ReportSection]:
    """How good, what it writes, how it learnt, on what data, how to repeat it."""
    manifest = records.manifest
    sections = [
        headline_section(records.metrics),
        samples_section(samples, chats=trained.predictor.chats),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or BEST_METRIC,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        data_section(manifest["data"], prepared.findings),
    ]
    if trained.predictor.writing.whole:  # documents are never cut
        sections.append(ledger_section(manifest["truncation"]))
    return [*sections, reproduce_section(records.recipe, manifest)]
