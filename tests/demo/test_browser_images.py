"""The demo of a model for pictures in a real Chromium, used as a visitor would."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.demo.serving import WAIT, Server, fits, visiting
from toolkit.artifact import Artifact
from toolkit.demo.explain import COLORS

LABEL = "label-output-value"


@pytest.fixture
def page(browser: Browser, served_pictures: Server) -> Iterator[Page]:
    with visiting(browser, served_pictures) as page:
        yield page


@pytest.fixture
def digit(trained_on_pictures: Artifact) -> Path:
    return Path(trained_on_pictures.examples[0]["image"])


def choose(page: Page, path: Path) -> None:
    """Choose a file as a visitor does, by a click on the empty picture."""
    with page.expect_file_chooser() as chooser:
        page.get_by_label("Drop an image file here to upload").or_(
            page.locator("#input button", has_text="Drop a picture here")
        ).first.click()
    chooser.value.set_files(path)


def test_a_picture_gets_its_label_bars_and_heatmap(
    page: Page, trained_on_pictures: Artifact, tmp_path: Path
) -> None:
    path = tmp_path / "my three.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8), np.uint8)).save(path)
    prediction = trained_on_pictures.predict(path)

    choose(page, path)

    shown = page.locator("#prediction")
    expect(shown.get_by_test_id(LABEL)).to_have_text(prediction["label"])
    best = max(prediction["scores"].values())
    expect(shown).to_contain_text(f"{round(100 * best)}%")
    heatmap = page.locator("#heatmap")
    expect(heatmap.locator(".legend-item")).to_have_text(list(COLORS))
    expect(page.locator("#note")).to_contain_text("teal spoke for this prediction")
    expect(page.locator("#reasons")).to_be_hidden()
    expect(page.locator("#truth")).to_be_hidden()
    width = heatmap.locator("img.base-image").evaluate("picture => picture.naturalWidth")
    assert width >= 320
    photo = tmp_path / "demo.png"
    page.screenshot(path=photo, full_page=True)
    assert photo.stat().st_size > 20_000


def test_an_example_is_predicted_and_its_true_label_shown(page: Page, trained_on_pictures: Artifact) -> None:
    examples = page.locator("#examples tbody tr")
    expect(examples).to_have_count(len(trained_on_pictures.examples))

    for position in (1, 0):
        example = trained_on_pictures.examples[position]
        examples.nth(position).click()

        expect(page.locator("#truth")).to_contain_text(f"True label of this example: {example['label']}")
        label = trained_on_pictures.predict(example["image"])["label"]
        expect(page.get_by_test_id(LABEL)).to_have_text(label)
        expect(page.locator("#heatmap .legend-item")).to_have_count(len(COLORS))


def test_examples_are_pictures_that_can_be_seen(page: Page) -> None:
    thumbnails = page.locator("#examples tbody img")

    for thumbnail in thumbnails.all():
        assert thumbnail.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") >= 80


def test_the_same_picture_uploaded_is_known_as_the_example(page: Page, digit: Path) -> None:
    choose(page, digit)

    expect(page.locator("#truth")).to_contain_text("True label of this example")


def test_the_button_predicts_again_and_needs_a_picture(page: Page, digit: Path) -> None:
    page.locator("#predict").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Choose a picture first")

    choose(page, digit)
    expect(page.get_by_test_id(LABEL)).to_be_visible()
    page.locator("#input").get_by_label("Remove Image").click()
    page.locator("#predict").click()

    expect(page.get_by_test_id(LABEL)).to_have_count(0)
    expect(page.locator("#heatmap")).to_be_hidden()


def test_what_is_no_picture_is_an_error_and_leaves_nothing_of_the_one_before(
    page: Page, digit: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(digit.read_bytes()[:40])
    choose(page, digit)
    expect(page.locator("#heatmap")).to_be_visible()

    page.locator("#input").get_by_label("Remove Image").click()
    choose(page, broken)

    expect(page.get_by_test_id("toast-body")).to_contain_text("picture")
    expect(page.get_by_test_id("toast-body")).not_to_contain_text(str(tmp_path))
    expect(page.locator("#heatmap")).to_be_hidden()
    expect(page.get_by_test_id(LABEL)).to_have_count(0)


def test_a_scan_that_browsers_cannot_read_is_shown(page: Page, tmp_path: Path) -> None:
    scan = tmp_path / "scan.tif"
    Image.new("I;16", (40, 30), 40_000).save(scan)

    choose(page, scan)

    expect(page.get_by_test_id(LABEL)).to_be_visible()
    shown = page.locator("#input img")
    assert shown.evaluate("picture => picture.decode().then(() => picture.naturalWidth)") == 40


def test_a_picture_of_the_webcam_is_predicted(page: Page) -> None:
    page.locator("#input").get_by_label("Capture from camera").click()
    page.get_by_text("Click to Access Webcam").click()
    page.wait_for_function("document.querySelector('#input video').videoWidth > 0")
    page.get_by_label("capture photo").click()

    expect(page.get_by_test_id(LABEL)).to_be_visible()
    expect(page.locator("#heatmap")).to_be_visible()


LIE_ON_IT = """() => {
    const places = [...document.querySelectorAll("#heatmap img.base-image, #heatmap img.mask")].map(
        picture => JSON.stringify(picture.getBoundingClientRect())
    );
    return places.length === 5 && JSON.parse(places[0]).height > 300 && new Set(places).size === 1;
}"""


def test_the_colours_lie_on_the_picture_also_when_it_fills_the_screen(page: Page) -> None:
    page.locator("#examples tbody tr").first.click()
    page.wait_for_function(LIE_ON_IT)

    page.locator("#heatmap").get_by_label("Fullscreen").click()

    expect(page.locator("#heatmap .legend-item").last).to_be_in_viewport(ratio=1)
    page.wait_for_function(LIE_ON_IT)


def album(page: Page, paths: list[Path]) -> None:
    page.get_by_role("tab", name="Many at once").click()
    page.locator("#files input[type=file]").set_input_files(paths)
    page.locator("#files").get_by_text(paths[-1].stem).wait_for()
    page.locator("#predict-files").click()


def test_many_pictures_come_back_with_predictions(page: Page, trained_on_pictures: Artifact) -> None:
    paths = [Path(example["image"]) for example in trained_on_pictures.examples]

    album(page, paths)

    expect(page.locator("#said")).to_contain_text(f"Predicted {len(paths)} pictures")
    expect(page.locator("#table")).to_contain_text("predicted_label")
    with page.expect_download() as download:
        page.locator("#download").click()
    assert download.value.suggested_filename == "pictures-predictions.csv"
    with Path(download.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == [path.name for path in paths]
    for row, expected in zip(rows, trained_on_pictures.predict(paths), strict=True):
        assert row["predicted_label"] == expected["label"]
        assert float(row["predicted_score"]) == pytest.approx(expected["score"], abs=1e-3)
        probability = float(row[f"probability_{expected['label']}"])
        assert probability == pytest.approx(expected["score"], abs=1e-3)


def test_all_bad_pictures_are_named_at_once(page: Page, digit: Path, tmp_path: Path) -> None:
    bad = [tmp_path / name for name in ("first (1).png", "second.jpg")]
    for path in bad:
        path.write_text("no picture at all")

    album(page, [digit, *bad])

    toast = page.get_by_test_id("toast-body")
    expect(toast).to_contain_text("first (1).png: not a picture that is read")
    expect(toast).to_contain_text("second.jpg: not a picture that is read")
    expect(page.locator("#table")).to_be_hidden()


def test_nothing_is_cut_off_on_a_phone(browser: Browser, served_pictures: Server, digit: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(WAIT)
    page.goto(served_pictures.url)
    page.locator("#predict").wait_for()
    assert fits(page)
    choose(page, digit)
    page.locator("#heatmap .legend-item").first.wait_for()
    assert fits(page)
    album(page, [digit])
    page.locator("#table").wait_for()
    assert fits(page)
    page.close()
