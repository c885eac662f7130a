"""A run on the Hub and back: what `toolkit push` uploads is what `toolkit load` and the commands open."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.hub_server import HubServer, hub_server
from toolkit.artifact import Artifact


@pytest.mark.slow
def test_a_pushed_run_predicts_the_same_from_the_hub(trained: Artifact, cli, tmp_path: Path) -> None:
    text = trained.examples[0]["text"]
    with hub_server() as hub:
        environment = hub.environment(tmp_path)
        done = cli("push", trained.folder, "tester/films", "--json", env=environment)
        assert done.code == 0, done.stderr
        assert json.loads(done.stdout) == {"url": f"{hub.url}/tester/films", "private": True}
        check_uploaded(hub, trained)
        answered = cli("predict", "tester/films", text, "--json", env=environment)
    assert answered.code == 0, answered.stderr
    (prediction,) = json.loads(answered.stdout)
    assert prediction["label"] == trained.predict(text)["label"]
    assert prediction["score"] == pytest.approx(trained.predict(text)["score"], abs=1e-5)


def check_uploaded(hub: HubServer, trained: Artifact) -> None:
    """The model and its records are there; rows of the data and paths of this machine are not."""
    files = hub.repos["model", "tester/films"].files()
    assert {
        "README.md",
        "config.json",
        "model.safetensors",
        "toolkit/recipe.yaml",
        "toolkit/metrics.json",
    } <= set(files)
    records = b"".join(files[name] for name in files if name.startswith("toolkit/")).decode()
    assert trained.examples[0]["text"] not in records
    assert str(trained.folder.parent) not in records
