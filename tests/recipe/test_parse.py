from __future__ import annotations

import math
from pathlib import Path

import pytest

from toolkit.errors import RecipeError
from toolkit.recipe.parse import parse, parse_file, plain_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("5e-4", 5e-4),
        ("1e3", 1000.0),
        ("-1.5", -1.5),
        (".5", 0.5),
        ("12", 12),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("2024-01-01", "2024-01-01"),
        ("-.inf", -math.inf),
        ("e5", "e5"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object):
    parsed = parse(f"key: {text}\n", "r.yaml").data["key"]
    assert parsed == value
    assert type(parsed) is type(value)
    assert plain_scalar(text) == value


def test_quotes_make_text():
    assert parse("a: '5'\nb: \"null\"\nc: !!str 5\n", "r.yaml").data == {"a": "5", "b": "null", "c": "5"}


def test_every_value_knows_its_line():
    document = parse("# head\na:\n  b: 1\n  c: [x,\n      y]\n", "r.yaml")
    assert document.where(("a", "b")) == "r.yaml:3"
    assert document.where(("a", "c", 1)) == "r.yaml:5"
    assert document.where(("a", "absent")) == "r.yaml:2"
    assert document.where(("absent",)) == "r.yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r.yaml: is empty; a recipe needs"),
        ("# only a comment\n", "r.yaml: is empty"),
        ("- a\n- b\n", "r.yaml:1: a recipe is a mapping .* not a list"),
        ("word\n", "r.yaml:1: a recipe is a mapping .* not a single value"),
        ("a: 1\nb:\n\tc: 2\n", "r.yaml:3: indented with a tab; YAML indents with spaces"),
        ("a: 1\na: 2\n", "r.yaml:2: duplicate key 'a', first on line 1"),
        ("a:\n  b: 1\n  c: 2\n  b: 3\n", "r.yaml:4: duplicate key 'a.b', first on line 2"),
        ("a: 1\n---\nb: 2\n", r"r.yaml:2: a second document \('---'\)"),
        ("a: b: c\n", "r.yaml:1: a second ': ' in 'a: b: c'; put quotes"),
        ("a: [1,\n", "r.yaml:1: not YAML"),
        ("a: 'open\n", "r.yaml:1: not YAML"),
        ("a: @x\n", "r.yaml:1: not YAML"),
        ("a: \x00\n", "r.yaml: not YAML"),
        ("a: &a [*a]\n", "r.yaml:1: alias of 'a'; recipes have none"),
        ("a: !apply:os.system [x]\n", "r.yaml:1: tag '!apply:os.system'; recipes are plain data"),
        ("a: !!python/name:os.system x\n", "r.yaml:1: tag .*python/name:os.system'; recipes are plain data"),
        ("[a, b]: 1\n", "r.yaml:1: a list as a key"),
    ],
)
def test_what_is_no_recipe_is_said_with_its_line(text: str, message: str):
    with pytest.raises(RecipeError, match=message):
        parse(text, "r.yaml")


def test_all_duplicates_come_together():
    with pytest.raises(RecipeError) as caught:
        parse("a: 1\na: 2\nb: {c: 1, c: 2}\n", "r.yaml")
    assert len(caught.value.problems) == 2


def test_a_file_that_is_not_utf_8(tmp_path: Path):
    path = tmp_path / "latin.yaml"
    path.write_bytes("task: caf\xe9\n".encode("latin-1"))
    with pytest.raises(RecipeError, match=r"latin\.yaml: not UTF-8 text \(byte 9\)"):
        parse_file(path)


def test_a_file_below_the_current_folder_is_named_as_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "empty.yaml").touch()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RecipeError, match=r"^empty\.yaml: is empty"):
        parse_file(tmp_path / "empty.yaml")


def test_a_byte_order_mark_is_no_content(tmp_path: Path):
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbftask: x\n")
    assert parse_file(path).data == {"task": "x"}
