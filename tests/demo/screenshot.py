"""Take the README's picture of the demo: ``python -m tests.demo.screenshot RUN docs/images/demo.png``."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import Page

from tests.demo.serving import chromium, serving

REVIEW = (
    "A slow start, but the two leads are wonderful together, and the ending is one of the most moving I have "
    "seen in years."
)
WIDTH, SCALE = 1000, 1.2
"""Of the page and of its pixels: a picture 1200 pixels wide whose text is large enough for the README."""
EXAMPLES = 4


def predict(page: Page, text: str) -> None:
    """Type a text, press the button and wait for label and reasons."""
    page.locator("#input textarea").fill(text)
    page.get_by_role("button", name="Predict", exact=True).click()
    page.locator("#reasons .token").first.wait_for()


def photograph(page: Page, target: Path) -> None:
    """Save the page from its title to its first few examples, with nothing hovered or focused."""
    page.evaluate("document.activeElement.blur()")
    page.mouse.move(2, 2)
    page.wait_for_timeout(1500)  # bars grow and buttons fade for a moment
    last = page.locator("#examples tbody tr").nth(EXAMPLES - 1).bounding_box()
    assert last is not None
    target.parent.mkdir(parents=True, exist_ok=True)
    size = page.viewport_size
    assert size is not None
    area = {"x": 0, "y": 0, "width": size["width"], "height": last["y"] + last["height"]}
    page.screenshot(path=target, clip=area, full_page=True)


def main(run: str, target: str) -> None:
    """Serve ``run``, predict one review, and save the picture as ``target``."""
    with (
        serving(["-m", "toolkit", "demo", Path(run).resolve(), "--port", "0"], Path.cwd()) as server,
        chromium() as browser,
    ):
        size = {"width": WIDTH, "height": 900}
        page = browser.new_page(viewport=size, device_scale_factor=SCALE, color_scheme="light")
        page.set_default_timeout(60_000)
        page.goto(server.url)
        predict(page, REVIEW)
        photograph(page, Path(target))


if __name__ == "__main__":
    main(*sys.argv[1:])
