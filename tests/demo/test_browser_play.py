"""The demo of an agent in a real Chromium, used as a visitor would."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.demo.serving import WAIT, Server, fits, visiting
from toolkit.artifact import Artifact

COUNT = """() => {
    window.pictures = new Set();
    new MutationObserver(() => {
        const caption = document.querySelector("#stage figcaption");
        if (caption) window.pictures.add(caption.textContent);
    }).observe(document.querySelector("#stage"), {subtree: true, childList: true, characterData: true});
    window.begun = performance.now();
}"""


@pytest.fixture
def page(browser: Browser, served_agent: Server) -> Iterator[Page]:
    with visiting(browser, served_agent, "#watch") as page:
        yield page


def watch(page: Page, seed: int, **settings: int) -> None:
    """Choose a seed, and settings, and press the button."""
    page.locator("#input input").fill(str(seed))
    if settings:
        page.get_by_text("Settings of the environment").click()
        page.wait_for_timeout(300)  # its fields are put in place as it unfolds
    for name, value in settings.items():
        page.get_by_label(name).fill(str(value))
        page.get_by_label(name).press("Tab")
    page.locator("#watch").click()


def how_it_went(artifact: Artifact, seed: int) -> str:
    played = artifact.predict([seed])[0]
    return f"step {played['length']} · return {played['return']:.2f} · the episode is over"


def test_an_episode_goes_as_predicted(page: Page, trained_agent: Artifact, tmp_path: Path) -> None:
    expect(page.locator("#stage")).to_contain_text("Press Watch to see an episode.")
    expect(page.locator("#scores")).to_contain_text("Probability of each action")
    caption = page.locator("#stage figcaption")

    for seed in (1, 2, 1):
        watch(page, seed)
        expect(caption).to_have_text(how_it_went(trained_agent, seed))

    photo = tmp_path / "demo.png"
    page.screenshot(path=photo, full_page=True)
    assert photo.stat().st_size > 20_000


def test_pictures_flow_until_stop(page: Page) -> None:
    page.evaluate(COUNT)
    watch(page, 3, Length=400)
    page.wait_for_function("window.pictures.size >= 20")
    rate = page.evaluate("1000 * window.pictures.size / (performance.now() - window.begun)")
    expect(page.locator("#scores .bar.chosen")).to_have_count(1)

    page.locator("#stop").click()

    caption = page.locator("#stage figcaption")
    expect(caption).to_contain_text("stopped")
    shown = caption.text_content()
    page.wait_for_timeout(400)
    assert caption.text_content() == shown
    assert rate > 5  # 10 and more on a machine that does nothing else


def test_another_episode_ends_the_one_before(page: Page, trained_agent: Artifact) -> None:
    watch(page, 3, Length=400)
    expect(page.locator("#stage figcaption")).to_contain_text(re.compile(r"step \d\d"))

    page.get_by_label("Length").fill("10")
    page.get_by_label("Length").press("Tab")
    page.locator("#watch").click()

    expect(page.locator("#stage figcaption")).to_have_text(how_it_went(trained_agent, 3))


def test_an_example_is_watched(page: Page, trained_agent: Artifact) -> None:
    rows = page.locator("#examples tbody tr")
    expect(rows).to_have_count(len(trained_agent.examples))
    example = trained_agent.examples[1]
    expect(rows.nth(1)).to_contain_text(example["label"])

    rows.nth(1).click()

    expect(page.locator("#input input")).to_have_value(str(example["episode"]))
    expect(page.locator("#stage figcaption")).to_have_text(how_it_went(trained_agent, example["episode"]))


def test_settings_that_do_not_fit_are_told_and_the_next_episode_goes_on(
    page: Page, trained_agent: Artifact
) -> None:
    page.get_by_text("Settings of the environment").click()
    page.get_by_label("Sees more").check()
    page.locator("#watch").click()

    expect(page.get_by_test_id("toast-body")).to_contain_text(
        "With these settings its observations are 2 numbers; the agent knows one number"
    )
    expect(page.locator("#stage")).to_contain_text("change the settings back")

    page.get_by_label("Sees more").uncheck()
    watch(page, 1)
    expect(page.locator("#stage figcaption")).to_have_text(how_it_went(trained_agent, 1))


def test_an_environment_that_breaks_is_told(page: Page) -> None:
    watch(page, 1, **{"Breaks at": 2})

    expect(page.get_by_test_id("toast-body")).to_contain_text("Step raised RuntimeError: the floor broke")
    expect(page.locator("#stage")).to_contain_text("episode of seed 1, step 2")


def test_two_visitors_watch_at_once(
    browser: Browser, served_agent: Server, page: Page, trained_agent: Artifact
) -> None:
    watch(page, 3, Length=400)
    expect(page.locator("#stage figcaption")).to_contain_text("step")

    with visiting(browser, served_agent, "#watch") as other:
        watch(other, 2)
        expect(other.locator("#stage figcaption")).to_have_text(how_it_went(trained_agent, 2))

    assert "over" not in str(page.locator("#stage figcaption").text_content())


def test_nothing_is_cut_off_on_a_phone_and_the_dark_can_be_read(
    browser: Browser, served_agent: Server
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme="dark")
    page.set_default_timeout(WAIT)
    page.goto(served_agent.url)
    page.locator("#watch").wait_for()
    assert fits(page)
    watch(page, 1, Length=30)
    page.locator("#stage img").wait_for()
    assert fits(page)
    page.close()
