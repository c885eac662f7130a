"""Serve a run as a user does, in a process of its own, and look at it with a real browser."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = ["--no-sandbox", "--headless", "--disable-gpu", "--disable-background-networking"]
CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""A camera of Chromium's own that shows a moving disc, and a visitor who allows its use."""
START_SECONDS = 120
WAIT = 30_000
"""Milliseconds for something to appear on a page."""


@dataclass
class Server:
    """A running demo: its address, its process, and what it said on stderr."""

    process: subprocess.Popen[str]
    url: str = ""
    said: list[str] = field(default_factory=list)

    def interrupt(self) -> int:
        """Press Ctrl-C and wait for the end."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)


@contextmanager
def serving(arguments: Sequence[str | Path], cwd: Path) -> Iterator[Server]:
    """Run ``python ARGUMENT...`` and yield once it has told its address."""
    # A demo built in this process has set its own folder for uploads.
    environment = {name: value for name, value in os.environ.items() if name != "GRADIO_TEMP_DIR"}
    process = subprocess.Popen(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    server = Server(process)
    reader = threading.Thread(target=_read, args=(server,))
    reader.start()
    try:
        _wait_for_address(server)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=30)
        reader.join()


def _read(server: Server) -> None:
    assert server.process.stderr is not None
    with server.process.stderr as lines:
        for line in lines:
            server.said.append(line)
            found = re.search(r"http://127\.0\.0\.1:\d+", line)
            if found and not server.url:
                server.url = found.group()


def _wait_for_address(server: Server) -> None:
    end = time.monotonic() + START_SECONDS
    while not server.url:
        if time.monotonic() > end or server.process.poll() is not None:
            raise AssertionError("the demo did not start:\n" + "".join(server.said))
        time.sleep(0.1)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless Chromium of this machine."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=[*CHROMIUM, *CAMERA]
        )
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser, server: Server, ready: str = "#predict") -> Iterator[Page]:
    """A fresh visit, once ``ready`` is there; whatever happens, the browser asks nobody but the demo's own server."""
    page = browser.new_page(viewport={"width": 1200, "height": 900}, color_scheme="light")
    page.set_default_timeout(WAIT)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(server.url)
    page.locator(ready).wait_for()
    yield page
    page.close()
    outside = [url for url in asked if urlsplit(url).hostname not in {"127.0.0.1", None}]
    assert len(asked) > 5
    assert outside == []


def fits(page: Page) -> bool:
    """Whether nothing of the page is wider than the window."""
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
