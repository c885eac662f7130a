"""How well a sentence encoder finds what belongs together, before training and after, and what its report shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.report import (
    Found,
    ReportSection,
    curves_section,
    data_section,
    found_section,
    headline_section,
    ledger_section,
    regression_section,
    reproduce_section,
)
from toolkit.data.labels import LabelSpace
from toolkit.metrics.measure import headline_split
from toolkit.metrics.retrieval import BEFORE, score
from toolkit.metrics.speed import measure as measure_speed
from toolkit.tasks import finishing
from toolkit.tasks.evaluation import EXAMPLES, row_counts, sample_positions, scored_positions
from toolkit.tasks.finishing import Outcome, Records, Trained, in_a_sentence, rows_to_measure
from toolkit.tasks.sentence_search import Measured, measured, nearest
from toolkit.tasks.sentence_similarity import ROLES
from toolkit.tasks.sentence_training import PARTS, Prepared, form_of

if TYPE_CHECKING:
    from datasets import Dataset

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.sentence_model import SentencePredictor

LIBRARY = "sentence-transformers"
"""What opens the folder besides this toolkit."""
USAGE = """\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("{repo_id}")
print(model.encode(["How old are you?", "What is your age?"]))"""
"""For the card."""
OTHERS = 4
"""Sentences that an example compares besides the right one."""
SHOWN = 12
"""Searches that the report shows."""


def look_before(prepared: Prepared, run: Run) -> Measured | None:
    """What the encoder finds as it comes; the first process looks."""
    if not run.is_main:
        return None
    shown = shown_split(prepared)
    run.say(f"measuring on the {shown} split before training")
    prepared.predictor.model.to(run.device)
    return prepared.look(prepared.rows.splits[shown])


def shown_split(prepared: Prepared) -> str:
    """The split whose figures are quoted."""
    return headline_split([split for split, part in prepared.rows.splits.items() if len(part)])


def measure(trained: Trained[SentencePredictor], prepared: Prepared, before: Measured | None) -> Outcome:
    """Score every split, and say what the report shows."""
    recipe, shown, splits = trained.run.recipe, shown_split(prepared), prepared.rows.splits
    seen = {split: _look(prepared, part, split) for split, part in splits.items() if len(part)}
    metrics: dict[str, Any] = {
        split: _metrics(one, rows, len(splits[split]), recipe.train.seed, before if split == shown else None)
        for split, (one, rows) in seen.items()
    }
    part = splits[shown]
    texts = [text for name in prepared.parts for text in part[: finishing.SPEED_INPUTS][name]]
    metrics["performance"] = measure_speed(trained.predictor.embed, texts, seconds=finishing.SPEED_SECONDS)
    headline = prepared.best_metric
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=in_a_sentence(recipe, metrics, shown, headline),
        sections=lambda records: _sections(trained, prepared, seen[shown][0], before, records),
        examples=_examples(part, prepared),
        manifest={"label_names": [], "form": prepared.form, "library_name": LIBRARY, "usage": USAGE},
    )


def _look(prepared: Prepared, part: Dataset, split: str) -> tuple[Measured, int]:
    positions = scored_positions(split, len(part))
    return prepared.look(part.select(positions)), len(positions)


def _metrics(
    seen: Measured, rows: int, available: int, seed: int, before: Measured | None = None
) -> dict[str, Any]:
    """Every metric of one split with its interval, how many rows it is of, and among how many was searched."""
    earlier = before.statistics if before else None
    measures = score(seen.statistics, seen.count, earlier, seed=seed)
    return {**measures, **row_counts(rows, available), **_counts(seen)}


def _counts(seen: Measured) -> dict[str, int]:
    return {"searches": seen.count, "candidates": len(seen.search.candidates)} if seen.search else {}


def evaluate(artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, or no test split.
    """
    predictor: SentencePredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    known = artifact.manifest["data"]["labels"]
    space = LabelSpace(known["problem_type"], tuple(known["names"])) if known else None
    how = {"problem_type": "single_label_classification"}
    rows = rows_to_measure(artifact, data, ROLES, space, None, **how)
    form = form_of(rows)
    test = rows.splits["test"]
    seen = measured(predictor, test, PARTS[form], "score" if form == "scored" else None)
    found = _metrics(seen, len(test), len(test), artifact.recipe.train.seed)
    return {**found, **_kept_before(artifact, data)}


def _kept_before(artifact: Artifact, data: DataSection | None) -> Mapping[str, Any]:
    """What was measured before the training cannot be measured again: it is quoted, of the same rows."""
    known: Mapping[str, Any] = artifact.metrics.get("test", {}) if data is None else {}
    return {name: value for name, value in known.items() if name.endswith(BEFORE)}


def _examples(part: Dataset, prepared: Prepared) -> list[dict[str, Any]]:
    """A few sentences of the split that is quoted, each with its own partner and some others."""
    first, second = prepared.parts[0], prepared.parts[min(1, len(prepared.parts) - 1)]
    drawn = sample_positions(len(part), EXAMPLES)
    random = np.random.default_rng(0)
    found: list[dict[str, Any]] = []
    for at in drawn:
        row = part[int(at)]
        others = part[random.permutation(len(part))[: 2 * OTHERS]][second]
        partner = [row[second]] if len(prepared.parts) > 1 else []
        several = [text for text in dict.fromkeys([*partner, *others]) if text != row[first]]
        sentences = several[: OTHERS + 1]
        if sentences:
            value = {"source_sentence": row[first], "sentences": sentences}
            found.append({"sentences": value, "label": _truth(row, prepared)})
    return found


def _truth(row: Mapping[str, Any], prepared: Prepared) -> str:
    """What the data says of an example."""
    if prepared.form == "labels":
        space = prepared.rows.labels
        return space.names[row["label"]] if space else ""
    said = str(row[prepared.parts[1]])
    return f"{said} (score {row['score']:g})" if prepared.form == "scored" else said


def _sections(
    trained: Trained[SentencePredictor],
    prepared: Prepared,
    seen: Measured,
    before: Measured | None,
    records: Records,
) -> list[ReportSection]:
    """How good, what is found, how it learnt, on what data, how to repeat it."""
    manifest = records.manifest
    return [
        headline_section(records.metrics),
        *_looked(prepared, seen, before),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or prepared.best_metric,
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        data_section(manifest["data"], prepared.findings, "regression" if prepared.scored else ""),
        ledger_section(manifest["truncation"]),
        reproduce_section(records.recipe, manifest),
    ]


def _looked(prepared: Prepared, seen: Measured, before: Measured | None) -> list[ReportSection]:
    if seen.similarities is not None and seen.scores is not None:
        low, high = prepared.scale
        return [regression_section(seen.similarities, (seen.scores - low) / (high - low))]
    return [found_section(_found(seen, before))]


def _found(seen: Measured, before: Measured | None) -> Sequence[Found]:
    """The searches that went worst, what they found first and what they should have found."""
    assert seen.search is not None
    assert seen.places is not None
    search = seen.search
    worst = np.argsort(-seen.places, kind="stable")[:SHOWN]
    shown: list[Found] = []
    for at in worst:
        query = search.queries[int(at)]
        right = np.flatnonzero(search.relevant(slice(int(at), int(at) + 1))[0])
        wanted = next(
            (search.candidates[int(place)] for place in right if search.candidates[int(place)] != query), ""
        )
        earlier = None if before is None or before.places is None else int(before.places[at])
        shown.append(Found(query, nearest(seen, query, 1)[0], wanted, int(seen.places[at]), earlier))
    return shown
