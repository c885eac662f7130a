from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server import HubServer, hub_server
from toolkit.errors import ModelError, SampleError, UnavailableError
from toolkit.hub.models import locate_model
from toolkit.hub.samples import open_sample
from toolkit.recipe.schema import ModelSection

ROOT = Path(__file__).parents[2]
CONFIG = json.dumps({"model_type": "bert"}).encode()
LOCATE = """
import sys
from dataclasses import asdict
import json
from toolkit.errors import InputError
from toolkit.hub.models import locate_model
from toolkit.recipe.schema import ModelSection
for section in json.loads(sys.argv[1]):
    try:
        print(json.dumps(asdict(locate_model(ModelSection(**section)))))
    except InputError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with hub_server() as server:
        yield server


def run(code: str, environment: dict[str, str], *arguments: str) -> list[dict[str, object]]:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def locate(hub: HubServer, cache: Path, *names: str, **options: object) -> list[dict[str, object]]:
    sections = json.dumps([{"name": name} for name in names])
    return run(LOCATE, hub.environment(cache, **options), sections)


def test_a_sample_and_a_folder_are_located_without_a_hub():
    folder = str(open_sample("minilm"))
    for name in ("sample:minilm", folder):
        located = locate_model(ModelSection(name=name))
        assert located.path == folder
        assert located.revision is None
        assert located.kwargs == {"trust_remote_code": False, "use_safetensors": True}
        assert located.config_kwargs == {"trust_remote_code": False}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("./absent", "no such folder"),
        ("/absent/folder", "no such folder"),
        ("minilm", "did you mean 'sample:minilm'"),
        ("sample:movie-reviews", "holds data, not a model"),
    ],
)
def test_what_is_not_there_is_named(name: str, said: str):
    with pytest.raises(ModelError, match=said):
        locate_model(ModelSection(name=name))


def test_an_unknown_sample_is_a_sample_error():
    with pytest.raises(SampleError, match="did you mean"):
        locate_model(ModelSection(name="sample:minlm"))


def write(folder: Path, **files: bytes) -> ModelSection:
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_bytes(content)
    return ModelSection(name=str(folder))


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="not a transformers model"):
        locate_model(ModelSection(name=str(tmp_path)))
    with pytest.raises(ModelError, match="LoRA adapter"):
        locate_model(write(tmp_path, adapter_config__json=b"{}", adapter_model__safetensors=b""))
    with pytest.raises(ModelError, match="without weights"):
        locate_model(write(tmp_path, config__json=CONFIG))


@pytest.mark.parametrize("name", ["pytorch_model__bin", "model__pt", "weights__pkl"])
def test_pickled_weights_are_refused(tmp_path: Path, name: str):
    with pytest.raises(ModelError, match=r"refused: its weights are a pickle .* safetensors"):
        locate_model(write(tmp_path, config__json=CONFIG, **{name: b"\x80\x04."}))


def test_a_pickle_beside_safetensors_is_never_opened(tmp_path: Path):
    section = write(tmp_path, config__json=CONFIG, model__safetensors=b"", pytorch_model__bin=b"\x80\x04.")
    assert locate_model(section).kwargs["use_safetensors"] is True


@pytest.mark.parametrize("name", ["config__json", "tokenizer_config__json"])
def test_code_of_the_model_is_refused_until_allowed_by_name(tmp_path: Path, name: str):
    code = json.dumps({"model_type": "odd", "auto_map": {"AutoModel": "modeling.Odd"}}).encode()
    section = write(tmp_path, **{"config__json": CONFIG, "model__safetensors": b"", name: code})
    with pytest.raises(ModelError, match=r"Python code of its own .* 'model.trust_remote_code=true'"):
        locate_model(section)
    allowed = locate_model(section.model_copy(update={"trust_remote_code": True}))
    assert allowed.kwargs["trust_remote_code"] is True


def test_all_problems_of_a_model_come_together(tmp_path: Path):
    code = json.dumps({"auto_map": {}}).encode()
    with pytest.raises(ModelError) as caught:
        locate_model(write(tmp_path, config__json=code, pytorch_model__bin=b"\x80\x04."))
    assert len(caught.value.problems) == 2


def test_a_broken_config_is_named(tmp_path: Path):
    with pytest.raises(ModelError, match=r"config.json is not JSON"):
        locate_model(write(tmp_path, config__json=b"{", model__safetensors=b""))


def test_no_hub_and_no_cache_names_a_sample():
    with pytest.raises(UnavailableError, match=r"HF_HUB_OFFLINE is set; .*sample:minilm"):
        locate_model(ModelSection(name="somebody/never-cached"))


def test_the_hub_pins_a_commit_and_the_cache_serves_it_offline(hub: HubServer, tmp_path: Path):
    repo = hub.add("model", "tester/bert", {"config.json": CONFIG, "model.safetensors": b"weights"})
    sha = repo.branches["main"]
    online = locate(hub, tmp_path, "tester/bert")[0]
    assert online["revision"] == sha
    assert online["kwargs"] == {"revision": sha, "trust_remote_code": False, "use_safetensors": True}

    uncached = locate(hub, tmp_path, "tester/bert", offline=True)[0]
    assert uncached["error"] == "UnavailableError", "its weights were never fetched"

    code = "from huggingface_hub import hf_hub_download as get; get('tester/bert', 'model.safetensors')"
    run(code, hub.environment(tmp_path))
    offline = locate(hub, tmp_path, "tester/bert", offline=True)[0]
    assert offline["revision"] == sha
    assert offline["kwargs"] == {**online["kwargs"], "local_files_only": True}

    hub.broken = True
    try:
        cached, uncached = locate(hub, tmp_path, "tester/bert", "tester/other")
    finally:
        hub.broken = False
    assert cached == offline
    assert uncached["error"] == "UnavailableError"
    assert "error 500" in str(uncached["message"])


def test_what_the_hub_refuses_is_said(hub: HubServer, tmp_path: Path):
    hub.add("model", "tester/secret", {"config.json": CONFIG}, private=True)
    hub.add("model", "tester/gated", {"config.json": CONFIG, "model.safetensors": b""}, gated=True)
    hub.add("model", "tester/pickle", {"config.json": CONFIG, "pytorch_model.bin": b""})
    names = ["tester/absent", "tester/secret", "tester/gated", "tester/pickle", "not a name"]
    said = [str(answer.get("message")) for answer in locate(hub, tmp_path, *names, token=None)]
    expected = [
        "not on the Hub, or private",
        "not on the Hub, or private",
        "gated",
        "pickle",
        "not a name the Hub",
    ]
    assert all(words in message for words, message in zip(expected, said, strict=True)), said
    assert all(f"model '{name}'" in message for name, message in zip(names, said, strict=True))


def test_an_unknown_revision_is_said(hub: HubServer, tmp_path: Path):
    hub.add("model", "tester/tagged", {"config.json": CONFIG, "model.safetensors": b""})
    sections = json.dumps([{"name": "tester/tagged", "revision": "v9"}])
    answer = run(LOCATE, hub.environment(tmp_path), sections)[0]
    assert answer["error"] == "ModelError"
    assert "no such revision" in str(answer["message"])


def test_no_server_at_all(hub: HubServer, tmp_path: Path):
    nowhere = {**hub.environment(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    answer = run(LOCATE, nowhere, json.dumps([{"name": "tester/bert"}]))[0]
    assert answer["error"] == "UnavailableError"
    assert "sample:minilm" in str(answer["message"])
