from __future__ import annotations

import gzip
import json
import multiprocessing
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, DatasetDict, Features, Value

from toolkit.data.load import Rows, load_rows
from toolkit.data.roles import Role
from toolkit.recipe.schema import DataSection

Write = Callable[[str, str | bytes], Path]
Load = Callable[..., Rows]
Refusal = Callable[..., str]


def texts(rows: Rows) -> dict[int, str]:
    """Row number to text, over all splits."""
    return {row["row"]: row["text"] for split in rows.splits.values() for row in split}


def records(count: int) -> list[dict[str, object]]:
    return [{"text": f"text number {row} of {row * row}", "label": row % 2} for row in range(count)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "text,label\n" + "".join(f"{r['text']},{r['label']}\n" for r in records(30))),
        ("a.tsv", "text\tlabel\n" + "".join(f"{r['text']}\t{r['label']}\n" for r in records(30))),
        ("semicolon.csv", "text;label\r\n" + "".join(f"{r['text']};{r['label']}\r\n" for r in records(30))),
        ("bom.csv", "\ufefftext,label\n" + "".join(f"{r['text']},{r['label']}\n" for r in records(30))),
        (
            "a.csv.gz",
            gzip.compress(
                ("text,label\n" + "".join(f"{r['text']},{r['label']}\n" for r in records(30))).encode()
            ),
        ),
        ("a.jsonl", "".join(json.dumps(r) + "\n" for r in records(30))),
        ("a.json", json.dumps(records(30), indent=1)),
        ("lines.json", "".join(json.dumps(r) + "\n" for r in records(30))),
        (
            "columns.json",
            json.dumps({key: [r[key] for r in records(30)] for key in ("text", "label")}, indent=1),
        ),
        ("nested.json", json.dumps({"version": 1, "data": records(30)}, indent=1)),
    ],
)
def test_every_format_gives_the_same_rows(write: Write, load: Load, name: str, content: str | bytes):
    rows = load(write(name, content))
    assert texts(rows) == {at: record["text"] for at, record in enumerate(records(30), 1)}
    assert rows.labels is not None
    assert rows.labels.names == ("0", "1")
    assert all(
        row["label"] == records(30)[row["row"] - 1]["label"]
        for split in rows.splits.values()
        for row in split
    )


def test_parquet_keeps_its_class_names(write: Write, load: Load):
    features = Features({"text": Value("string"), "label": ClassLabel(names=["worse", "better"])})
    path = write("a.parquet", b"")
    pq.write_table(pa.Table.from_pylist(records(30), schema=features.arrow_schema), path)
    rows = load(path)
    assert rows.labels is not None
    assert rows.labels.names == ("worse", "better")
    assert len(texts(rows)) == 30


def test_words_that_pandas_takes_for_missing_are_words(write: Write, load: Load):
    words = ["NA", "null", "None", "N/A", "n/a", "NULL", "-", "01", "1e5", "TRUE"]
    lines = "".join(f"{word},{'01' if at % 2 else '1'}\n" for at, word in enumerate(words))
    rows = load(write("words.csv", "text,label\n" + lines), test=0.2, validation=0.2)
    assert list(dict(sorted(texts(rows).items())).values()) == words
    assert rows.labels is not None
    assert rows.labels.names == ("01", "1")


def test_quoted_cells_may_hold_separators_quotes_and_lines(
    write: Write, load: Load, table: Callable[..., str]
):
    rows = load(write("quoted.csv", table(20) + '"a, ""b""\nc",good\nlast one,bad\n'))
    assert texts(rows)[21] == 'a, "b"\nc'
    assert texts(rows)[22] == "last one"


def test_a_tsv_without_quoting_is_read_as_it_is(write: Write, load: Load):
    lines = "".join(f'"word {row} goes" on and "on\t{"x" if row % 2 else "y"}\n' for row in range(20))
    rows = load(write("plain.tsv", "text\tlabel\n" + lines))
    assert texts(rows)[1] == '"word 0 goes" on and "on'
    assert any("double quotes are read as part" in str(finding) for finding in rows.findings)


def test_a_broken_row_is_named_with_its_line(write: Write, refusal: Refusal, table: Callable[..., str]):
    path = write("broken.csv", table(10) + "good,film,good\nonly one\n")
    told = refusal(path)
    assert f"{path}:12: broken row: 3 cells where the header has 2" in told
    assert f"{path}:13: broken row: 1 cell where" in told
    assert "data.on_error=skip" in told


@pytest.mark.parametrize("line", ['"a quote that is never closed,good\n', '"closed" and on,good\n'])
def test_wrong_quotes_are_named_with_their_line(
    write: Write, refusal: Refusal, table: Callable[..., str], line: str
):
    path = write("quotes.csv", table(10) + line)
    assert f"{path}:12: broken row:" in refusal(path)


def test_broken_rows_can_be_left_out_and_are_counted(write: Write, load: Load, table: Callable[..., str]):
    rows = load(
        write("broken.csv", "text,label\n" + "a,b,c\n" * 25 + table(20).partition("\n")[2]), on_error="skip"
    )
    assert sum(rows.manifest["rows"].values()) == 20
    assert min(texts(rows)) == 26
    assert rows.manifest["skipped"]["count"] == 25
    told = [str(finding) for finding in rows.findings if finding.level == "warning"]
    assert any("25 rows left out" in line for line in told)
    assert any(":2: broken row" in line for line in told)
    assert any("15 rows more" in line for line in told)


def test_a_wrong_encoding_names_byte_line_and_setting(
    write: Write, refusal: Refusal, load: Load, table: Callable[..., str]
):
    content = (table(10) + "un café amusant,good\n").encode("latin-1")
    path = write("latin.csv", content)
    told = refusal(path)
    assert f"{path}:12: byte 0xe9 is not utf-8" in told
    assert "if it is 'é', set data.encoding=latin-1" in told
    assert texts(load(path, encoding="latin-1"))[11] == "un café amusant"


@pytest.mark.parametrize("name", ["utf16.csv", "utf16.jsonl"])
def test_utf_16_is_recognised(write: Write, refusal: Refusal, name: str):
    assert "data.encoding=utf-16" in refusal(write(name, "text,label\na,b\n".encode("utf-16")))


def test_utf_16_is_read_when_asked_for(write: Write, load: Load, table: Callable[..., str]):
    assert len(texts(load(write("utf16.csv", table(20).encode("utf-16")), encoding="utf-16"))) == 20


def test_a_file_of_another_encoding_than_asked_for(write: Write, refusal: Refusal, table: Callable[..., str]):
    path = write("plain.csv", table(20))
    assert f"{path}: not utf-16 text" in refusal(path, encoding="utf-16")


def test_an_unknown_encoding_is_a_wrong_setting(write: Write, refusal: Refusal, table: Callable[..., str]):
    assert "data.encoding: unknown encoding 'utf-9'" in refusal(write("a.csv", table(5)), encoding="utf-9")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("empty.csv", "", "the file is empty"),
        ("empty.jsonl", "\n\n", "the file is empty"),
        ("header.csv", "text,label\n", "no rows below the header"),
        ("excel.csv", b"PK\x03\x04" + bytes(range(256)), "a zip archive (an Excel workbook is one"),
        ("picture.txt", b"\x89PNG\r\n\x1a\n\x00\x00", "a PNG image"),
        ("noise.csv", bytes(range(256)) * 4, "not a text file"),
        ("noise.parquet", b"PAR1 is not enough", "not a parquet file"),
        ("none.parquet", b"", "not a parquet file"),
        ("twice.csv", "text,text\na,b\n", "the header names 'text' more than once"),
        ("a.docx", b"PK\x03\x04", "files of type '.docx' are not read; use one of .csv, .tsv"),
        ("list.jsonl", '["a", 1]\n{"text": "b", "label": 1}\n', ":1: a JSON object is expected"),
        ("cut.jsonl", '{"text": "b", "label": 1}\n{"text": "c", "la', ":2: not JSON"),
        ("cut.json", '[{"text": "b", "label": 1},\n{"text": "c", "la', ":2: not JSON"),
        ("scalar.json", '{"text": 1}\n', "this JSON holds no rows"),
        ("more.json", '[{"text": "b", "label": 1}]\n{"text": "c", "label": 2}', "the file goes on"),
        ("strange.json", '{"text":\n 1}\n', "this JSON holds no rows"),
        ("number.json", "42\n", "this JSON holds no rows"),
        ("cut-columns.json", '{"text":\n ["a", "b"', ":2: not JSON"),
        (
            "cut.csv.gz",
            gzip.compress(b"text,label\n" + bytes(range(65, 90)) * 400, mtime=0)[:-20],
            "cut or damaged",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_why(
    write: Write, refusal: Refusal, name: str, content: str | bytes, told: str
):
    path = write(name, content)
    said = refusal(path)
    assert told in said
    assert str(path) in said


def test_a_missing_file_names_its_nearest_sibling(write: Write, refusal: Refusal):
    path = write("reviews.csv", "text,label\na,b\n")
    assert "no such file or folder; did you mean 'reviews.csv'?" in refusal(path.with_name("revews.csv"))
    assert "there is no folder" in refusal(path.parent / "nowhere" / "reviews.csv")


def test_plain_text_alone_has_no_labels(write: Write, refusal: Refusal):
    assert "one sub-folder of .txt files for each class" in refusal(
        write("a.txt", "one line\nanother line\n")
    )


def test_mixed_json_types_are_told(write: Write, load: Load):
    lines = [{"text": f"number {row}" if row else 5, "label": "ab"[row % 2]} for row in range(20)]
    rows = load(write("mixed.jsonl", "".join(json.dumps(line) + "\n" for line in lines)))
    assert texts(rows)[1] == "5"
    assert any("column 'text' mixes int64 and string" in str(finding) for finding in rows.findings)


def test_a_long_json_list_is_read_in_pieces(write: Write, load: Load):
    long = [{"text": f"{row} " + "ж" * 5000, "label": "ab"[row % 2]} for row in range(700)]
    rows = load(write("long.json", json.dumps(long, ensure_ascii=False)))
    assert len(texts(rows)) == 700


def test_a_changed_file_is_read_again(write: Write, load: Load, table: Callable[..., str]):
    path = write("a.csv", table(20))
    assert len(texts(load(path))) == 20
    write("a.csv", table(30))
    assert len(texts(load(path))) == 30


def test_a_folder_of_named_files_gives_named_splits(write: Write, load: Load, table: Callable[..., str]):
    write("data/train-0.csv", table(20))
    write("data/train-1.csv", table(40))
    write(
        "data/test.jsonl", '{"text": "a fine day", "label": "good"}\n{"text": "a grey day", "label": "bad"}\n'
    )
    write("data/extra.csv", table(4))
    path = write("data/README.md", "# rows")
    rows = load(path.parent)
    assert rows.manifest["rows"]["test"] == 2
    assert rows.manifest["rows"]["train"] + rows.manifest["rows"]["validation"] == 60
    numbers = sorted(row["row"] for split in ("train", "validation") for row in rows.splits[split])
    assert numbers == list(range(1, 61))
    assert any("extra.csv" in str(f) and f.level == "warning" for f in rows.findings)


def test_a_folder_of_unnamed_files_is_one_table(write: Write, load: Load, table: Callable[..., str]):
    write("data/a.csv", table(20))
    path = write("data/b.csv", table(30))
    assert sum(load(path.parent).manifest["rows"].values()) == 50


def test_files_with_other_columns_are_refused(write: Write, refusal: Refusal, table: Callable[..., str]):
    write("data/a.csv", table(20))
    path = write("data/b.csv", "text,stars\na,1\n")
    assert f"{path}: column 'label', 'stars' is not as in" in refusal(path.parent)


def test_the_errors_of_all_files_come_together(write: Write, refusal: Refusal):
    write("data/train.csv", "")
    path = write("data/test.csv", "text,label\n")
    told = refusal(path.parent)
    assert "the file is empty" in told
    assert "no rows below the header" in told


def test_a_folder_without_data_says_what_it_holds(write: Write, refusal: Refusal):
    path = write("data/notes.md", "nothing")
    assert "no data files in this folder (it holds notes.md)" in refusal(path.parent)


@pytest.mark.parametrize("splits", [("",), ("train/", "test/")])
def test_a_folder_for_each_class(write: Write, load: Load, splits: tuple[str, ...]):
    for split in splits:
        for row in range(12):
            path = write(
                f"films/{split}{'pos' if row % 2 else 'neg'}/{row:02}.txt", f"{split} film {row}\nsecond line"
            )
    rows = load(path.parents[2 if splits[0] else 1])
    assert rows.labels is not None
    assert rows.labels.names == ("neg", "pos")
    assert sum(rows.manifest["rows"].values()) == 12 * len(splits)
    assert all(text.endswith("second line") for text in (row["text"] for row in rows.splits["train"]))


def test_an_empty_text_of_a_class_folder_is_named_by_its_file(write: Write, refusal: Refusal):
    for row in range(10):
        write(f"films/{'pos' if row % 2 else 'neg'}/{row}.txt", f"film {row}")
    path = write("films/pos/empty.txt", " \n")
    assert f"{path}: 'text' is empty" in refusal(path.parents[1])


def test_a_folder_of_save_to_disk(tmp_path: Path, load: Load):
    dataset = Dataset.from_list(records(40))
    DatasetDict(train=dataset, test=dataset.select(range(4))).save_to_disk(str(tmp_path / "saved"))
    before = sorted(tmp_path.joinpath("saved").rglob("*"))
    rows = load(tmp_path / "saved")
    assert rows.manifest["rows"]["test"] == 4
    assert sorted(tmp_path.joinpath("saved").rglob("*")) == before, (
        "nothing is written into the user's folder"
    )
    dataset.save_to_disk(str(tmp_path / "single"))
    assert sum(load(tmp_path / "single").manifest["rows"].values()) == 40


def test_a_damaged_saved_folder_is_named(write: Write, refusal: Refusal):
    path = write("saved/dataset_dict.json", '{"splits": ["train"]}')
    assert "damaged dataset folder" in refusal(path.parent)


def test_a_sample_loads(load: Load, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("TOOLKIT_CACHE")
    rows = load("sample:movie-reviews", limit=500)
    assert rows.manifest["rows"] == {"train": 400, "validation": 50, "test": 50}
    assert rows.labels is not None
    assert rows.labels.names == ("negative", "positive")


def _load_in_child(source: str, cache: str) -> str:
    os.environ["TOOLKIT_CACHE"] = cache
    roles = (Role("text", "text", ("text",)), Role("label", "label", ("label",)))
    return load_rows(DataSection(source=source), roles).manifest["fingerprints"]["train"]


def test_two_processes_may_load_at_once(write: Write, cache: Path, table: Callable[..., str]):
    path = write("a.csv", table(3000))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        found = pool.starmap(_load_in_child, [(str(path), str(cache))] * 2)
    assert found[0] == found[1]
    left = [entry.name for entry in (cache / "rows").iterdir() if not entry.name.endswith(".lock")]
    assert not [name for name in left if name.startswith(".")]


def test_objects_and_lists_in_lists_stay_readable_as_json(write: Write, load: Load):
    cells = [{"bbox": [[1, 2.5], [3, 4]]}, [[1, 2], [3, 4]], [{"a": 1}]]
    lines = [{**row, "nested": cells[at % 3], "deep": [[at, 1]]} for at, row in enumerate(records(30))]
    rows = load(write("n.jsonl", "\n".join(map(json.dumps, lines))))
    assert sum(len(split) for split in rows.splits.values()) == 30
