from __future__ import annotations

import gradio as gr

from toolkit.artifact import Artifact
from toolkit.demo import build


def test_an_artifact_opens_its_demo(trained: Artifact) -> None:
    demo = trained.demo()

    assert isinstance(demo, gr.Blocks)
    assert demo.analytics_enabled is False
    assert demo.title == build(trained).title


def test_launched_from_python_it_is_as_safe_as_from_the_command(trained: Artifact) -> None:
    demo = trained.demo()

    _, url, shared = demo.launch(prevent_thread_lock=True, server_port=None)
    try:
        assert url.startswith("http://127.0.0.1:")
        assert shared is None
        assert demo.allowed_paths == []
        assert demo.show_error is False
        assert demo.max_file_size == 20 * 2**20
        assert demo.ssr_mode is False
        assert demo.run_history is False
        assert demo.enable_monitoring is False
    finally:
        demo.close(verbose=False)


def test_everything_that_runs_the_model_waits_its_turn(trained: Artifact) -> None:
    demo = build(trained)

    groups = {function.name: function.concurrency_id for function in demo.fns.values()}
    limits = {
        function.concurrency_limit for function in demo.fns.values() if function.concurrency_id == "model"
    }
    assert groups["predict"] == groups["explain"] == "model"
    assert limits <= {1, "default"}
    assert (
        demo.default_concurrency_limit_or_one() if hasattr(demo, "default_concurrency_limit_or_one") else True
    )
    assert demo._queue.max_size == 64
