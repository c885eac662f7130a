"""Scores of written texts against references, each with a 95% interval over rows.

BLEU and chrF are of a whole corpus: counts of matching n-grams add up over rows before a score is taken. A resample of
the rows is therefore a weighted sum of counts, which sacrebleu itself turns into a score; no text is looked at twice.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.errors import MissingExtraError
from toolkit.metrics.measure import (
    RESAMPLES,
    Floats,
    Measure,
    Statistic,
    bootstrap,
    exact_if_unanimous,
    mean_of,
    undefined,
)

PACKAGES = ("rouge_score", "sacrebleu")
ROUGE = ("rouge1", "rouge2", "rougeL")
UNSPACED = {"zh": "zh", "ja": "char", "th": "char", "lo": "char", "km": "char", "my": "char"}
"""Languages written without spaces, and sacrebleu's way to cut them into the words that BLEU counts."""
ALWAYS = ("loss", "perplexity", "exact_match", "length_ratio")
"""What every written text is measured by."""


@dataclass(frozen=True)
class Written:
    """Rows with what a model wrote for them.

    ``losses`` are float64 (rows, 2): the cross-entropy of the reference in nats, summed over its tokens, and how many
    tokens that are.
    """

    predictions: Sequence[str]
    references: Sequence[str]
    losses: Floats


@dataclass(frozen=True)
class Overlap:
    """How predictions are compared with references.

    ``signatures`` say exactly how each metric was computed, by name; ``rows`` are scores of single rows by ``metric``.
    """

    statistics: dict[str, Statistic]
    signatures: dict[str, str]
    rows: Floats
    metric: str


Compare = Callable[[Sequence[str], Sequence[str], str], Overlap]
"""From predictions, references and the code of their language, where it is known, to how they overlap."""


def require_packages() -> None:
    """Make sure that the packages of the ``nlp`` extra are here.

    Raises:
        MissingExtraError: they are not.
    """
    if any(importlib.util.find_spec(name) is None for name in PACKAGES):
        raise MissingExtraError("recipes that write texts", "nlp")


def compare_translations(
    predictions: Sequence[str], references: Sequence[str], language: str = ""
) -> Overlap:
    """BLEU (Papineni et al. 2002) and chrF (Popović 2015) of a corpus through sacrebleu (Post 2018), 0 to 100.

    Args:
        predictions: at least one.
        references: one for each of them.
        language: of both, such as ``de``; decides how BLEU cuts texts without spaces into words.
    """
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    metrics: dict[str, Any] = {
        "bleu": BLEU(tokenize=UNSPACED.get(language[:2].lower(), "13a"), force=True),
        "chrf": CHRF(),
    }
    counts = {name: _counts(metric, predictions, references) for name, metric in metrics.items()}
    return Overlap(
        {name: _corpus_score(metric, counts[name]) for name, metric in metrics.items()},
        {name: str(metric.get_signature()) for name, metric in metrics.items()},
        np.array([_score(metrics["chrf"], row) for row in counts["chrf"]]),
        "chrf",
    )


def compare_summaries(predictions: Sequence[str], references: Sequence[str], language: str = "") -> Overlap:
    """ROUGE-1, ROUGE-2 and ROUGE-L (Lin 2004): F1 of shared words, word pairs and the longest common subsequence.

    The words are those of rouge-score: lower case, letters a to z and digits, stemmed by Porter's rules.
    """
    from importlib.metadata import version

    from rouge_score.rouge_scorer import RougeScorer

    del language  # rouge-score knows one way to cut a text into words
    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    pairs = zip(references, predictions, strict=True)
    rows = [[scored[name].fmeasure for name in ROUGE] for scored in (scorer.score(*pair) for pair in pairs)]
    columns = dict(zip(ROUGE, np.asarray(rows, dtype=np.float64).T, strict=True))
    said = f"score:fmeasure|stemmer:yes|aggregate:mean over rows|rouge-score:{version('rouge-score')}"
    return Overlap(
        {name: mean_of(column) for name, column in columns.items()},
        dict.fromkeys(ROUGE, said),
        columns["rougeL"],
        "rougeL",
    )


def score(
    written: Written, overlap: Overlap, *, seed: int = 0, resamples: int = RESAMPLES
) -> dict[str, Measure]:
    """Every metric with its 95% bootstrap interval over rows.

    Args:
        written: predictions, references and losses.
        overlap: how the predictions compare with the references.
        seed: of the bootstrap.
        resamples: 0 gives values without intervals, as an evaluation during training needs.
    """
    rows = len(written.references)
    if not rows:
        return {name: undefined("no rows") for name in (*overlap.statistics, *ALWAYS)}
    statistics = {**overlap.statistics, **_always(written)}
    measures = bootstrap(statistics, rows, resamples=resamples, seed=seed)
    measures["exact_match"] = exact_if_unanimous(measures["exact_match"], rows)
    return measures


def loss_values(losses: Floats) -> dict[str, float]:
    """``loss`` and ``perplexity`` per token of rows whose losses are (rows, 2)."""
    ones = np.ones((1, len(losses)))
    return {name: float(statistic(ones)[0]) for name, statistic in _of_losses(losses).items()}


def _always(written: Written) -> dict[str, Statistic]:
    pairs = list(zip(written.predictions, written.references, strict=True))
    same = np.array([prediction.strip() == reference.strip() for prediction, reference in pairs])
    lengths = np.array([[len(text) for text in pair] for pair in pairs], dtype=np.float64)
    return {
        **_of_losses(written.losses),
        "exact_match": mean_of(same),
        "length_ratio": _ratio_of(lengths[:, 0], lengths[:, 1]),
    }


def _of_losses(losses: Floats) -> dict[str, Statistic]:
    mean = _ratio_of(losses[:, 0], losses[:, 1])

    def perplexity(weights: Floats) -> Floats:
        with np.errstate(over="ignore"):
            return np.exp(mean(weights))

    return {"loss": mean, "perplexity": perplexity}


def _ratio_of(above: Floats, below: Floats) -> Statistic:
    return lambda weights: (weights @ above) / (weights @ below)


def _counts(metric: Any, predictions: Sequence[str], references: Sequence[str]) -> NDArray[np.float64]:
    """The n-gram counts of each row, (rows, counts): what sacrebleu itself keeps when it resamples."""
    return np.asarray(metric._extract_corpus_statistics(predictions, [references]), dtype=np.float64)


def _corpus_score(metric: Any, counts: Floats) -> Statistic:
    def statistic(weights: Floats) -> Floats:
        return np.array([_score(metric, row) for row in weights @ counts])

    return statistic


def _score(metric: Any, counts: Floats) -> float:
    return float(metric._compute_score_from_stats(counts.tolist()).score)
