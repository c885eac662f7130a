from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, List, Value

from toolkit.data.labels import LabelSpace
from toolkit.data.load import Rows, load_labelled
from toolkit.data.roles import Role
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

Write = Callable[[str, str | bytes], Path]
Load = Callable[..., Rows]
Refusal = Callable[..., str]


def jsonl(labels: Sequence[Any]) -> str:
    rows = ({"text": f"text number {row} of {row * row}", "label": label} for row, label in enumerate(labels))
    return "".join(json.dumps(row) + "\n" for row in rows)


def by_row(rows: Rows) -> dict[int, Any]:
    return {row["row"]: row["label"] for split in rows.splits.values() for row in split}


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["10", "9", "-1"], ("-1", "9", "10")),
        (["b", "B", "a"], ("B", "a", "b")),
        ([10, 9, 2], ("2", "9", "10")),
        ([True, False, True], ("false", "true")),
        (["01", "1", "2"], ("01", "1", "2")),
        (["None", "NA", "null"], ("NA", "None", "null")),
        ([" pos ", "pos", "neg"], ("neg", "pos")),
    ],
)
def test_label_names_are_in_a_stable_order(
    write: Write, load: Load, labels: list[Any], names: tuple[str, ...]
):
    rows = load(write("a.jsonl", jsonl(labels * 10)))
    assert rows.labels == LabelSpace("single_label_classification", names)
    shuffled = load(write("b.jsonl", jsonl(labels[::-1] * 10)))
    assert shuffled.labels == rows.labels
    words = [
        str(label).strip().lower() if isinstance(label, bool) else str(label).strip() for label in labels * 10
    ]
    assert {row: names[code] for row, code in by_row(rows).items()} == dict(enumerate(words, 1))
    assert rows.splits["train"].features["label"] == Value("int64")


def test_floats_are_a_regression(write: Write, load: Load):
    values = [row / 4 for row in range(40)]
    for rows in (
        load(write("a.jsonl", jsonl(values))),
        load(
            write(
                "a.csv",
                "text,label\n"
                + "".join(f"text {row} and {row * row},{value}\n" for row, value in enumerate(values)),
            )
        ),
    ):
        assert rows.labels == LabelSpace("regression", ("label",))
        assert by_row(rows) == dict(enumerate(values, 1))
        assert rows.splits["train"].features["label"] == Value("float32")
        assert set(rows.manifest["class_balance"]["train"]) == {"mean", "min", "max"}
        assert any("regression, as column label shows" in str(finding) for finding in rows.findings)


def test_integers_are_a_regression_when_asked_for(write: Write, load: Load):
    rows = load(write("a.jsonl", jsonl([1, 2, 3] * 10)), problem_type="regression")
    assert by_row(rows)[3] == 3.0


def test_a_word_among_numbers_is_named(write: Write, refusal: Refusal):
    path = write("a.jsonl", jsonl(["1.5", "2.5", "many"] * 2))
    assert f"{path}:3: label 'many' is not a number" in refusal(path, problem_type="regression")


def test_numbers_in_several_columns(write: Write, load: Load):
    lines = "".join(f"text {row} and {row * row},{row}.5,{row * 2}\n" for row in range(20))
    rows = load(write("a.csv", "text,warm,loud\n" + lines), columns={"label": ["warm", "loud"]})
    assert rows.labels == LabelSpace("regression", ("warm", "loud"))
    assert by_row(rows)[3] == [2.5, 4.0]


def test_lists_are_multi_label(write: Write, load: Load):
    rows = load(write("a.jsonl", jsonl([["war", "drama"], [], ["drama"], ["comedy"]] * 10)))
    assert rows.labels == LabelSpace("multi_label_classification", ("comedy", "drama", "war"))
    assert [by_row(rows)[row] for row in (1, 2, 3, 4)] == [[0, 1, 1], [0, 0, 0], [0, 1, 0], [1, 0, 0]]
    assert rows.manifest["class_balance"]["train"].keys() == {"comedy", "drama", "war"}


def test_bars_in_a_cell_are_labels_only_when_asked_for(write: Write, load: Load):
    path = write(
        "a.csv",
        "text,label\n"
        + "".join(f"text {row} and {row * row},{'a|b' if row % 2 else 'b'}\n" for row in range(30)),
    )
    assert load(path).labels == LabelSpace("single_label_classification", ("a|b", "b"))
    rows = load(path, problem_type="multi_label_classification")
    assert rows.labels == LabelSpace("multi_label_classification", ("a", "b"))
    assert [by_row(rows)[row] for row in (1, 2)] == [[0, 1], [1, 1]]


def test_columns_of_noughts_and_ones_are_multi_label(write: Write, load: Load, refusal: Refusal):
    lines = "".join(f"text {row} and {row * row},{row % 2},{row % 3 // 2}\n" for row in range(30))
    path = write("a.csv", "text,toxic,rude\n" + lines)
    rows = load(path, columns={"label": ["toxic", "rude"]})
    assert rows.labels == LabelSpace("multi_label_classification", ("toxic", "rude"))
    assert by_row(rows)[6] == [1, 1]
    path = write("b.csv", "text,toxic,rude\n" + lines + "last,2,0\n")
    said = refusal(path, columns={"label": ["toxic", "rude"]}, problem_type="multi_label_classification")
    assert f"{path}:32: labels {{'toxic': '2', 'rude': '0'}} are not all 0 or 1" in said


@pytest.mark.parametrize("label", ["good", 1, True])
def test_one_class_only_is_refused(write: Write, refusal: Refusal, label: object):
    path = write("a.jsonl", jsonl([label] * 20))
    assert (
        f"every row has the label '{str(label).lower() if label is True else label}'; a classifier needs"
        in refusal(path)
    )


def test_one_class_of_a_declared_two_is_refused(write: Write, refusal: Refusal):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["worse", "better"])})
    path = write("a.parquet", b"")
    rows = [{"text": f"text {row}", "label": 1} for row in range(20)]
    pq.write_table(pa.Table.from_pylist(rows, schema=features.arrow_schema), path)
    assert "every training row has the label 'better'" in refusal(path)


def test_withheld_labels_of_a_benchmark_are_explained(write: Write, refusal: Refusal):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["worse", "better"])})
    for name, labels in (("train", [0, 1] * 10), ("test", [-1] * 4)):
        rows = [{"text": f"{name} {row}", "label": label} for row, label in enumerate(labels)]
        path = write(f"data/{name}.parquet", b"")
        pq.write_table(pa.Table.from_pylist(rows, schema=features.arrow_schema), path)
    said = refusal(path.parent)
    assert (
        "label -1 means that the label is withheld; choose another split with data.splits.test=validation"
        in said
    )


def test_a_text_in_place_of_a_label_is_refused(write: Write, refusal: Refusal):
    assert "nearly every row has a label of its own" in refusal(
        write("a.jsonl", jsonl([f"id{row}" for row in range(40)]))
    )


def test_a_label_unseen_in_training_is_named_with_its_row(
    write: Write, refusal: Refusal, table: Callable[..., str]
):
    write("data/train.csv", table(20))
    path = write("data/test.csv", "text,label\nfine,good\nodd,mixed\n")
    said = refusal(path.parent)
    assert f"{path}:3: label 'mixed' does not occur in the training rows; known labels: bad, good" in said


def test_a_declared_class_without_training_rows_is_named(write: Write, refusal: Refusal):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["a", "b", "c"])})
    for name, labels in (("train", [0, 1] * 10), ("test", [0, 2, 2])):
        rows = [{"text": f"{name} {row}", "label": label} for row, label in enumerate(labels)]
        path = write(f"data/{name}.parquet", b"")
        pq.write_table(pa.Table.from_pylist(rows, schema=features.arrow_schema), path)
    said = refusal(path.parent)
    assert "test.parquet row 2: label 'c' of 2 test rows does not occur in the training rows" in said


def test_other_data_is_encoded_as_the_model_was_trained(
    write: Write, load: Load, roles: tuple[Role, ...], table: Callable[..., str]
):
    trained = load(
        write("a.csv", table(20).replace("text,label", "review,verdict", 1)),
        columns={"text": "review", "label": "verdict"},
    )
    assert trained.labels is not None
    path = write("b.csv", "verdict,review\ngood,a new one\nbad,another\n")
    rows = load_labelled(DataSection(source=str(path)), roles, trained.labels, trained.columns)
    assert rows.splits["test"]["label"][:] == [1, 0]
    renamed = write("c.csv", "text,label\na new one,good\n")
    assert load_labelled(DataSection(source=str(renamed)), roles, trained.labels, trained.columns).splits[
        "test"
    ]["label"][:] == [1]
    wrong = write("d.csv", "text,label\na new one,good\nsecond,great\n,bad\n")
    with pytest.raises(DataError) as caught:
        load_labelled(DataSection(source=str(wrong)), roles, trained.labels, trained.columns)
    assert f"{wrong}:3: label 'great' does not occur in the training rows" in str(caught.value)
    assert f"{wrong}:4: 'text' is empty" in str(caught.value)


def test_the_test_split_of_other_data_is_measured(
    write: Write, load: Load, roles: tuple[Role, ...], table: Callable[..., str]
):
    write("data/train.csv", table(20))
    path = write("data/test.csv", "text,label\nfine,good\n").parent
    labels = LabelSpace("single_label_classification", ("bad", "good"))
    assert len(load_labelled(DataSection(source=str(path)), roles, labels, {}).splits["test"]) == 1
    asked = DataSection(source=str(path), splits={"test": "train[:50%]"})
    assert len(load_labelled(asked, roles, labels, {}).splits["test"]) == 10


def test_class_balance_counts_every_split(write: Write, load: Load, table: Callable[..., str]):
    balance = load(write("a.csv", table(100, lambda row: "rare" if row % 10 == 0 else "often"))).manifest[
        "class_balance"
    ]
    assert np.sum([balance[split]["rare"] for split in ("train", "validation", "test")]) == 10
    assert balance["test"] == {"often": 9, "rare": 1}


def test_several_labels_are_not_one_class(write: Write, refusal: Refusal):
    lists = write("lists.jsonl", jsonl([["a"], ["b", "a"]] * 10))
    told = refusal(lists, problem_type="single_label_classification")
    assert "column label: holds lists" in told
    assert "options.problem_type=multi_label_classification" in told
    columns = write("columns.csv", "text,fast,cheap\n" + "".join(f"text {row},1,0\n" for row in range(20)))
    told = refusal(columns, problem_type="single_label_classification", columns={"label": ["fast", "cheap"]})
    assert "column fast, cheap: are several label columns" in told


def test_vectors_are_no_lists_of_labels(write: Write, refusal: Refusal):
    told = refusal(write("hot.jsonl", jsonl([[0, 1, 0], [1, 1, 0]] * 10)))
    assert "holds vectors of 0 and 1, not lists of labels" in told


@pytest.mark.parametrize(
    ("kind", "expected"), [("string", "multi_label_classification"), ("float32", "regression")]
)
def test_lists_of_one_length(tmp_path: Path, load: Load, kind: str, expected: str):
    words: list[Any] = [["a", "b"], ["b", "c"]] if kind == "string" else [[0.5, 1.0], [0.25, 2.0]]
    features = Features({"text": Value("string"), "label": List(Value(kind), length=2)})
    rows = {"text": [f"text {row} of {row * row}" for row in range(20)], "label": words * 10}
    DatasetDict({"train": Dataset.from_dict(rows, features=features)}).save_to_disk(tmp_path / "rows")
    labels = load(tmp_path / "rows").labels
    assert labels is not None
    assert labels.problem_type == expected
