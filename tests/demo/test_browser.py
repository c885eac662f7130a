"""The demo in a real Chromium, used as a visitor would."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.demo.screenshot import REVIEW, photograph, predict
from tests.demo.serving import WAIT, Server, fits, visiting
from toolkit.artifact import Artifact


@pytest.fixture
def page(browser: Browser, served: Server) -> Iterator[Page]:
    with visiting(browser, served) as page:
        yield page


def highlighted(page: Page) -> str:
    return "".join(page.locator("#reasons .token .text").all_text_contents())


def upload(page: Page, path: Path) -> None:
    page.get_by_role("tab", name="A whole file").click()
    page.locator("#file input[type=file]").set_input_files(path)
    page.locator("#file").get_by_text(path.stem).wait_for()


def test_a_text_gets_its_label_bars_and_reasons(page: Page, trained: Artifact, tmp_path: Path) -> None:
    prediction = trained.predict(REVIEW)

    predict(page, REVIEW)

    shown = page.locator("#prediction")
    expect(shown.get_by_test_id("label-output-value")).to_have_text(prediction["label"])
    for label, score in prediction["scores"].items():
        expect(shown).to_contain_text(label)
        expect(shown).to_contain_text(f"{round(100 * score)}%")
    reasons = page.locator("#reasons")
    expect(reasons.get_by_test_id("highlighted-text:category-legend")).to_contain_text("strongly for it")
    assert highlighted(page) == REVIEW
    assert reasons.locator(".token.highlighted").count() > 0
    picture = tmp_path / "demo.png"
    photograph(page, picture)
    assert picture.stat().st_size > 20_000


def test_the_page_says_what_the_model_is_and_how_good(page: Page, trained: Artifact) -> None:
    accuracy = trained.metrics["test"]["accuracy"]

    heading = page.locator("#heading")

    expect(heading).to_contain_text("minilm fine-tuned on movie-reviews for text classification")
    expect(heading).to_contain_text(f"{100 * accuracy['value']:.1f}%")
    expect(heading).to_contain_text(
        f"95% interval {100 * accuracy['low']:.1f}% to {100 * accuracy['high']:.1f}%"
    )


def test_an_example_is_predicted_and_its_true_label_shown(page: Page, trained: Artifact) -> None:
    example = trained.examples[0]

    page.locator("#examples tbody tr").first.click()

    expect(page.locator("#input textarea")).to_have_value(example["text"])
    expect(page.locator("#truth")).to_contain_text(f"True label of this example: {example['label']}")
    expect(page.get_by_test_id("label-output-value")).to_have_text(trained.predict(example["text"])["label"])


def test_an_empty_text_is_an_error_and_leaves_nothing_of_the_prediction_before(page: Page) -> None:
    predict(page, REVIEW)

    page.locator("#input textarea").fill("   ")
    page.locator("#predict").click()

    expect(page.get_by_test_id("toast-body")).to_contain_text("The text is empty")
    expect(page.locator("#reasons")).to_be_hidden()
    expect(page.get_by_test_id("label-output-value")).to_have_count(0)


def test_markup_in_a_text_stays_text(page: Page) -> None:
    text = "<img src=x onerror=\"document.title='hacked'\"> a fine film"

    predict(page, text)

    assert highlighted(page) == text
    assert page.title() != "hacked"
    assert page.locator("#reasons img").count() == 0


def test_a_file_comes_back_with_predictions(page: Page, trained: Artifact, tmp_path: Path) -> None:
    texts = [REVIEW, 'He said "dull", and left, early.', "Dull; a waste of two hours.\nReally."]
    source = tmp_path / "films.csv"
    with source.open("w", newline="") as file:
        csv.writer(file).writerows([["id", "text"], *([number, text] for number, text in enumerate(texts))])

    upload(page, source)
    expect(page.locator("#column input")).to_have_value("text")
    page.locator("#predict-file").click()

    expect(page.locator("#said")).to_contain_text("Predicted 3 rows from column text of films.csv")
    expect(page.locator("#table")).to_contain_text("predicted_label")
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "films-predictions.csv"
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["text"] for row in rows] == texts
    assert [row["id"] for row in rows] == ["0", "1", "2"]
    expected = trained.predict(texts)
    assert [row["predicted_label"] for row in rows] == [prediction["label"] for prediction in expected]
    for row, prediction in zip(rows, expected, strict=True):
        assert float(row["predicted_score"]) == pytest.approx(prediction["score"], abs=1e-3)


def test_a_file_without_a_likely_column_asks_for_one(page: Page, tmp_path: Path) -> None:
    source = tmp_path / "films.csv"
    source.write_text("<b>opinion</b>,stars\nA fine film.,5\nDull.,1\n")

    upload(page, source)
    page.locator("#predict-file").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text(
        "films.csv: there is no column 'text'; choose the one to use: <b>opinion</b>, stars", ignore_case=True
    )

    page.locator("#column input").fill("<b>opinion</b>")
    page.locator("#column input").press("Enter")
    page.locator("#predict-file").click()
    expect(page.locator("#said")).to_contain_text("Predicted 2 rows from column <b>opinion</b>")


def test_a_bad_file_is_an_error_and_leaves_nothing_of_the_one_before(page: Page, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("text\nA fine film.\n")
    bad.write_text("text,stars\nA fine film.,5\n,4\nDull.\n")
    upload(page, good)
    page.locator("#predict-file").click()
    page.locator("#download").wait_for()

    page.locator("#file").get_by_label("Clear").click()
    expect(page.locator("#download")).to_be_hidden()
    upload(page, bad)

    expect(page.get_by_test_id("toast-body").first).to_contain_text("bad.csv:4")
    expect(page.locator("#table")).to_be_hidden()


def test_nothing_is_cut_off_on_a_phone(browser: Browser, served: Server, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(WAIT)
    page.goto(served.url)
    page.locator("#predict").wait_for()
    predict(page, REVIEW)
    assert fits(page)
    source = tmp_path / "films.csv"
    source.write_text(
        "identifier,text,stars,country\n1,A fine film that takes its time and is better for it.,5,France\n"
    )
    upload(page, source)
    page.locator("#predict-file").click()
    page.locator("#table").wait_for()
    assert fits(page)
    page.close()
