from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data.conftest import sentences
from toolkit.data.load import Rows, load_rows
from toolkit.data.roles import Role
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

Write = Callable[[str, str | bytes], Path]
Load = Callable[..., Rows]
Refusal = Callable[..., str]


def told(rows: Rows, part: str) -> bool:
    return any(part in str(finding) for finding in rows.findings)


def test_guesses_are_stated(write: Write, load: Load, table: Callable[..., str]):
    rows = load(write("a.csv", table(20).replace("text,label", "Review,Stars", 1)))
    assert rows.columns == {"text": "Review", "label": "Stars"}
    assert told(rows, "text is taken from column 'Review'; if that is wrong set data.columns.text=NAME")
    assert told(rows, "label is taken from column 'Stars'")
    assert rows.splits["train"].column_names == ["text", "label", "row"]


def test_unknown_names_are_guessed_from_what_the_columns_hold(
    write: Write, load: Load, table: Callable[..., str]
):
    rows = load(write("a.csv", table(20).replace("text,label", "kommentar,urteil", 1)))
    assert rows.columns == {"text": "kommentar", "label": "urteil"}


def test_given_columns_are_taken_without_a_word(write: Write, load: Load):
    lines = "".join(f"text number {row},{row},{'ab'[row % 2]}\n" for row in range(20))
    rows = load(write("a.csv", "text,label,kind\n" + lines), columns={"text": "text", "label": "kind"})
    assert rows.labels is not None
    assert rows.labels.names == ("a", "b")
    assert not told(rows, "is taken from column")


def test_a_second_text_is_optional_and_used_when_there(write: Write, load: Load):
    lines = "".join(
        f"question number {row},answer {row * 3},{'yes' if row % 2 else 'no'}\n" for row in range(20)
    )
    rows = load(write("pairs.csv", "sentence,sentence2,label\n" + lines))
    assert rows.columns == {"text": "sentence", "text_pair": "sentence2", "label": "label"}
    assert rows.splits["train"].column_names == ["text", "text_pair", "label", "row"]


def test_a_wrong_column_gets_its_nearest_name(write: Write, refusal: Refusal, table: Callable[..., str]):
    path = write("a.csv", table(20))
    said = refusal(path, columns={"text": "txt", "lable": "label"}, group="speaker")
    assert f"data.columns.text: {path} has no column 'txt' (it has text, label); did you mean 'text'?" in said
    assert "there is no role 'lable'; did you mean 'label'?" in said
    assert "data.group:" in said


def test_columns_that_cannot_be_guessed_are_listed(write: Write, refusal: Refusal):
    said = refusal(write("a.csv", "a,b,c\n" + "a long enough text here,x,y\n" * 3))
    assert "no column for 'label' (there are a, b, c); name it: data.columns.label=c" in said


def test_a_text_role_needs_text(write: Write, refusal: Refusal):
    path = write("a.jsonl", "".join(f'{{"text": {row}, "label": "a", "words": "w"}}\n' for row in range(5)))
    said = refusal(path)
    assert "data.columns.text: column 'text'" in said
    assert "holds int64, not text; choose from label, words" in said


def test_splits_must_have_the_same_columns(write: Write, refusal: Refusal, table: Callable[..., str]):
    write("data/train.csv", table(20))
    path = write("data/test.csv", "texts,label\na,good\n")
    assert "no column 'text', which train has (there are texts, label); did you mean 'texts'?" in refusal(
        path.parent
    )


def test_empty_cells_are_all_named_together(write: Write, refusal: Refusal, table: Callable[..., str]):
    path = write("a.csv", table(10) + ",good\n   ,bad\nNaN,good\nfine,\nfine too,nan\nbroken\n")
    said = refusal(path)
    assert f"{path}:12: 'text' is empty; fill it in, or remove the row" in said
    assert f"{path}:13: 'text' is empty" in said
    assert f"{path}:14: 'text' is 'NaN', not a text" in said
    assert f"{path}:15: the label is empty; give the row a label" in said
    assert f"{path}:16: the label is empty" in said
    assert f"{path}:17: broken row" in said
    assert f"{path}: 6 rows cannot be used" in said


def test_null_cells_of_json_are_named(write: Write, refusal: Refusal):
    lines = '{"text": null, "label": "a"}\n{"label": "b"}\n{"text": "c", "label": null}\n{"text": "d", "label": "b"}\n'
    path = write("a.jsonl", lines * 3)
    said = refusal(path)
    assert f"{path}:1: 'text' is empty" in said
    assert f"{path}:2: 'text' is empty" in said
    assert f"{path}:3: the label is empty" in said


def test_unusable_rows_can_be_left_out(write: Write, load: Load, table: Callable[..., str]):
    rows = load(write("a.csv", table(20) + ",good\nfine,\n"), on_error="skip")
    assert sum(rows.manifest["rows"].values()) == 20
    assert rows.manifest["skipped"]["count"] == 2
    assert told(rows, "2 rows left out because of data.on_error=skip")


def test_an_empty_group_is_named(write: Write, refusal: Refusal):
    lines = "".join(
        f"text number {row},{'ab'[row % 2]},{'' if row == 3 else f'g{row}'}\n" for row in range(20)
    )
    path = write("a.csv", "text,label,speaker\n" + lines)
    assert f"{path}:5: 'speaker' is empty" in refusal(path, group="speaker")


PAIRS = (
    Role("anchor", "text", ("anchor",), form="triplets"),
    Role("positive", "text", ("positive",), form="triplets"),
    Role("negative", "text", ("negative",), form="triplets"),
    Role("first", "text", ("first", "anchor"), form="pairs"),
    Role("second", "text", ("second", "positive"), form="pairs"),
    Role("score", "number", ("score",), optional=True, form="pairs"),
)


def scored(score: str = "0.5") -> str:
    lines = [f"one {text},two {text},{at / 40}" for at, text in enumerate(sentences(30))]
    return "\n".join(["anchor,positive,score", *lines, f"last one,last two,{score}"]) + "\n"


def test_forms_may_take_the_same_columns(write: Write):
    rows = load_rows(DataSection(source=str(write("a.csv", scored()))), PAIRS)
    assert rows.columns == {"first": "anchor", "second": "positive", "score": "score"}
    assert rows.labels is not None
    assert rows.labels.problem_type == "regression"
    assert rows.splits["train"].features["score"].dtype == "float32"
    three = scored().replace("score\n", "negative\n", 1)
    rows = load_rows(DataSection(source=str(write("b.csv", three))), PAIRS)
    assert rows.columns == {name: name for name in ("anchor", "positive", "negative")}


def test_an_optional_column_is_left_alone_where_others_are_named(write: Write):
    columns: dict[str, str | list[str]] = {"first": "anchor", "second": "positive"}
    rows = load_rows(DataSection(source=str(write("a.csv", scored())), columns=columns), PAIRS)
    assert rows.columns == columns
    assert rows.labels is None


def test_a_number_has_to_be_one(write: Write):
    with pytest.raises(DataError, match=r"a\.csv:32: 'score' is 'much', not a number; give a number"):
        load_rows(DataSection(source=str(write("a.csv", scored("much")))), PAIRS)


def test_one_column_cannot_be_two_texts(write: Write):
    data = DataSection(source=str(write("a.csv", scored())), columns={"first": "anchor", "second": "anchor"})
    with pytest.raises(DataError, match=r"data\.columns\.second: column 'anchor' is already first"):
        load_rows(data, PAIRS)
