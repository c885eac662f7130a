"""Serve a demo: to this machine alone, with no file but its own within reach."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gradio as gr

from toolkit.demo.style import CSS, THEME
from toolkit.demo.uploads import MAX_MEGABYTES
from toolkit.errors import InputError, UnavailableError

if TYPE_CHECKING:
    from toolkit.artifact import Artifact

HOST = "127.0.0.1"
PORTS_TRIED = 100

DEFAULTS: dict[str, Any] = {
    "theme": THEME,
    "css": CSS,
    "share": False,
    "show_error": False,
    "max_file_size": MAX_MEGABYTES * 2**20,
    "ssr_mode": False,
    "mcp_server": False,
    "pwa": False,
    "run_history": False,
    "enable_monitoring": False,
    "footer_links": ["api", "gradio"],
    "quiet": True,
}
"""``show_error`` is about unexpected errors, whose text may hold paths; a ``gr.Error`` is always shown."""


class Demo(gr.Blocks):
    """``gradio.Blocks`` whose ``launch`` is safe and good-looking unless told otherwise."""

    def launch(self, *args: Any, **options: Any) -> Any:
        """Launch as ``gradio.Blocks.launch`` does, with this module's ``DEFAULTS``; what is given wins."""
        return super().launch(*args, **{**DEFAULTS, **options})


def in_event_loop(make: Callable[[], Demo]) -> Demo:
    """Build a page while an event loop runs: outside of one, Gradio opens a loop per lock and never closes it."""

    async def made() -> Demo:
        return make()

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(made())
    return make()


def launch(artifact: Artifact, *, port: int = 7860, share: bool = False, block: bool = True) -> Demo:
    """Serve the artifact's demo on this machine and print its address on stderr.

    Args:
        artifact: what to demonstrate.
        port: where to listen; 0 takes any free port.
        share: also open a public link through Gradio's relay.
        block: return only when interrupted; otherwise the caller closes what is returned.

    Raises:
        InputError: the port is taken or not allowed; names the next free one.
        UnavailableError: the public link cannot be made.
    """
    from toolkit.demo.app import build

    port = require_port(port)
    demo = build(artifact)
    with contextlib.redirect_stdout(sys.stderr):
        demo.launch(
            server_name=HOST, server_port=port, share=share, prevent_thread_lock=True, inbrowser=False
        )
    if share and not demo.share_url:
        demo.close(verbose=False)
        raise UnavailableError(
            "the public link could not be made (its relay is out of reach); leave out --share"
        )
    _announce(demo)
    if block:
        _wait(demo)
    return demo


def require_port(port: int) -> int:
    """A port that can be listened on: the one asked for, or any free one for 0.

    Raises:
        InputError: taken, not allowed, or not a port; names the next free one.
    """
    if not 0 <= port <= 65535:
        raise InputError(f"port {port} does not exist; choose one from 1024 to 65535")
    try:
        return _bind(port)
    except OSError as error:
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise InputError(f"port {port} cannot be opened ({error.strerror})") from error
        problem = "is taken" if error.errno == errno.EADDRINUSE else "needs administrator rights"
        raise InputError(f"port {port} {problem}; use --port {_next_free(max(port, 1024))}") from error


def _bind(port: int) -> int:
    with socket.socket() as probe:
        # As servers do: a port whose last connection is still winding down counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return probe.getsockname()[1]


def _next_free(port: int) -> int:
    for candidate in range(port + 1, min(port + 1 + PORTS_TRIED, 65536)):
        with contextlib.suppress(OSError):
            return _bind(candidate)
    return _bind(0)


def _announce(demo: Demo) -> None:
    print(f"Demo: {demo.local_url}  (Ctrl-C ends it)", file=sys.stderr, flush=True)
    if demo.share_url:
        print(f"Public link: {demo.share_url}", file=sys.stderr, flush=True)


def _wait(demo: Demo) -> None:
    """Serve until interrupted; a polite kill ends as Ctrl-C does, so that uploads are deleted then too."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while demo.is_running:
            time.sleep(0.2)
    except KeyboardInterrupt:
        print("\nDemo closed.", file=sys.stderr)
    finally:
        demo.close(verbose=False)
