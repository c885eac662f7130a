"""Who can reach the demo, what they can read, and how it ends."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest

from tests.demo.serving import Server, serving
from toolkit.artifact import Artifact
from toolkit.demo.serve import require_port
from toolkit.demo.uploads import MAX_MEGABYTES
from toolkit.errors import InputError


def call(server: Server, name: str, *data: object) -> httpx.Response:
    """Call an API endpoint and return its stream of events."""
    started = httpx.post(f"{server.url}/gradio_api/call/{name}", json={"data": data})
    assert started.status_code == 200, started.text
    return httpx.get(f"{server.url}/gradio_api/call/{name}/{started.json()['event_id']}", timeout=60)


def test_only_this_machine_can_connect(served: Server) -> None:
    listening = [
        connection.laddr.ip
        for connection in psutil.Process(served.process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert listening == ["127.0.0.1"]
    assert "share" not in "".join(served.said).lower()


def test_no_file_of_the_machine_can_be_read(served: Server, trained: Artifact) -> None:
    folder = trained.folder
    secrets = [
        "/etc/hostname",
        "/etc/passwd",
        str(folder / "recipe.yaml"),
        str(folder / "model" / "config.json"),
        f"{folder}/model/../metrics.json",
        "../../../../../../etc/hostname",
        "recipe.yaml",
        str(Path(__file__)),
        "file:///etc/hostname",
    ]

    for secret in secrets:
        for path in (secret, quote(secret, safe="")):
            answer = httpx.get(f"{served.url}/gradio_api/file={path}")
            assert answer.status_code in {403, 404}, path
            assert len(answer.content) < 500


def test_a_call_cannot_name_a_file_that_was_not_uploaded(served: Server, trained: Artifact) -> None:
    file = {"path": str(trained.folder / "metrics.json"), "meta": {"_type": "gradio.FileData"}}

    answer = call(served, "predict_file", file, "text")

    assert "event: error" in answer.text
    assert "accuracy" not in answer.text
    assert str(trained.folder) not in answer.text


@pytest.mark.parametrize("marked", [True, False])
def test_a_call_cannot_name_a_picture_that_was_not_uploaded(
    served_pictures: Server, trained_on_pictures: Artifact, marked: bool
) -> None:
    example = trained_on_pictures.examples[0]["image"]
    file = {"path": example, "url": None, **({"meta": {"_type": "gradio.FileData"}} if marked else {})}

    for name, data in (("predict", file), ("predict_files", [file])):
        answer = call(served_pictures, name, data)

        assert "event: error" in answer.text
        assert str(trained_on_pictures.folder) not in answer.text


def test_the_examples_are_the_only_files_of_a_run_that_are_shown(
    served_pictures: Server, trained_on_pictures: Artifact
) -> None:
    for path in (*trained_on_pictures.folder.rglob("*.json"), *trained_on_pictures.folder.rglob("*.png")):
        answer = httpx.get(f"{served_pictures.url}/gradio_api/file={path}")

        assert answer.status_code in {403, 404}, path


def test_the_api_predicts_an_uploaded_picture(served_pictures: Server, trained_on_pictures: Artifact) -> None:
    example = Path(trained_on_pictures.examples[0]["image"])
    sent = {"files": (example.name, example.read_bytes())}
    uploaded = httpx.post(f"{served_pictures.url}/gradio_api/upload", files=sent).json()[0]
    file = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}

    answer = call(served_pictures, "predict", file)

    data = json.loads(answer.text.split("data: ", 1)[1])[0]
    assert data["label"] == trained_on_pictures.predict(example)["label"]
    information = httpx.get(f"{served_pictures.url}/gradio_api/info").json()
    assert sorted(information["named_endpoints"]) == ["/predict", "/predict_files"]


def test_uploads_are_limited(served: Server) -> None:
    allowed = MAX_MEGABYTES * 2**20

    refused = httpx.post(
        f"{served.url}/gradio_api/upload", files={"files": ("a.csv", b"x" * (allowed + 1))}, timeout=60
    )
    taken = httpx.post(f"{served.url}/gradio_api/upload", files={"files": ("a.csv", b"text\nA fine film.\n")})

    assert refused.status_code == 413
    assert taken.status_code == 200
    assert Path(taken.json()[0]).is_file()
    assert Path(taken.json()[0]).stat().st_uid == psutil.Process().uids().real
    private = next(
        parent for parent in Path(taken.json()[0]).parents if parent.name.startswith("toolkit-demo-")
    )
    assert private.stat().st_mode & 0o077 == 0


def test_the_api_predicts_as_the_artifact_does(served: Server, trained: Artifact) -> None:
    text = "A fine film."

    answer = call(served, "predict", text)

    data = json.loads(answer.text.split("data: ", 1)[1])[0]
    expected = trained.predict(text)
    assert data["label"] == expected["label"]
    assert {item["label"]: item["confidence"] for item in data["confidences"]} == pytest.approx(
        expected["scores"], abs=1e-4
    )


def test_only_named_endpoints_are_public(served: Server) -> None:
    information = httpx.get(f"{served.url}/gradio_api/info").json()

    assert sorted(information["named_endpoints"]) == ["/predict", "/predict_file"]
    assert information["unnamed_endpoints"] == {}


def test_a_taken_port_is_an_error_that_names_a_free_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(InputError, match=rf"port {port} is taken; use --port (\d+)") as caught:
            require_port(port)

    free = int(str(caught.value).rsplit(" ", 1)[1])
    assert require_port(free) == free


def test_a_port_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(InputError, match="port 70000 does not exist"):
        require_port(70000)


def test_ctrl_c_ends_it_cleanly_and_leaves_no_files(trained: Artifact, tmp_path: Path) -> None:
    with serving(["-m", "toolkit", "demo", trained.folder, "--port", "0"], cwd=tmp_path) as server:
        uploaded = httpx.post(
            f"{server.url}/gradio_api/upload", files={"files": ("a.csv", b"text\nA film.\n")}
        )
        kept = Path(uploaded.json()[0])
        assert kept.is_file()

        code = server.interrupt()

    assert code == 0
    assert "Traceback" not in "".join(server.said)
    assert not kept.exists()
    assert list(tmp_path.iterdir()) == []
