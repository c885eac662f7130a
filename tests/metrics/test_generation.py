from __future__ import annotations

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF

from toolkit.metrics.generation import (
    ALWAYS,
    ROUGE,
    Written,
    compare_summaries,
    compare_translations,
    loss_values,
    score,
)
from toolkit.metrics.glossary import GLOSSARY

PREDICTIONS = [
    "The cat sat on the mat.",
    "A fish swims here in the sea.",
    "",
    "Yes",
    "There is a light at the end.",
]
REFERENCES = [
    "The cat sat on the mat.",
    "The fish is swimming here in the blue sea.",
    "No.",
    "Yes!",
    "There is light at the end of it.",
]


def written(predictions=PREDICTIONS, references=REFERENCES):
    tokens = np.arange(1.0, len(references) + 1)
    return Written(predictions, references, np.stack([2.0 * tokens, tokens], axis=1))


def test_bleu_and_chrf_are_those_of_sacrebleu():
    measures = score(written(), compare_translations(PREDICTIONS, REFERENCES))
    assert measures["bleu"]["value"] == pytest.approx(BLEU().corpus_score(PREDICTIONS, [REFERENCES]).score)
    assert measures["chrf"]["value"] == pytest.approx(CHRF().corpus_score(PREDICTIONS, [REFERENCES]).score)


def test_a_resample_scores_as_the_texts_it_repeats():
    drawn = [1, 1, 4, 0, 4]
    weights = np.bincount(drawn, minlength=len(REFERENCES)).astype(float)[None]
    overlap = compare_translations(PREDICTIONS, REFERENCES)
    again = [[texts[at] for at in drawn] for texts in (PREDICTIONS, REFERENCES)]
    for name, metric in (("bleu", BLEU()), ("chrf", CHRF())):
        expected = metric.corpus_score(again[0], [again[1]]).score
        assert overlap.statistics[name](weights)[0] == pytest.approx(expected)


def test_each_row_has_its_own_chrf():
    overlap = compare_translations(PREDICTIONS, REFERENCES)
    assert overlap.metric == "chrf"
    assert overlap.rows[0] == pytest.approx(100)
    assert overlap.rows[2] == 0
    expected = CHRF().sentence_score(PREDICTIONS[1], [REFERENCES[1]]).score
    assert overlap.rows[1] == pytest.approx(expected)


def test_the_signature_says_how_it_was_computed():
    signatures = compare_translations(PREDICTIONS, REFERENCES).signatures
    assert "tok:13a" in signatures["bleu"]
    assert "version:2" in signatures["bleu"]
    assert "nc:6" in signatures["chrf"]
    assert "tok:zh" in compare_translations(["你好"], ["你好吗"], "zh").signatures["bleu"]


def test_rouge_is_that_of_rouge_score():
    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    measures = score(written(), compare_summaries(PREDICTIONS, REFERENCES))
    for name in ROUGE:
        each = [
            scorer.score(reference, prediction)[name].fmeasure
            for prediction, reference in zip(PREDICTIONS, REFERENCES, strict=True)
        ]
        assert measures[name]["value"] == pytest.approx(np.mean(each))


def test_every_metric_has_an_interval_around_its_value_and_an_explanation():
    for compare in (compare_translations, compare_summaries):
        measures = score(written(), compare(PREDICTIONS, REFERENCES))
        assert set(ALWAYS) < measures.keys()
        assert GLOSSARY.keys() >= measures.keys()
        for name, measure in measures.items():
            assert measure["low"] - 1e-9 <= measure["value"] <= measure["high"] + 1e-9, name


def test_loss_counts_tokens_not_rows():
    losses = np.array([[10.0, 1.0], [9.0, 9.0]])
    assert loss_values(losses) == pytest.approx({"loss": 1.9, "perplexity": np.exp(1.9)})


def test_exact_matches_and_lengths():
    predictions, references = ["yes ", "no", "maybe"], ["yes", "nope", "maybe"]
    measures = score(written(predictions, references), compare_translations(predictions, references))
    assert measures["exact_match"]["value"] == pytest.approx(2 / 3)
    assert measures["length_ratio"]["value"] == pytest.approx(11 / 12)


def test_all_or_no_exact_matches_have_an_exact_interval():
    measures = score(written(REFERENCES), compare_translations(REFERENCES, REFERENCES))
    assert measures["exact_match"]["value"] == 1
    assert measures["exact_match"]["low"] == pytest.approx(0.025 ** (1 / 5))


def test_a_loss_beyond_any_perplexity_is_no_number_but_no_crash():
    measures = score(
        Written(["a"] * 2, ["b"] * 2, np.array([[5000.0, 1.0]] * 2)),
        compare_translations(["a"] * 2, ["b"] * 2),
    )
    assert measures["perplexity"]["value"] is None
    assert measures["loss"]["value"] == 5000


def test_no_rows_no_values():
    overlap = compare_translations(PREDICTIONS, REFERENCES)
    measures = score(Written([], [], np.zeros((0, 2))), overlap)
    assert all(measure["value"] is None for measure in measures.values())
