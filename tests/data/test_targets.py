from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.data.load import load_rows
from toolkit.data.roles import Role
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

ROLES = (Role("source", "text", ("source",)), Role("target", "target", ("target",)))


def pairs(path: Path, rows: list[tuple[str, str]], header: str = "source,target") -> Path:
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]) + "\n")
    return path


def test_equal_sources_stay_on_one_side_whatever_their_targets(tmp_path: Path):
    rows = [(f"sentence {n // 4}", f"translation {n}") for n in range(80)]
    loaded = load_rows(DataSection(source=str(pairs(tmp_path / "p.csv", rows))), ROLES)
    sides = [set(part["source"][:]) for part in loaded.splits.values()]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 20
    assert loaded.manifest["leaks"]["exact"] == 0


def test_a_source_in_two_named_splits_is_a_leak_though_its_target_differs(tmp_path: Path):
    folder = tmp_path / "splits"
    folder.mkdir()
    pairs(folder / "train.csv", [(f"sentence {n}", f"satz {n}") for n in range(20)])
    pairs(folder / "test.csv", [("sentence 3", "another one"), ("something else", "satz 4")])
    assert load_rows(DataSection(source=str(folder)), ROLES).manifest["leaks"]["exact"] == 1


def test_the_only_text_that_is_left_is_taken_for_the_target(tmp_path: Path):
    rows = [(f"a long sentence number {n}", f"short {n}", str(n)) for n in range(20)]
    path = pairs(tmp_path / "p.csv", rows, "source,other,number")
    with pytest.raises(DataError, match="no column for 'target'"):  # of a csv, numbers are texts too
        load_rows(DataSection(source=str(path)), ROLES)
    loaded = load_rows(DataSection(source=str(pairs(path, [row[:2] for row in rows], "source,other"))), ROLES)
    assert loaded.columns["target"] == "other"


def test_what_columns_hold_is_not_looked_at_where_it_cannot_tell(tmp_path: Path):
    path = pairs(tmp_path / "p.csv", [(f"una frase {n}", f"a sentence {n}") for n in range(20)], "es,en")
    roles = (Role("source", "text", by_content=False), Role("target", "target", by_content=False))
    with pytest.raises(DataError) as caught:
        load_rows(DataSection(source=str(path)), roles)
    assert [problem.message for problem in caught.value.problems] == [
        "no column for 'source' (there are es, en)",
        "no column for 'target' (there are es, en)",
    ]


def test_one_column_cannot_play_two_roles(tmp_path: Path):
    path = pairs(tmp_path / "p.csv", [(f"a {n}", f"b {n}") for n in range(20)])
    data = DataSection(source=str(path), columns={"source": "target", "target": "target"})
    with pytest.raises(
        DataError, match=r"data.columns.target: column 'target' is already source; choose from source"
    ):
        load_rows(data, ROLES)
