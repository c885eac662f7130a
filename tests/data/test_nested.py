from __future__ import annotations

import json
from pathlib import Path

import pytest
from datasets import Dataset, Features, Translation, Value

from toolkit.data.load import load_rows
from toolkit.data.nested import unfold, unfold_record
from toolkit.data.roles import Role
from toolkit.data.sources import as_table
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

PAIRS = [{"en": f"stone number {n}", "ro": f"piatra numărul {n}"} for n in range(30)]
ROLES = (Role("source", "text", ("translation.en",)), Role("target", "target", ("translation.ro",)))


@pytest.mark.parametrize(
    "feature", [Translation(languages=["en", "ro"]), {"en": Value("string"), "ro": Value("string")}]
)
def test_a_column_of_named_texts_becomes_a_column_each(feature):
    features = Features({"id": Value("int64"), "translation": feature})
    rows = Dataset.from_dict({"id": list(range(30)), "translation": PAIRS}, features=features)
    table = unfold(as_table(rows, "pairs"))
    assert table.columns == ["id", "translation.en", "translation.ro"]
    assert table.dataset["translation.ro"][3] == "piatra numărul 3"


def test_other_columns_stay_as_they_are():
    rows = Dataset.from_dict({"text": ["a"], "objects": [{"bbox": [[1, 2, 3, 4]], "label": ["x"]}]})
    table = as_table(rows, "objects")
    assert unfold(table) is table
    assert unfold_record({"a": {"b": [1]}, "c": {}, "d": {"e": None}, "f": {"g": "h", "i": None}}) == {
        "a": {"b": [1]},
        "c": {},
        "d": {"e": None},
        "f.g": "h",
        "f.i": None,
    }


def test_pairs_of_a_saved_dataset_are_loaded(tmp_path: Path):
    Dataset.from_dict({"translation": PAIRS}).save_to_disk(tmp_path / "pairs")
    rows = load_rows(DataSection(source=str(tmp_path / "pairs")), ROLES)
    train = rows.splits["train"]
    assert {train["source"][0][:12], train["target"][0][:7]} == {"stone number", "piatra "}
    assert rows.columns == {"source": "translation.en", "target": "translation.ro"}


def test_pairs_of_a_jsonl_file_are_loaded_and_a_missing_language_is_named(tmp_path: Path):
    lines = [json.dumps({"translation": pair}) for pair in PAIRS]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(lines))
    assert sum(map(len, load_rows(DataSection(source=str(path)), ROLES).splits.values())) == 30
    path.write_text("\n".join([*lines, json.dumps({"translation": {"en": "a wall"}})]))
    with pytest.raises(DataError, match=r"pairs.jsonl:31: 'translation.ro' is empty"):
        load_rows(DataSection(source=str(path)), ROLES)
