"""The demo of a chat model in a real Chromium, used as a visitor would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import toolkit
from tests.demo.serving import Server, fits, serving, visiting
from tests.tasks.writers import conversation, small_writer
from toolkit.artifact import Artifact


@pytest.fixture(scope="module")
def chatting(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A real run: a small writer that has learnt one long answer."""
    folder = tmp_path_factory.mktemp("chat")
    model = small_writer(folder / "model")
    rows = [{"messages": conversation(f"number {n}", "one two three four five six seven")} for n in range(40)]
    (folder / "chats.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    changes = (
        f"model.name={model}",
        "train.epochs=12",
        "train.batch_size=8",
        "train.learning_rate=2e-2",
        "train.lora=null",
        "options.max_new_tokens=48",
    )
    return toolkit.train("text-generation", *changes, data=folder / "chats.jsonl", out=folder / "run")


@pytest.fixture(scope="module")
def served_chat(chatting: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    arguments = ["-m", "toolkit", "demo", chatting.folder, "--port", "0"]
    with serving(arguments, cwd=tmp_path_factory.mktemp("demo")) as server:
        yield server


@pytest.fixture
def page(browser: Browser, served_chat: Server) -> Iterator[Page]:
    with visiting(browser, served_chat, "#message textarea") as page:
        yield page


def ask(page: Page, question: str) -> None:
    box = page.locator("#message textarea")
    box.fill(question)
    box.press("Enter")


def test_a_conversation_goes_on(page: Page, chatting: Artifact, tmp_path: Path) -> None:
    answers = page.locator("#chat .bot .message-content, #chat [data-testid='bot']")
    ask(page, "number 77")
    expect(answers.last).to_contain_text(chatting.predict("number 77")["text"])

    ask(page, "number 78")
    expect(page.locator("#chat [data-testid='user']")).to_have_count(2)
    history = conversation("number 77", chatting.predict("number 77")["text"], "number 78")
    expect(answers.last).to_contain_text(chatting.predict([history])[0]["text"])

    photo = tmp_path / "chat.png"
    page.screenshot(path=photo, full_page=True)
    assert photo.stat().st_size > 20_000


def test_an_example_is_a_click_away(page: Page, chatting: Artifact) -> None:
    question = chatting.examples[0]["prompt"]
    page.get_by_text(question, exact=True).first.click()

    expect(page.locator("#chat [data-testid='user']").last).to_contain_text(question)


def test_the_settings_are_there_and_count(page: Page) -> None:
    page.get_by_text("Settings").click()
    expect(page.locator("#system textarea")).to_be_visible()
    longest = page.locator("#longest input[type=number]")
    longest.fill("16")
    longest.press("Tab")
    ask(page, "number 5")

    answer = page.locator("#chat [data-testid='bot']").last
    expect(answer).to_contain_text("one")
    page.wait_for_timeout(500)
    assert len(answer.inner_text()) < 40


def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_timeout(300)
    assert fits(page)


def test_the_endpoint_answers_at_once(chatting: Artifact) -> None:
    demo = chatting.demo()
    endpoint = next(function for function in demo.fns.values() if function.api_name == "predict")

    assert endpoint.fn("number 77") == chatting.predict("number 77")
