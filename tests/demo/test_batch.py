from __future__ import annotations

import csv
from pathlib import Path
from typing import get_args

import pyarrow as pa
import pytest
from pyarrow import parquet

from toolkit.demo import batch
from toolkit.demo.batch import Table
from toolkit.demo.flat import ROWS as FLAT
from toolkit.demo.inputs import check_text
from toolkit.errors import DataError
from toolkit.tasks.signature import Boxes, Kind, Labels, Mask, Replay

ROWS = [["1", "A fine film."], ["2", 'He said "dull", twice.']]


def write(path: Path, content: str, encoding: str = "utf-8") -> Path:
    path.write_text(content, encoding=encoding)
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("films.csv", 'id,text\n1,A fine film.\n2,"He said ""dull"", twice."\n'),
        ("films.tsv", 'id\ttext\n1\tA fine film.\n2\t"He said ""dull"", twice."\n'),
        (
            "films.jsonl",
            '{"id": "1", "text": "A fine film."}\n{"id": "2", "text": "He said \\"dull\\", twice."}\n',
        ),
        ("FILMS.CSV", '\ufeffid,text\r\n1,A fine film.\r\n2,"He said ""dull"", twice."\r\n'),
    ],
)
def test_every_kind_of_text_file_gives_the_same_table(tmp_path: Path, name: str, content: str) -> None:
    table = batch.read_table(write(tmp_path / name, content))

    assert table == Table(name, ["id", "text"], ROWS)


def test_parquet_keeps_types(tmp_path: Path) -> None:
    path = tmp_path / "films.parquet"
    parquet.write_table(pa.table({"id": [1, 2], "text": ["Fine.", None]}), path)

    assert batch.read_table(path) == Table("films.parquet", ["id", "text"], [[1, "Fine."], [2, None]])


def test_a_text_file_has_one_input_a_line(tmp_path: Path) -> None:
    table = batch.read_table(write(tmp_path / "films.txt", "A fine film.\n\nDull, and long.\n"))

    assert table == Table("films.txt", ["text"], [["A fine film."], ["Dull, and long."]])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("films.xlsx", "x", "films.xlsx: this type of file cannot be read; use .csv"),
        ("empty.csv", "", "empty.csv: the file is empty"),
        ("header.csv", "id,text\n", "header.csv: "),
        ("broken.csv", "id,text\n1,A fine film.\n2,Dull,and long\n", "broken.csv:3: broken row"),
        ("broken.jsonl", '{"text": "Fine."}\n{"text": \n', "broken.jsonl:2: not JSON"),
        ("list.jsonl", '{"text": "Fine."}\n["Dull."]\n', "list.jsonl:2: "),
        ("fake.parquet", "no parquet at all", "fake.parquet: not a readable parquet file"),
    ],
)
def test_a_bad_file_is_one_clear_error(tmp_path: Path, name: str, content: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        batch.read_table(write(tmp_path / name, content))

    assert message in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_a_wrong_encoding_is_named_without_recipe_keys(tmp_path: Path) -> None:
    path = write(tmp_path / "films.csv", "text\nUn film très long.\n", encoding="latin-1")

    with pytest.raises(DataError, match=r"films\.csv:2: byte 0xe8 is not utf-8") as caught:
        batch.read_table(path)

    assert "data.encoding" not in str(caught.value)


def test_too_many_rows_are_refused(tmp_path: Path) -> None:
    rows = batch.MAX_ROWS
    path = write(tmp_path / "films.csv", "text\n" + "Fine.\n" * rows)
    assert len(batch.read_table(path).rows) == rows

    write(path, "text\n" + "Fine.\n" * (rows + 1))
    with pytest.raises(DataError, match="more than the 10,000 rows"):
        batch.read_table(path)


def test_the_column_is_the_likely_one_or_the_only_one() -> None:
    assert batch.guess_column(Table("f", ["id", "review", "text"], []), ["review", "text"]) == "review"
    assert batch.guess_column(Table("f", ["opinion"], []), ["text"]) == "opinion"
    assert batch.guess_column(Table("f", ["id", "opinion"], []), ["text"]) is None


def test_a_missing_column_names_those_there_are() -> None:
    with pytest.raises(DataError, match=r"f: there is no column 'text'; its columns are id, opinion"):
        batch.take_column(Table("f", ["id", "opinion"], [["1", "Fine."]]), "text", check_text)


def test_rows_that_cannot_be_used_are_named_and_counted() -> None:
    table = Table("films.csv", ["text"], [["Fine."], [""], [None], *([" "] for _ in range(20))])

    with pytest.raises(DataError) as caught:
        batch.take_column(table, "text", check_text)

    lines = str(caught.value).splitlines()
    assert lines[0] == "films.csv row 2, column 'text': the text is empty"
    assert lines[-1] == "films.csv: 12 more rows like these"


def test_predictions_stand_behind_the_columns_of_the_file(tmp_path: Path) -> None:
    table = Table("films.csv", ["id", "predicted_label"], [["1", "mine"]])
    prediction = {"label": "good", "score": 0.87654, "scores": {"good": 0.87654, "bad": 0.12346}}

    result = batch.add_predictions(table, [prediction])
    path = batch.write_csv(result, tmp_path / "new")

    assert path.name == "films-predictions.csv"
    with path.open(newline="") as file:
        header, row = csv.reader(file)
    assert header == [
        "id",
        "predicted_label",
        "predicted_label_",
        "predicted_score",
        "probability_good",
        "probability_bad",
    ]
    assert row == ["1", "mine", "good", "0.8765", "0.8765", "0.1235"]


def test_many_labels_do_not_widen_the_file() -> None:
    scores = {f"label {number}": 1 / 50 for number in range(50)}
    prediction = {"label": "label 0", "score": 1 / 50, "scores": scores}

    result = batch.add_predictions(Table("f", ["text"], [["Fine."]]), [prediction])

    assert result.columns == ["text", "predicted_label", "predicted_score"]


def test_every_kind_of_output_has_its_rows() -> None:
    assert set(FLAT) | {Replay} == set(get_args(Kind))  # episodes are watched, not listed


def test_a_row_for_each_box_and_none_is_lost() -> None:
    found = {
        "label": "1 dog, 1 cat",
        "boxes": [
            {"label": "dog", "score": 0.93456, "box": [1.26, 2, 30, 40]},
            {"label": "cat", "score": 0.5, "box": [0, 0, 5, 5]},
        ],
    }
    nothing = {"label": "nothing", "boxes": []}

    result = batch.add_predictions(
        Table("f", ["file"], [["a.png"], ["b.png"]]), [nothing, found], FLAT[Boxes].of
    )

    assert result.columns == [
        "file",
        "predicted_label",
        "predicted_score",
        "x_min",
        "y_min",
        "x_max",
        "y_max",
    ]
    assert result.rows == [
        ["a.png", "", "", "", "", "", ""],
        ["b.png", "dog", 0.9346, 1.3, 2, 30, 40],
        ["b.png", "cat", 0.5, 0, 0, 5, 5],
    ]


def test_a_mask_gives_the_shares_of_its_classes() -> None:
    prediction = {"label": "cat 25%", "shares": {"background": 0.75, "cat": 0.25}}

    result = batch.add_predictions(Table("f", ["file"], [["a.png"]]), [prediction], FLAT[Mask].of)

    assert result.columns == ["file", "predicted_label", "share_background", "share_cat"]
    assert result.rows == [["a.png", "cat 25%", 0.75, 0.25]]


def test_columns_of_some_predictions_alone_stay_empty_in_the_others() -> None:
    first, second = {"label": "a", "scores": {"a": 1.0}}, {"label": "b", "scores": {"b": 1.0}}

    result = batch.add_predictions(Table("f", ["text"], [["x"], ["y"]]), [first, second], FLAT[Labels].of)

    assert result.columns == ["text", "predicted_label", "probability_a", "probability_b"]
    assert result.rows == [["x", "a", 1.0, ""], ["y", "b", "", 1.0]]
