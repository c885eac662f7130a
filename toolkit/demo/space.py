"""The demo of a Hugging Face Space: whatever models the Space was given, or how to give it one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import gradio as gr

from toolkit.artifact import layout
from toolkit.demo.app import build
from toolkit.demo.serve import Demo, in_event_loop
from toolkit.demo.summary import quoted
from toolkit.errors import ToolkitError

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

HELP = """
# No model yet

This page shows models trained with transfer-toolkit. Give it one in any of these ways, then restart it:

- set the variable `TOOLKIT_MODEL` to the Hub id of a model that `toolkit push` uploaded, such as `me/reviews`
  (for a private one, add a secret `HF_TOKEN` that may read it);
- set the variable `TOOLKIT_RUN` to the folder of a run;
- put a run below the folder `runs`, next to `app.py`; the newest one is shown.

Several ids or folders, with commas between them, get a tab each. On a Space, variables and secrets are under
*Settings*.
"""


def open_space() -> Demo:
    """The demo of what ``TOOLKIT_RUN`` names, else ``TOOLKIT_MODEL``, else of the newest run below ``runs``.

    What cannot be opened is named on the page, with what to do about it: a Space that only crashes shows its visitors
    nothing.
    """
    from toolkit.run import load

    artifacts: list[Artifact] = []
    problems: list[str] = []
    for source in find_sources():
        try:
            artifact = load(source)
            artifact.predict([])
            artifacts.append(artifact)
        except ToolkitError as error:
            problems.append(str(error))
    if not artifacts:
        return in_event_loop(lambda: _explain(problems))
    return build(*artifacts, problems=problems)


def find_sources() -> list[str]:
    """The run folders or Hub ids to show."""
    given = os.environ.get("TOOLKIT_RUN") or os.environ.get("TOOLKIT_MODEL")
    if given:
        return [source.strip() for source in given.split(",") if source.strip()]
    newest = layout.newest_run()
    return [str(newest)] if newest else []


def _explain(problems: Sequence[str]) -> Demo:
    with Demo(title="No model yet", analytics_enabled=False) as demo:
        gr.Markdown(HELP, elem_id="help")
        if problems:
            gr.Markdown(quoted("\n".join(problems)), elem_id="problem")
    return demo
