from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torchmetrics.functional as reference
from scipy import stats
from sklearn import metrics as sk

from toolkit.errors import TrainingError
from toolkit.metrics.classification import METRICS, confusion, per_class, score

SINGLE, MULTI, REGRESSION = "single_label_classification", "multi_label_classification", "regression"


def single(rows=400, classes=5, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, rows)
    logits = generator.normal(size=(rows, classes)).astype(np.float32)
    logits[np.arange(rows), labels] += 1.5
    return logits, labels


def multi(rows=300, labels=6, seed=0):
    generator = np.random.default_rng(seed)
    truth = (generator.random((rows, labels)) < 0.3).astype(np.float32)
    return (generator.normal(size=truth.shape) + 2 * truth - 1).astype(np.float32), truth


def values(measures):
    return {name: measure["value"] for name, measure in measures.items()}


@pytest.mark.parametrize("classes", [2, 5, 40])
def test_single_label_values_are_those_of_scikit_learn_and_torchmetrics(classes):
    logits, labels = single(classes=classes)
    got, guess = values(score(SINGLE, logits, labels)), logits.argmax(1)
    chances = torch.tensor(logits).double().softmax(-1)
    ece = reference.classification.multiclass_calibration_error(
        chances, torch.tensor(labels), num_classes=classes, n_bins=15
    )
    assert got["accuracy"] == pytest.approx(sk.accuracy_score(labels, guess))
    assert got["macro_f1"] == pytest.approx(sk.f1_score(labels, guess, average="macro"))
    assert got["mcc"] == pytest.approx(sk.matthews_corrcoef(labels, guess))
    assert got["loss"] == pytest.approx(sk.log_loss(labels, chances.numpy(), labels=range(classes)))
    assert got["ece"] == pytest.approx(ece.item(), abs=1e-6)


def test_multi_label_values_are_those_of_scikit_learn_and_torchmetrics():
    logits, labels = multi()
    got, guess = values(score(MULTI, logits, labels)), (logits > 0).astype(int)
    chances = torch.tensor(logits).double().sigmoid()
    truth = labels.astype(int)
    ece = reference.classification.binary_calibration_error(
        chances.ravel(), torch.tensor(truth).ravel(), n_bins=15
    )
    assert got["micro_f1"] == pytest.approx(sk.f1_score(truth, guess, average="micro"))
    assert got["macro_f1"] == pytest.approx(sk.f1_score(truth, guess, average="macro"))
    assert got["subset_accuracy"] == pytest.approx(sk.accuracy_score(truth, guess))
    assert got["loss"] == pytest.approx(sk.log_loss(truth.ravel(), chances.ravel().numpy()))
    assert got["ece"] == pytest.approx(ece.item(), abs=1e-6)


@pytest.mark.parametrize("shape", [(300,), (300, 1), (300, 3)])
def test_regression_values_are_those_of_scikit_learn_and_scipy(shape):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 6, shape).astype(np.float32)  # ties, for the ranks
    logits = (labels + generator.normal(size=shape)).round(1).astype(np.float32)
    got = values(score(REGRESSION, logits, labels))
    pairs = list(zip(labels.reshape(300, -1).T, logits.reshape(300, -1).T, strict=True))
    assert got["mse"] == pytest.approx(sk.mean_squared_error(labels, logits))
    assert got["mae"] == pytest.approx(sk.mean_absolute_error(labels, logits))
    assert got["r2"] == pytest.approx(sk.r2_score(labels, logits))
    assert got["pearson"] == pytest.approx(np.mean([stats.pearsonr(*p).statistic for p in pairs]))
    assert got["spearman"] == pytest.approx(np.mean([stats.spearmanr(*p).statistic for p in pairs]))


def test_intervals_are_those_of_scikit_learn_on_resampled_rows():
    logits, labels = single(rows=200, classes=3)
    guess, generator = logits.argmax(1), np.random.default_rng(9)
    drawn = [generator.integers(0, 200, 200) for _ in range(400)]
    for name, peer in {
        "macro_f1": lambda t, p: sk.f1_score(t, p, average="macro"),
        "mcc": sk.matthews_corrcoef,
    }.items():
        low, high = np.quantile([peer(labels[i], guess[i]) for i in drawn], (0.025, 0.975))
        measure = score(SINGLE, logits, labels)[name]
        assert measure["low"] == pytest.approx(low, abs=0.02)
        assert measure["high"] == pytest.approx(high, abs=0.02)


def test_spearman_interval_is_scipys_on_resampled_rows():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 6, 200).astype(float)
    logits = labels + generator.normal(size=200)
    drawn = [generator.integers(0, 200, 200) for _ in range(400)]
    peers = [stats.spearmanr(labels[i], logits[i]).statistic for i in drawn]
    measure = score(REGRESSION, logits, labels)["spearman"]
    assert [measure["low"], measure["high"]] == pytest.approx(np.quantile(peers, (0.025, 0.975)), abs=0.02)


@pytest.mark.parametrize("make", [(SINGLE, single), (MULTI, multi)])
def test_every_interval_holds_its_value(make):
    problem_type, data = make
    for measure in score(problem_type, *data(rows=60), temperature=2.0).values():
        assert measure["low"] <= measure["value"] <= measure["high"]


@pytest.mark.parametrize("rows", [0, 1, 2])
@pytest.mark.parametrize("problem_type", METRICS)
def test_tiny_splits_give_every_metric_as_json(problem_type, rows):
    logits, labels = {SINGLE: single, MULTI: multi}.get(problem_type, single)(rows=rows)
    if problem_type == REGRESSION:
        logits, labels = logits[:, 0], labels.astype(float)
    scores = score(problem_type, logits, labels)
    # Among two or three labels the five likeliest are all of them.
    assert tuple(scores) == tuple(name for name in METRICS[problem_type] if name != "top5_accuracy")
    json.dumps(scores, allow_nan=False)
    assert all(measure["value"] is not None or measure["note"] for measure in scores.values())


def test_class_absent_from_the_split_is_left_out_of_the_mean_as_in_scikit_learn():
    logits, labels = single(classes=4)
    labels, logits = labels[labels != 3], np.where([0, 0, 0, 1], -99, logits)[labels != 3]
    got = score(SINGLE, logits, labels)["macro_f1"]["value"]
    assert got == pytest.approx(sk.f1_score(labels, logits.argmax(1), average="macro"))
    row = per_class(SINGLE, logits, labels, ("a", "b", "c", "d"))[3]
    assert row == {"label": "d", "precision": None, "recall": None, "f1": None, "support": 0}


def test_constant_predictions_have_no_correlation_and_say_so():
    labels = np.array([0, 1, 1, 0])
    mcc = score(SINGLE, np.tile([1.0, 0.0], (4, 1)), labels)["mcc"]
    assert (mcc["value"], mcc["note"]) == (0.0, "the model predicts one class only")
    pearson = score(REGRESSION, np.zeros(4), labels.astype(float))["pearson"]
    assert (pearson["value"], pearson["note"]) == (None, "undefined: the predictions do not vary")


def test_outputs_that_are_not_finite_stop_with_their_positions():
    logits, labels = single(rows=10)
    logits[[2, 7], 0] = np.nan, np.inf
    with pytest.raises(TrainingError, match=r"2 of 10 rows \(positions 2, 7\)"):
        score(SINGLE, logits, labels)


def test_per_class_table_and_confusion_matrix_are_scikit_learns():
    logits, labels = single()
    names, guess = tuple("abcde"), logits.argmax(1)
    peer = sk.classification_report(labels, guess, target_names=names, output_dict=True)
    for row in per_class(SINGLE, logits, labels, names):
        expected = peer[row["label"]]
        assert row["f1"] == pytest.approx(expected["f1-score"])
        assert (row["precision"], row["support"]) == (
            pytest.approx(expected["precision"]),
            expected["support"],
        )
    np.testing.assert_array_equal(confusion(logits, labels), sk.confusion_matrix(labels, guess))


def test_per_label_table_of_a_multi_label_problem():
    logits, labels = multi()
    rows = per_class(MULTI, logits, labels, tuple("abcdef"))
    expected = sk.f1_score(labels.astype(int), logits > 0, average=None)
    assert [row["f1"] for row in rows] == pytest.approx(expected)


def test_the_five_likeliest_labels_count_where_there_are_more():
    logits, labels = single(classes=8, rows=300)
    got = score(SINGLE, logits, labels)["top5_accuracy"]["value"]
    assert got == pytest.approx(sk.top_k_accuracy_score(labels, logits, k=5, labels=range(8)))


def test_all_right_on_a_few_rows_is_not_certainty():
    logits = np.eye(2)[[0, 1] * 6] * 8
    accuracy = score("single_label_classification", logits, np.array([0, 1] * 6))["accuracy"]
    assert accuracy["value"] == accuracy["high"] == 1.0
    assert accuracy["low"] == pytest.approx(0.025 ** (1 / 12))  # Clopper and Pearson: 73.5%
