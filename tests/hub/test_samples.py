from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import datasets
import pytest
import transformers

from tests.hub.package_index import PackageIndex, package_index
from toolkit.errors import DiskFullError, MissingExtraError, SampleError, UnavailableError
from toolkit.hub.cache import cache_folder
from toolkit.hub.samples import SAMPLES, PackageFile, Sample, is_cached, open_sample, prepare, sample

ROOT = Path(__file__).parents[2]


def archive(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name.replace("_", "/"), content)
    return buffer.getvalue()


def entry_of(content: bytes, **changes: object) -> Sample:
    digest = hashlib.sha256(content).hexdigest()
    file = PackageFile("pypi", "tiny-data", "1.0", "tiny_data-1.0-py3-none-any.whl", digest)
    plain = Sample(
        name="tiny",
        kind="files",
        summary="",
        origin="",
        licence="",
        size_bytes=len(content),
        files=(file,),
        convert="tests.hub.plain_converter:convert",
        hub_alternative="somebody/tiny",
    )
    return replace(plain, **changes)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    with package_index() as server:
        monkeypatch.setenv("PIP_INDEX_URL", server.url)
        yield server


def serve(index: PackageIndex, content: bytes) -> None:
    index.add("tiny-data", "tiny_data-1.0-py3-none-any.whl", content)


def assert_nothing_left(cache: Path) -> None:
    assert not list(cache.glob("samples/*")), "a failed fetch left something behind"


def test_the_table_says_everything_about_each_sample():
    assert len(SAMPLES) == 26
    for name, entry in SAMPLES.items():
        assert name == entry.name
        assert entry.summary
        assert entry.origin
        assert entry.licence
        assert entry.install.split()[0] in {"pip", "npm", "apt-get"}
        for file in entry.files:
            assert file.registry == "installed" or len(file.sha256) == 64
        assert bool(entry.needs) == bool(entry.extra)
        assert entry.to_dict()["install"] == entry.install


def test_unknown_names_are_told_the_nearest():
    assert sample("sample:minilm") is SAMPLES["minilm"]
    with pytest.raises(SampleError, match=r"unknown sample 'minlm'; did you mean 'minilm'\?"):
        open_sample("sample:minlm")


def test_the_cache_folder_can_be_moved(cache: Path):
    assert cache_folder() == cache


def test_a_sample_is_fetched_once_and_kept(cache: Path, index: PackageIndex):
    content = archive(folder_file="hello")
    serve(index, content)
    entry = entry_of(content)
    assert not is_cached(entry)
    folder = prepare(entry)
    assert (folder / "tiny-data" / "folder" / "file").read_text() == "hello"
    assert prepare(entry) == folder
    assert is_cached(entry)
    assert index.served.total() == 1
    assert prepare(replace(entry, edition=2)) != folder


def test_two_processes_fetch_once(cache: Path, index: PackageIndex):
    content = archive(file="x" * 100_000)
    serve(index, content)
    code = f"from toolkit.hub.samples import *; print(prepare({entry_of(content)!r}))"
    start = [sys.executable, "-c", code]
    processes = [subprocess.Popen(start, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    folders = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert folders == {str(prepare(entry_of(content)))}
    assert index.served.total() == 1


def test_a_wrong_hash_leaves_nothing(cache: Path, index: PackageIndex):
    serve(index, archive(file="tampered"))
    with pytest.raises(SampleError, match=r"sample:tiny: .* sha256 .* is expected") as caught:
        prepare(entry_of(archive(file="original")))
    assert "'somebody/tiny'" in str(caught.value)
    assert_nothing_left(cache)


def test_a_cut_download_leaves_nothing(cache: Path, index: PackageIndex):
    content = archive(file="x" * 100_000)
    serve(index, content)
    index.cut.add("tiny_data-1.0-py3-none-any.whl")
    with pytest.raises(UnavailableError, match=r"sample:tiny: tiny_data.* download failed"):
        prepare(entry_of(content))
    assert_nothing_left(cache)
    index.cut.clear()
    assert prepare(entry_of(content)).is_dir()


def test_an_archive_that_reaches_out_leaves_nothing(cache: Path, index: PackageIndex):
    content = archive(**{".._.._evil": "x"})
    serve(index, content)
    with pytest.raises(SampleError, match="points outside the archive"):
        prepare(entry_of(content))
    assert_nothing_left(cache)
    assert not list(cache.parent.rglob("evil"))


def test_a_full_disk_leaves_nothing_and_names_the_cache(cache: Path, index: PackageIndex):
    content = archive(file="x")
    serve(index, content)
    with pytest.raises(DiskFullError, match="TOOLKIT_CACHE"):
        prepare(entry_of(content, convert="tests.hub.plain_converter:fail"))
    assert_nothing_left(cache)


@pytest.mark.parametrize("change", [{"package": "absent"}, {"filename": "absent-1.0.tar.gz"}])
def test_what_the_index_lacks_is_named(cache: Path, index: PackageIndex, change: dict[str, str]):
    content = archive(file="x")
    serve(index, content)
    entry = entry_of(content)
    with pytest.raises(SampleError, match="absent"):
        prepare(replace(entry, files=(replace(entry.files[0], **change),)))
    assert_nothing_left(cache)


def test_no_network_is_said_with_an_alternative(cache: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    with pytest.raises(UnavailableError, match="from the Hub, 'somebody/tiny' does instead"):
        prepare(entry_of(b"x"))
    assert_nothing_left(cache)


@pytest.mark.parametrize("registry", ["npm", "debian"])
def test_a_missing_client_is_named(cache: Path, registry: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(cache))
    file = PackageFile(registry, "p", "1", "p-1", "0" * 64)  # pyright: ignore[reportArgumentType]
    with pytest.raises(SampleError, match=r"is not installed on this machine; from the Hub"):
        prepare(entry_of(b"x", files=(file,)))


def test_a_missing_extra_is_told_before_anything_is_fetched(cache: Path, index: PackageIndex):
    content = archive(file="x")
    serve(index, content)
    with pytest.raises(MissingExtraError, match=r'pip install "transfer-toolkit\[vision\]"'):
        prepare(entry_of(content, needs=("no_such_module",), extra="vision"))
    assert index.served.total() == 0


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("TOOLKIT_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(SampleError, match="TOOLKIT_CACHE"):
        prepare(entry_of(b"x"))


def test_what_a_killed_process_left_is_cleared_away(cache: Path, index: PackageIndex):
    content = archive(file="x")
    serve(index, content)
    entry = entry_of(content)
    left = cache / "samples" / f".tiny-{entry.fingerprint}.fetch.killed"
    left.mkdir(parents=True)
    assert [path.name for path in prepare(entry).parent.iterdir()] == [f"tiny-{entry.fingerprint}"]


def test_a_cached_sample_needs_no_network(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    reviews = datasets.load_from_disk(open_sample("movie-reviews"))["train"]
    assert reviews.num_rows == 10_072
    assert reviews.features["label"].names == ["negative", "positive"]
    assert all(
        (rating > 0) == label for rating, label in zip(reviews["rating"], reviews["label"], strict=True)
    )
    assert sum(reviews["label"]) == 4_996
    assert not any(text != text.strip() or "\t" in text for text in reviews["text"])


def test_the_sample_model_opens_and_keeps_its_own_config():
    folder = open_sample("minilm")
    model = transformers.AutoModel.from_pretrained(folder, use_safetensors=True)
    assert model.config.hidden_size == 384
    assert (folder / "1_Pooling" / "config.json").is_file()
    assert not [path for path in folder.rglob("*") if path.suffix in {".bin", ".pt", ".pkl"}]
