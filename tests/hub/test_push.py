from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server import HubServer, hub_server
from toolkit.hub.samples import open_sample

ROOT = Path(__file__).parents[2]
PUSH = """
import json, sys
from pathlib import Path
from toolkit.errors import InputError
from toolkit.hub.push import push_folder
for folder, repo_id, options in json.loads(sys.argv[1]):
    try:
        print(json.dumps(push_folder(Path(folder), repo_id, **options)))
    except InputError as error:
        print(json.dumps(f"{type(error).__name__}: {error}"))
"""
LOAD = """
import json, sys
import torch
from transformers import AutoModel, AutoTokenizer
from toolkit.hub.models import locate_model
from toolkit.recipe.schema import ModelSection
vectors = []
for name in ("tester/encoder", "sample:minilm"):
    located = locate_model(ModelSection(name=name))
    tokenizer = AutoTokenizer.from_pretrained(located.path, **located.config_kwargs)
    model = AutoModel.from_pretrained(located.path, **located.kwargs).eval()
    with torch.no_grad():
        vectors.append(model(**tokenizer("A wonderful film.", return_tensors="pt")).last_hidden_state)
print(json.dumps(torch.equal(*vectors)))
"""
ROWS = """
import json, datasets
rows = datasets.load_dataset("tester/rows", revision="main")
print(json.dumps({name: split.num_rows for name, split in rows.items()}))
"""


@pytest.fixture
def hub() -> Iterator[HubServer]:
    with hub_server() as server:
        yield server


def run(code: str, environment: dict[str, str], *arguments: str) -> list[object]:
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def push(environment: dict[str, str], *asked: tuple[Path, str, dict[str, object]]) -> list[str]:
    pushes = json.dumps([(str(folder), repo_id, options) for folder, repo_id, options in asked])
    return [str(answer) for answer in run(PUSH, environment, pushes)]


def test_a_pushed_model_is_private_and_loads_back_equal_then_offline(hub: HubServer, tmp_path: Path):
    environment = hub.environment(tmp_path)
    (url,) = push(environment, (open_sample("minilm"), "encoder", {"message": "Upload a sentence encoder"}))
    assert url == f"{hub.url}/tester/encoder"
    repo = hub.repos["model", "tester/encoder"]
    assert repo.private
    assert repo.messages[-1] == "Upload a sentence encoder"
    assert {"config.json", "model.safetensors", "1_Pooling/config.json"} <= set(repo.files())

    assert run(LOAD, environment) == [True]
    hub.broken = True
    assert run(LOAD, {**environment, "HF_HUB_OFFLINE": "1"}) == [True]


def test_a_dataset_of_the_server_loads(hub: HubServer, tmp_path: Path):
    hub.add(
        "dataset",
        "tester/rows",
        {"train.csv": b"text,label\ngood,1\nbad,0\n", "test.csv": b"text,label\nok,1\n"},
    )
    assert run(ROWS, hub.environment(tmp_path)) == [{"train": 2, "test": 1}]


def folder_of(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "model"
    folder.mkdir()
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(content)
    return folder


def test_pushing_again_adds_a_commit_or_a_branch(hub: HubServer, tmp_path: Path):
    folder = folder_of(tmp_path, config__json="{}", __hidden="secret")
    asked = [(folder, "tester/again", {}), (folder, "tester/again", {"revision": "trial"})]
    assert push(hub.environment(tmp_path), *asked) == [f"{hub.url}/tester/again"] * 2
    repo = hub.repos["model", "tester/again"]
    assert set(repo.branches) == {"main", "trial"}
    assert set(repo.files()) == {".gitattributes", "config.json"}, "hidden files stay here"


def test_a_public_repository_is_pushed_to_only_when_asked(hub: HubServer, tmp_path: Path):
    public = hub.add("model", "tester/public", {"README.md": b""})
    folder = folder_of(tmp_path, config__json="{}")
    asked = [(folder, "tester/public", {}), (folder, "tester/public", {"private": False})]
    refused, done = push(hub.environment(tmp_path), *asked)
    assert "exists and is public" in refused
    assert done == f"{hub.url}/tester/public"
    assert len(public.commits) == 2


def test_push_says_what_is_wrong(hub: HubServer, tmp_path: Path):
    folder = folder_of(tmp_path, config__json="{}")
    card = tmp_path / "card"
    card.mkdir()
    (card / "README.md").write_text("---\nlicense: [\n---\n")
    asked = [
        (tmp_path / "absent", "tester/model", {}),
        (folder, "not a name", {}),
        (folder, "somebody-else/model", {}),
        (card, "tester/card", {}),
    ]
    said = push(hub.environment(tmp_path), *asked)
    expected = [
        "no such folder",
        "not a name the Hub allows",
        "refuses access",
        "Invalid metadata in README.md",
    ]
    assert all(words in message for words, message in zip(expected, said, strict=True)), said


def test_no_token_and_no_network_are_told_apart(hub: HubServer, tmp_path: Path):
    asked = (folder_of(tmp_path, config__json="{}"), "tester/model", {})
    assert "hf auth login" in push(hub.environment(tmp_path, token=None), asked)[0]
    nowhere = {**hub.environment(tmp_path), "HF_ENDPOINT": "http://127.0.0.1:9"}
    assert push(nowhere, asked)[0].startswith(
        "UnavailableError: push to 'tester/model': the Hub cannot be reached"
    )
    assert not hub.repos
