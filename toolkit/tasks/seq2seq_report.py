"""How good a model writes, and what its report shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.report import (
    ReportSection,
    curves_section,
    data_section,
    headline_section,
    ledger_section,
    lengths_section,
    reproduce_section,
    texts_section,
)
from toolkit.metrics.generation import Overlap, Written, score
from toolkit.metrics.glossary import describe
from toolkit.metrics.measure import headline_split
from toolkit.tasks.evaluation import EXAMPLES, row_counts, sample_positions
from toolkit.tasks.finishing import Outcome, Records, Trained, in_a_sentence, rows_to_measure

if TYPE_CHECKING:
    from collections.abc import Sequence

    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.seq2seq import Writing
    from toolkit.tasks.seq2seq_model import Seq2SeqPredictor
    from toolkit.tasks.seq2seq_training import Prepared

OTHER_ROWS = 500
"""Rows of the splits that are not quoted that texts are written for: enough to see overfitting. Writing is slow."""
SHOWN = 12
"""Rows that each table of the report shows."""
OPTIONS = ("options.max_source_length", "options.max_target_length")
USAGE = """\
from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained("{repo_id}")
model = AutoModelForSeq2SeqLM.from_pretrained("{repo_id}")
inputs = tokenizer("{prefix}Some text.", return_tensors="pt")
print(tokenizer.batch_decode(model.generate(**inputs), skip_special_tokens=True))"""
"""For the card: transformers 5 has no pipeline for texts from texts."""


@dataclass(frozen=True)
class Judged:
    """The rows of a split that texts were written for, and how good these are."""

    split: str
    positions: np.ndarray
    sources: Sequence[str]
    written: Written
    overlap: Overlap
    available: int
    """Rows of the split, of which those judged are a sample."""


def measure(trained: Trained[Seq2SeqPredictor], prepared: Prepared) -> Outcome:
    """Score every split, and say what the report shows."""
    predictor, rows, recipe, writing = trained.predictor, trained.rows, trained.run.recipe, prepared.writing
    shown = headline_split([split for split, part in rows.splits.items() if len(part)])
    judged = {
        split: judge(predictor, writing, rows, split, None if split == shown else OTHER_ROWS)
        for split, part in rows.splits.items()
        if len(part)
    }
    metrics: dict[str, Any] = {split: metrics_of(part, recipe.train.seed) for split, part in judged.items()}
    metrics["signatures"] = judged[shown].overlap.signatures
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=in_a_sentence(recipe, metrics, shown, writing.metric),
        sections=lambda records: _sections(trained, prepared, judged[shown], records),
        examples=_examples(judged[shown], writing),
        manifest={"usage": USAGE.replace("{prefix}", predictor.prefix)},
    )


def judge(
    predictor: Seq2SeqPredictor, writing: Writing, rows: Rows, split: str, most: int | None = None
) -> Judged:
    """Write texts for the rows of a split, at most so many, and compare them with their references."""
    available = len(rows.splits[split])
    positions = sample_positions(available, available if most is None else most)
    sources, references = (rows.inputs(split, role, positions) for role in (writing.source, writing.target))
    predictions = predictor.write(sources)
    written = Written(predictions, references, predictor.losses(sources, references))
    overlap = writing.compare(predictions, references, predictor.languages[1])
    return Judged(split, positions, sources, written, overlap, available)


def metrics_of(judged: Judged, seed: int) -> dict[str, Any]:
    """Every metric of one split with its interval, and how many rows it is of."""
    measures = score(judged.written, judged.overlap, seed=seed)
    return {**measures, **row_counts(len(judged.positions), judged.available)}


def evaluate(artifact: Artifact, data: DataSection | None, writing: Writing) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    predictor: Seq2SeqPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    rows = rows_to_measure(artifact, data, writing.roles, None, None)
    return metrics_of(judge(predictor, writing, rows, "test"), artifact.recipe.train.seed)


def _sections(
    trained: Trained[Seq2SeqPredictor], prepared: Prepared, judged: Judged, records: Records
) -> list[ReportSection]:
    """How good, how it learnt, what it writes, where it errs, on what data, how to repeat it."""
    manifest, metric = records.manifest, prepared.writing.metric
    best = trained.run.recipe.train.metric_for_best_model or prepared.best_metric
    ratio = records.metrics[judged.split]["length_ratio"]["value"]
    written, name = judged.written, describe(metric).title
    drawn, worst = (
        sample_positions(len(judged.positions), SHOWN),
        np.argsort(judged.overlap.rows, kind="stable"),
    )
    return [
        headline_section(records.metrics),
        curves_section(
            trained.run.history.lines(),
            metric=best,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        texts_section(
            "Examples",
            _shown(trained.rows, judged, drawn),
            metric=metric,
            explanation=f"Rows of the {judged.split} split drawn at random, with {name} of each row by itself.",
        ),
        texts_section(
            "Worst rows",
            _shown(trained.rows, judged, worst[:SHOWN]),
            metric=metric,
            explanation=f"The rows of the {judged.split} split with the lowest {name}, lowest first. Look for "
            "references that say something else than their source, and for texts cut at the model's length.",
        ),
        lengths_section(written.predictions, written.references, ratio, records.metrics["signatures"]),
        data_section(manifest["data"], trained.rows.findings),
        ledger_section(manifest["truncation"], OPTIONS),
        reproduce_section(records.recipe, manifest),
    ]


def _shown(rows: Rows, judged: Judged, chosen: np.ndarray) -> list[dict[str, Any]]:
    numbers = rows.splits[judged.split].select(judged.positions[chosen])["row"][:]
    written = judged.written
    return [
        {
            "row": number,
            "source": judged.sources[at],
            "reference": written.references[at],
            "prediction": written.predictions[at],
            "score": float(judged.overlap.rows[at]),
        }
        for number, at in zip(numbers, map(int, chosen), strict=True)
    ]


def _examples(judged: Judged, writing: Writing) -> list[dict[str, Any]]:
    """A few rows with their references, for the demo."""
    drawn = sample_positions(len(judged.positions), EXAMPLES)
    return [
        {writing.source: judged.sources[at], "label": judged.written.references[at]} for at in map(int, drawn)
    ]
