"""Rows of words with a tag each, from lists, class numbers and texts."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from toolkit.data.load import Rows, load_labelled, load_rows
from toolkit.data.roles import Role, Tagging
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

Write = Callable[[str, str | bytes], Path]
GOOD = [
    {"words": ["Mary", "Ann", "slept"], "ner_tags": ["B-PER", "I-PER", "O"], "book": f"b{at % 5}"}
    for at in range(20)
]


def roles(**tagging: Any) -> tuple[Role, ...]:
    return (
        Role("text", "words", ("tokens", "words")),
        Role("tags", "tags", ("tags", "ner_tags"), tagging=Tagging(**tagging)),
    )


def lines(*rows: dict[str, Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in (*GOOD, *rows))


def load(source: Path | str, tagging: dict[str, Any] | None = None, **options: Any) -> Rows:
    return load_rows(DataSection(source=str(source), **options), roles(**(tagging or {})))


def tags_of(rows: Rows, split: str = "train") -> list[list[str]]:
    assert rows.labels is not None
    return [[rows.labels.names[tag] for tag in tags] for tags in rows.splits[split]["tags"][:]]


def test_columns_are_found_by_name_and_stated(write: Write):
    rows = load(write("a.jsonl", lines()), validation=0, test=0)
    assert rows.columns == {"text": "words", "tags": "ner_tags"}
    assert rows.splits["train"][0]["text"] == ["Mary", "Ann", "slept"]
    assert tags_of(rows)[0] == ["B-PER", "I-PER", "O"]
    assert any("tags is taken from column 'ner_tags'" in str(finding) for finding in rows.findings)


def test_class_numbers_have_the_names_the_source_states(tmp_path: Path):
    names = ["O", "B-PER", "I-PER", "B-LOC"]
    features = Features(tokens=List(Value("string")), tags=List(ClassLabel(names=names)))
    data = {"tokens": [["Mary", "slept"], ["John"]] * 9, "tags": [[1, 0], [1]] * 9}
    Dataset.from_dict(data, features=features).save_to_disk(tmp_path / "data")
    rows = load(tmp_path / "data", validation=0, test=0)
    assert rows.labels is not None
    assert rows.labels.names == tuple(names)
    assert tags_of(rows)[:2] == [["B-PER", "O"], ["B-PER"]]
    untaught = "no training sentence holds I-PER, B-LOC"
    assert any(untaught in str(finding) for finding in rows.findings if finding.level == "warning")


def test_words_and_tags_may_be_texts_with_spaces(write: Write):
    table = "tokens,tags\n" + "Mary slept,NOUN VERB\nit rained [ hard ],PRON VERB . ADV .\n" * 9
    rows = load(write("a.csv", table), validation=0, test=0)
    assert rows.splits["train"][1]["text"] == ["it", "rained", "[", "hard", "]"]
    assert rows.manifest["tags"]["scheme"] == "plain"


@pytest.mark.parametrize(
    ("given", "right"),
    [(["I-PER", "I-PER", "O"], ["B-PER", "I-PER", "O"]), (["O", "O", "I-PER"], ["O", "O", "B-PER"])],
)
def test_tags_out_of_order_are_repaired_and_counted(write: Write, given: list[str], right: list[str]):
    rows = load(write("a.jsonl", lines({"words": ["a", "b", "c"], "ner_tags": given})), validation=0, test=0)
    assert tags_of(rows)[-1] == right
    assert rows.manifest["tags"] == {"scheme": "IOB2", "repaired": {"train": {"tags": 1, "rows": 1}}}
    (note,) = [finding for finding in rows.findings if "against the order" in finding.message]
    assert "1 tags in 1 rows" in note.message
    assert note.where.endswith("a.jsonl:21")


def test_unusable_rows_come_together_and_may_be_left_out(write: Write):
    path = write(
        "a.jsonl",
        lines(
            {"words": ["a", "b"], "ner_tags": ["O"]},
            {"words": [], "ner_tags": []},
            {"words": ["a"], "ner_tags": [None]},
        ),
    )
    with pytest.raises(DataError) as caught:
        load(path, validation=0, test=0)
    said = str(caught.value)
    assert "a.jsonl:21: 2 words and 1 tags" in said
    assert "a.jsonl:22: the sentence is empty" in said
    assert "a.jsonl:23: word 1 ('a') has no tag" in said
    rows = load(path, validation=0, test=0, on_error="skip")
    assert len(rows.splits["train"]) == 20
    assert rows.manifest["skipped"]["count"] == 3


def test_a_document_is_in_one_split(write: Write):
    rows = load(write("a.jsonl", lines()), group="book", validation=0.2, test=0.2)
    books = {split: {GOOD[row - 1]["book"] for row in part["row"][:]} for split, part in rows.splits.items()}
    assert set.union(*books.values()) == {f"b{at}" for at in range(5)}
    assert sum(map(len, books.values())) == 5


def test_repeated_sentences_are_leaks_and_shown_as_text(write: Write):
    rows = load(write("a.jsonl", lines()), group="book", validation=0, test=0.2)
    assert rows.manifest["leaks"]["exact"] == 4
    assert rows.manifest["leaks"]["examples"][0]["text"] == "mary ann slept"


def test_other_rows_are_read_by_the_models_tags(write: Write):
    trained = load(write("a.jsonl", lines()), validation=0, test=0)
    assert trained.labels is not None
    data = DataSection(source=str(write("b.jsonl", json.dumps({"tokens": ["x"], "tags": ["I-PER"]}))))
    rows = load_labelled(data, roles(scheme="IOB2"), trained.labels, trained.columns)
    assert rows.splits["test"]["tags"][:] == [[0]]
    odd = DataSection(source=str(write("c.jsonl", json.dumps({"tokens": ["x"], "tags": ["B-DAY"]}))))
    with pytest.raises(DataError, match="'B-DAY' of word 1"):
        load_labelled(odd, roles(scheme="IOB2"), trained.labels, trained.columns)
