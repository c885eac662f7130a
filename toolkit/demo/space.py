"""The demo of a Hugging Face Space: whatever model the Space was given, or how to give it one."""

from __future__ import annotations

import os

import gradio as gr

from toolkit.artifact import layout
from toolkit.demo.app import build
from toolkit.demo.serve import Demo, in_event_loop
from toolkit.demo.summary import plain
from toolkit.errors import ToolkitError

HELP = """
# No model yet

This page shows a model trained with transfer-toolkit. Give it one in any of these ways, then restart it:

- set the variable `TOOLKIT_MODEL` to the Hub id of a model that `toolkit push` uploaded, such as `me/reviews`
  (for a private one, add a secret `HF_TOKEN` that may read it);
- set the variable `TOOLKIT_RUN` to the folder of a run;
- put a run below the folder `runs`, next to `app.py`; the newest one is shown.

On a Space, variables and secrets are under *Settings*.
"""


def open_space() -> Demo:
    """The demo of ``TOOLKIT_RUN``, else of ``TOOLKIT_MODEL``, else of the newest run below ``runs``.

    Where there is none, or it cannot be opened, the page says why and what to do: a Space that only crashes
    shows its visitors nothing.
    """
    from toolkit.run import load

    source = find_source()
    if source is None:
        return in_event_loop(lambda: _explain(""))
    try:
        return build(load(source))
    except ToolkitError as error:
        problem = str(error)
        return in_event_loop(lambda: _explain(problem))


def find_source() -> str | None:
    """The run folder or Hub id to show."""
    given = os.environ.get("TOOLKIT_RUN") or os.environ.get("TOOLKIT_MODEL")
    if given:
        return given
    newest = layout.newest_run()
    return str(newest) if newest else None


def _explain(problem: str) -> Demo:
    with Demo(title="No model yet", analytics_enabled=False) as demo:
        gr.Markdown(HELP, elem_id="help")
        if problem:
            gr.Markdown("\n".join(f"> {plain(line)}\n>" for line in problem.splitlines()), elem_id="problem")
    return demo
