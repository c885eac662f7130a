from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.data.inputs import read_inputs
from toolkit.errors import DataError


def test_words_are_texts_and_files_are_rows(tmp_path: Path) -> None:
    (tmp_path / "films.json").write_text('[{"text": "Fine."}, {"text": "Dull."}]')
    texts = ["A fine film.", "See notes.txt", "a" * 5000 + ".txt too long"]
    given = [*texts, str(tmp_path / "films.json")]
    assert read_inputs(given, {}, "text") == [*texts, "Fine.", "Dull."]


@pytest.mark.parametrize(
    ("name", "told"), [("flims.csv", "no such file"), ("films.xlsx", "this type of file cannot be read")]
)
def test_a_file_that_cannot_be_read_is_no_text(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "films.xlsx").write_text("PK")
    with pytest.raises(DataError, match=told):
        read_inputs([str(tmp_path / name)], {}, "text")
