from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.hub_server import HubServer, hub_server

ROOT = Path(__file__).parents[2]
LOAD = """
import json, os, sys
os.environ["TOOLKIT_CACHE"] = sys.argv[2]
from toolkit.data.load import load_rows
from toolkit.data.roles import Role
from toolkit.errors import InputError
from toolkit.recipe.schema import DataSection
roles = (Role("text", "text", ("text",)), Role("label", "label", ("label",)))
for section in json.loads(sys.argv[1]):
    try:
        rows = load_rows(DataSection(**section), roles)
        found = {"rows": rows.manifest["rows"], "names": rows.labels.names, "notes": [str(f) for f in rows.findings]}
        found["revision"] = rows.manifest["revision"]
        print(json.dumps({**found, "train": rows.splits["train"]["row"][:]}))
    except InputError as error:
        print(json.dumps({"error": type(error).__name__, "message": str(error)}))
"""


def table(count: int) -> bytes:
    lines = (f"text number {row} of {row * row},{'ab'[row % 2]}\n" for row in range(count))
    return ("text,label\n" + "".join(lines)).encode()


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with hub_server() as server:
        server.add("dataset", "tester/FilmRows", {"train.csv": table(100), "test.csv": table(10)})
        server.add(
            "dataset", "tester/scripted", {"scripted.py": b"import datasets\n", "README.md": b"# rows\n"}
        )
        card = "---\nconfigs:\n- config_name: one\n  data_files: one.csv\n"
        card += "- config_name: two\n  data_files: two.csv\n---\n"
        server.add(
            "dataset",
            "tester/several",
            {"README.md": card.encode(), "one.csv": table(20), "two.csv": table(30)},
        )
        yield server


def load(
    hub: HubServer, cache: Path, *sections: dict[str, Any], offline: bool = False
) -> list[dict[str, Any]]:
    """Load each section in one new process that has this Hub and these caches."""
    command = [sys.executable, "-c", LOAD, json.dumps(sections), str(cache / "toolkit")]
    environment = hub.environment(cache, offline=offline)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_dataset_of_the_hub_loads_and_is_kept_for_later(hub: HubServer, tmp_path: Path):
    section = {"source": "tester/FilmRows"}
    sliced = {**section, "splits": {"train": "train[:50%]", "test": "test"}, "validation": 0}
    whole, half = load(hub, tmp_path, section, sliced)
    assert whole["rows"] == {"train": 90, "validation": 10, "test": 10}
    assert whole["names"] == ["a", "b"]
    assert half["rows"] == {"train": 50, "test": 10}
    assert half["train"] == list(range(1, 51))
    offline = load(hub, tmp_path, section, {**section, "revision": "f" * 40}, offline=True)
    assert offline[0]["rows"] == whole["rows"]
    assert re.fullmatch("[0-9a-f]{40}", whole["revision"])
    assert offline[0]["revision"] == whole["revision"]
    pinned = {**section, "revision": whole["revision"]}
    assert load(hub, tmp_path, pinned, offline=True)[0] == whole
    assert offline[1]["error"] == "UnavailableError"
    assert "sample:movie-reviews" in offline[1]["message"]


def test_a_stream_pulls_only_the_rows_asked_for(hub: HubServer, tmp_path: Path):
    section = {"source": "tester/FilmRows", "streaming": True}
    asked = [{**section, "limit": 40}, section, {**section, "limit": 5, "splits": {"train": "train[:50%]"}}]
    asked.append({**section, "limit": 5, "splits": {"train": "trian"}})
    pulled, unlimited, sliced, misspelt = load(hub, tmp_path, *asked)
    assert re.fullmatch("[0-9a-f]{40}", pulled["revision"])
    assert pulled["rows"] == {"train": 36, "validation": 4, "test": 10}
    assert max(pulled["train"]) <= 40
    assert any("the first 40 rows of each split" in note for note in pulled["notes"])
    assert "set data.limit to the number of rows" in unlimited["message"]
    assert "a stream has no slices" in sliced["message"]
    assert "no split 'trian'" in misspelt["message"]
    assert "did you mean 'train'?" in misspelt["message"]
    assert load(hub, tmp_path, asked[0], offline=True)[0]["rows"] == pulled["rows"]


def test_what_the_hub_cannot_give_is_said(hub: HubServer, tmp_path: Path):
    missing, scripted, unnamed, wrong, revision, named = load(
        hub,
        tmp_path,
        {"source": "tester/nothing"},
        {"source": "tester/scripted"},
        {"source": "tester/several"},
        {"source": "tester/several", "config": "three"},
        {"source": "tester/FilmRows", "revision": "v9"},
        {"source": "tester/several", "config": "two"},
    )
    assert (missing["error"], scripted["error"]) == ("DataError", "DataError")
    assert "tester/nothing" in missing["message"]
    assert "needs the script scripted.py to run, which is refused" in scripted["message"]
    for told in (unnamed, wrong):
        assert "'one', 'two'" in told["message"]
        assert "set data.config to one of these" in told["message"]
    assert "name a branch, a tag or a commit that exists" in revision["message"]
    assert sum(named["rows"].values()) == 30


@pytest.mark.parametrize("offline", [True, False])
def test_no_hub_and_no_copy_names_a_sample(tmp_path: Path, offline: bool):
    with hub_server() as gone:
        pass
    plain, streamed = load(
        gone,
        tmp_path,
        {"source": "tester/FilmRows"},
        {"source": "tester/FilmRows", "streaming": True, "limit": 5},
        offline=offline,
    )
    for told in (plain, streamed):
        assert told["error"] == "UnavailableError", told
        assert "data.source=sample:movie-reviews" in told["message"]
