"""CoNLL files: sentences, documents, comments, and lines that are broken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from toolkit.data.load import Rows, load_rows
from toolkit.data.roles import Role
from toolkit.errors import DataError
from toolkit.recipe.schema import DataSection

Write = Callable[[str, str | bytes], Path]
ROLES = (Role("text", "words", ("tokens",)), Role("tags", "tags", ("tags", "upos")))
NEWS = """-DOCSTART- -X- -X- O

EU NNP B-NP B-ORG
rejects VBZ B-VP O

Peter NNP B-NP B-PER
Blackburn NNP I-NP I-PER

-DOCSTART- -X- -X- O

# NN B-NP O
1 CD I-NP O
"""


def load(source: Path, **options: object) -> Rows:
    held_out = {"validation": 0, "test": 0}
    return load_rows(DataSection.model_validate({"source": str(source), **held_out, **options}), ROLES)


@pytest.mark.parametrize("name", ["a.conll", "a.txt", "a.bio"])
@pytest.mark.parametrize("mark", [" ", "\t"])
def test_a_sentence_is_a_row(write: Write, name: str, mark: str):
    rows = load(write(name, NEWS.replace(" ", mark)))
    assert rows.splits["train"]["text"][:] == [["EU", "rejects"], ["Peter", "Blackburn"], ["#", "1"]]
    assert rows.labels is not None
    assert rows.labels.names == ("B-ORG", "B-PER", "I-PER", "O")
    assert rows.splits["train"]["row"][:] == [1, 2, 3]


def test_documents_stay_together_in_all_files(write: Write):
    write("train.conll", NEWS)
    path = write("test.conll", NEWS).parent
    rows = load(path, group="document")
    assert rows.manifest["rows"] == {"train": 3, "test": 3}
    with pytest.raises(DataError, match="has no column 'document'"):
        load(write("b.conll", "a O\nb B-X\n"), group="document")


def test_other_columns_can_be_chosen(write: Write):
    rows = load(write("a.conll", NEWS), columns={"text": "tokens", "tags": "column 2"})
    assert rows.labels is not None
    assert rows.labels.names == ("CD", "NN", "NNP", "VBZ")


def test_conllu_has_names_for_its_columns_and_leaves_ranges_out(write: Write):
    lines = (
        "# sent_id = 1\n# text = it's fine\n1-2\tit's\t_\t_\t_\t_\t_\t_\t_\t_\n1\tit\tit\tPRON\tPRP\t_\t3\tx\t_\t_\n"
        "2\t's\tbe\tAUX\tVBZ\t_\t3\tx\t_\t_\n2.1\tx\tx\tX\tX\t_\t_\t_\t_\t_\n3\tfine\tfine\tADJ\tJJ\t_\t0\tx\t_\t_\n\n"
    )
    rows = load(write("a.conllu", lines * 3))
    assert rows.splits["train"]["text"][:] == [["it", "'s", "fine"]] * 3
    assert rows.columns == {"text": "tokens", "tags": "upos"}


def test_broken_lines_are_named_with_file_and_line(write: Write):
    path = write("a.conll", "Mary B-PER\nslept O\n\nJohn\nslept O O\n\ncaf\xe9 O\n".encode("latin-1"))
    with pytest.raises(DataError) as caught:
        load(path)
    said = str(caught.value)
    assert "a.conll:4: 1 column where the file has 2 ('John')" in said
    assert "a.conll:7: byte 0xe9 is not utf-8" in said
    assert "a.conll:5" not in said
    assert load(path, encoding="latin-1", on_error="skip").splits["train"]["text"][:] == [
        ["Mary", "slept"],
        ["café"],
    ]
