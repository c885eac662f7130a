"""How good a tagger is, and what its report shows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.artifact.report import (
    ReportSection,
    confusion_section,
    curves_section,
    data_section,
    headline_section,
    ledger_section,
    per_class_section,
    reproduce_section,
    tagged_section,
)
from toolkit.artifact.report.tagged import Piece, TaggedSentence
from toolkit.data.roles import Tagging
from toolkit.data.schemes import spans
from toolkit.metrics.measure import headline_split
from toolkit.metrics.tagging import (
    Words,
    confusion,
    metric_names,
    per_kind,
    per_tag,
    score,
    span_errors,
    span_kinds,
)
from toolkit.tasks.evaluation import EXAMPLES, row_counts, sample_positions, scored_positions
from toolkit.tasks.finishing import Outcome, Records, Trained, in_a_sentence, rows_to_measure
from toolkit.tasks.token_classification import Options, roles_of
from toolkit.tasks.token_decoding import describe_tags
from toolkit.tasks.token_training import WORDS, true_tags

if TYPE_CHECKING:
    from datasets import Dataset

    from toolkit.artifact import Artifact
    from toolkit.data.load import Rows
    from toolkit.recipe.schema import DataSection
    from toolkit.tasks.token_model import TagPredictor

WORST = 12
"""Sentences shown with their true and predicted tags."""
NOUN = "sentences"


@dataclass(frozen=True)
class Looked:
    """The rows of a split that were looked at, and what became of their words."""

    rows: Dataset
    words: Words
    available: int
    """Rows of the split, of which those looked at are a sample."""


def measure(trained: Trained[TagPredictor]) -> Outcome:
    """Score every split, and say what the report shows."""
    predictor, rows, recipe = trained.predictor, trained.rows, trained.run.recipe
    looked = {split: _look(predictor, rows, split) for split, part in rows.splits.items() if len(part)}
    shown = headline_split(looked)
    metrics = {split: _metrics(predictor, one, recipe.train.seed) for split, one in looked.items()}
    return Outcome(
        metrics=metrics,
        shown=shown,
        summary=in_a_sentence(recipe, metrics, shown, metric_names(predictor.scheme)[0], NOUN),
        sections=lambda records: _sections(trained, looked[shown], records),
        examples=_examples(predictor, looked[shown]),
        manifest={"label_names": list(predictor.space.names), "scheme": predictor.scheme, "unit": NOUN},
    )


def _look(predictor: TagPredictor, rows: Rows, split: str) -> Looked:
    part = rows.splits[split]
    chosen = part.select(scored_positions(split, len(part)))
    true, lengths = true_tags(chosen)
    logits = np.concatenate(predictor.logits(chosen[WORDS][:]))
    return Looked(chosen, Words.of(logits, true, lengths), len(part))


def _metrics(predictor: TagPredictor, looked: Looked, seed: int) -> dict[str, Any]:
    """Every metric of one split with its interval, and of how many sentences and words it is."""
    measures = score(looked.words, predictor.space.names, predictor.scheme, seed=seed)
    return {
        **measures,
        **row_counts(len(looked.rows), looked.available),
        "words": len(looked.words.true),
        "words_unread": int((looked.words.predicted < 0).sum()),
    }


def evaluate(artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
    """Metrics with intervals on the test split the run held out, or on all rows of ``data``.

    Raises:
        DataError: rows that cannot be used, tags unseen in training, or no test split.
    """
    predictor: TagPredictor = artifact.predictor  # pyright: ignore[reportAssignmentType]
    options = Options(**artifact.recipe.options)
    roles = roles_of(options)
    if data is not None:  # other rows may hold a few of the tags only: their scheme is the model's
        tagging = Tagging(predictor.scheme, options.bio)
        roles = tuple(replace(role, tagging=tagging) for role in roles)
    rows = rows_to_measure(artifact, data, roles, predictor.space, None)
    return _metrics(predictor, _look(predictor, rows, "test"), artifact.recipe.train.seed)


def _sections(trained: Trained[TagPredictor], looked: Looked, records: Records) -> list[ReportSection]:
    """How good, how it learnt, tag by tag, where it errs, on what data, how to repeat it."""
    metrics, manifest, predictor = records.metrics, records.manifest, trained.predictor
    names, scheme, words = predictor.space.names, predictor.scheme, looked.words
    kinds = [] if scheme == "plain" else [per_class_section(per_kind(words, names, scheme), "entities")]
    return [
        headline_section(metrics, manifest["data"].get("class_balance"), NOUN),
        curves_section(
            trained.run.history.lines(),
            metric=trained.run.recipe.train.metric_for_best_model or metric_names(scheme)[0],
            best_step=manifest["fit"]["best_step"],
            peak_flops=manifest["matmul_peak_flops"],
        ),
        *kinds,
        confusion_section(confusion(words, len(names)), names, "words"),
        *([per_class_section(per_tag(words, names), "words")] if scheme == "plain" else []),
        _worst(predictor, looked),
        data_section(manifest["data"], trained.rows.findings),
        ledger_section(manifest["truncation"]),
        reproduce_section(records.recipe, manifest),
    ]


def _worst(predictor: TagPredictor, looked: Looked) -> ReportSection:
    """The sentences with the most wrong tags or entities; of equally many the ones with the larger loss first."""
    names, scheme, words = predictor.space.names, predictor.scheme, looked.words
    plain = scheme == "plain"
    wrong = words.by_sentence(~words.right) if plain else span_errors(words, names, scheme)
    order = np.lexsort((-words.by_sentence(words.losses), -wrong))
    chosen = [int(at) for at in order[:WORST] if wrong[at]]
    true, guess = (words.named(tags, names) for tags in (words.true, words.predicted))
    rows = looked.rows.select(chosen).to_list()
    shown = [
        _sentence(row, (true[at], guess[at]), int(wrong[at]), plain)
        for at, row in zip(chosen, rows, strict=True)
    ]
    return tagged_section(shown, names if plain else span_kinds(names), "tags" if plain else "entities")


def _sentence(
    row: dict[str, Any], tags: tuple[list[str], list[str]], wrong: int, plain: bool
) -> TaggedSentence:
    true, guess = tags
    make = _tag_pieces if plain else _span_pieces
    what = (
        f"wrong tag{'s' if wrong > 1 else ''}"
        if plain
        else f"entit{'ies' if wrong > 1 else 'y'} missed or too many"
    )
    title = f"row {row['row']:,}: {wrong} {what}"
    return TaggedSentence(title, make(row[WORDS], true, guess), make(row[WORDS], guess, true))


def _tag_pieces(words: list[str], tags: list[str], others: list[str]) -> list[Piece]:
    return [Piece(word, tag, tag != other) for word, tag, other in zip(words, tags, others, strict=True)]


def _span_pieces(words: list[str], tags: list[str], others: list[str]) -> list[Piece]:
    """Entities as pieces, and the words between them; one that the other side does not have is wrong."""
    pieces: list[Piece] = []
    at, there = 0, set(spans(others))
    for span in spans(tags):
        pieces += [Piece(" ".join(words[at : span.start]))] if span.start > at else []
        pieces.append(Piece(" ".join(words[span.start : span.end]), span.kind, span not in there))
        at = span.end
    return [*pieces, Piece(" ".join(words[at:]))] if at < len(words) else pieces


def _examples(predictor: TagPredictor, looked: Looked) -> list[dict[str, Any]]:
    """A few sentences as texts with what is true of them, for the demo; those whose words the text gives back."""
    sentences = looked.rows[WORDS][:]
    same = [at for at, words in enumerate(sentences) if _splits_back(predictor, words)]
    usable = same or list(range(len(sentences)))
    true = looked.words.named(looked.words.true, predictor.space.names)
    return [
        {WORDS: " ".join(sentences[at]), "label": describe_tags(true[at], predictor.scheme)}
        for at in (usable[int(place)] for place in sample_positions(len(usable), EXAMPLES))
    ]


def _splits_back(predictor: TagPredictor, words: list[str]) -> bool:
    text = " ".join(words)
    return [text[start:end] for start, end in predictor.splitter.split(text)] == words
