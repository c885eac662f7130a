"""What a sentence encoder makes of held-out rows: searches and where they found what was wanted, or similarities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csr_array

from toolkit.metrics.measure import Statistic
from toolkit.metrics.retrieval import (
    Relevance,
    agreement_statistics,
    pairwise,
    ranks,
    search_statistics,
    unit,
)

if TYPE_CHECKING:
    from accelerate import Accelerator
    from datasets import Dataset

    from toolkit.tasks.sentence_model import SentencePredictor


@dataclass(frozen=True)
class Search:
    """Sentences to search for, what to search among, and what is right for each."""

    queries: list[str]
    candidates: list[str]
    relevant: Relevance
    barred: Relevance | None = None


@dataclass(frozen=True)
class Measured:
    """What was seen of some rows: statistics over ``count`` searches or pairs."""

    statistics: Mapping[str, Statistic]
    count: int
    search: Search | None = None
    places: np.ndarray | None = None
    """Of searches: where the first right candidate of each query stands, from 1."""
    vectors: Mapping[str, np.ndarray] | None = None
    """Of searches: of each text, at length 1."""
    similarities: np.ndarray | None = None
    """Of scored pairs: their cosines."""
    scores: np.ndarray | None = None


def search_of(rows: Dataset, parts: Sequence[str]) -> Search:
    """The searches that rows pose: the second text from the first, or texts of the same label from each other.

    Equal texts are one: a first text that stands in several rows is one query with several right answers.
    """
    if len(parts) == 1:
        return _same_label(rows)
    columns = [rows[part][:] for part in parts]
    queries, candidates = (
        _numbered(columns[0]),
        _numbered([text for column in columns[1:] for text in column]),
    )
    places = ([queries[text] for text in columns[0]], [candidates[text] for text in columns[1]])
    shape = (len(queries), len(candidates))
    right = csr_array(coo_array((np.ones(len(columns[0]), bool), places), shape=shape))
    return Search(list(queries), list(candidates), lambda part: right[part].toarray() > 0)


def _same_label(rows: Dataset) -> Search:
    texts, labels = rows["text"][:], np.asarray(rows["label"][:])
    first: dict[str, int] = {}
    for at, text in enumerate(texts):
        first.setdefault(text, at)
    kept = np.array([*first.values()])
    known = labels[kept]
    frequent = np.flatnonzero(np.bincount(known)[known] > 1)
    asked = kept[frequent]
    return Search(
        [texts[at] for at in asked],
        list(first),
        lambda part: labels[asked[part]][:, None] == known[None],
        lambda part: frequent[part][:, None] == np.arange(len(kept))[None],
    )


def _numbered(texts: Sequence[str]) -> dict[str, int]:
    return {text: number for number, text in enumerate(dict.fromkeys(texts))}


def measured(
    predictor: SentencePredictor,
    rows: Dataset,
    parts: Sequence[str],
    score: str | None = None,
    accelerator: Accelerator | None = None,
) -> Measured:
    """What the encoder makes of rows.

    Args:
        predictor: as it is now.
        rows: of one split.
        parts: the text columns.
        score: the column of scores, where pairs have one.
        accelerator: when given, its processes share the texts.
    """
    if score is not None:
        vectors = _vectors(predictor, [text for part in parts for text in rows[part][:]], accelerator)
        left, right = (np.stack([vectors[text] for text in rows[part][:]]) for part in parts)
        near, scores = pairwise(left, right), np.asarray(rows[score][:], np.float64)
        return Measured(agreement_statistics(near, scores), len(near), similarities=near, scores=scores)
    search = search_of(rows, parts)
    vectors = _vectors(predictor, [*search.queries, *search.candidates], accelerator)
    queries, candidates = _stacked(vectors, search.queries), _stacked(vectors, search.candidates)
    places = ranks(queries, candidates, search.relevant, search.barred)
    return Measured(search_statistics(places), len(places), search, places, vectors)


def nearest(seen: Measured, query: str, count: int) -> list[str]:
    """The candidates of a search that stand first for one of its queries."""
    assert seen.search is not None
    assert seen.vectors is not None
    others = [text for text in seen.search.candidates if text != query or seen.search.barred is None]
    near = _stacked(seen.vectors, others) @ seen.vectors[query]
    return [others[int(at)] for at in np.argsort(-near, kind="stable")[:count]]


def _stacked(vectors: Mapping[str, np.ndarray], texts: Sequence[str]) -> np.ndarray:
    return np.stack([vectors[text] for text in texts]) if texts else np.zeros((0, 1), np.float32)


def _vectors(
    predictor: SentencePredictor, texts: Sequence[str], accelerator: Accelerator | None
) -> dict[str, np.ndarray]:
    distinct = list(dict.fromkeys(texts))
    if not distinct:
        return {}
    return dict(zip(distinct, unit(predictor.embed(distinct, accelerator=accelerator)), strict=True))
