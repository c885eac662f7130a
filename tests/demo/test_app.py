from __future__ import annotations

import json
import os
import subprocess
import sys

import gradio as gr

from tests.demo.serving import ROOT
from toolkit.artifact import Artifact
from toolkit.demo import build

LAUNCH = """
import json
import gradio as gr
from toolkit.demo.serve import Demo

with Demo() as demo:
    gr.Markdown("Hello")
_, url, shared = demo.launch(prevent_thread_lock=True)
names = ["allowed_paths", "show_error", "max_file_size", "ssr_mode", "run_history", "enable_monitoring"]
print(json.dumps({"url": url, "shared": shared, **{name: getattr(demo, name) for name in names}}))
demo.close(verbose=False)
"""


def test_an_artifact_opens_its_demo(trained: Artifact) -> None:
    demo = trained.demo()

    assert isinstance(demo, gr.Blocks)
    assert demo.analytics_enabled is False
    assert demo.title == "Reviews"


def test_launched_from_python_it_is_as_safe_as_from_the_command() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    done = subprocess.run(
        [sys.executable, "-c", LAUNCH],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )

    launched = json.loads(done.stdout)
    assert launched.pop("url").startswith("http://127.0.0.1:")
    assert launched == {
        "shared": None,
        "allowed_paths": [],
        "show_error": False,
        "max_file_size": 20 * 2**20,
        "ssr_mode": False,
        "run_history": False,
        "enable_monitoring": False,
    }


def test_everything_that_runs_the_model_waits_its_turn(trained: Artifact) -> None:
    demo = build(trained)

    shared = [function for function in demo.fns.values() if function.concurrency_id == "model"]
    assert {function.name for function in shared} == {"predict", "explain"}
    assert {function.concurrency_limit for function in shared} <= {1, "default"}
    assert demo._queue.default_concurrency_limit == 1
    assert demo._queue.max_size == 64
