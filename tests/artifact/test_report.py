from __future__ import annotations

import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pytest

from toolkit.artifact.report import (
    ReportSection,
    calibration_section,
    confusion_section,
    curves_section,
    data_section,
    errors_section,
    headline_section,
    ledger_section,
    per_class_section,
    regression_section,
    reproduce_section,
    write_report,
)
from toolkit.artifact.report.chart import Axis, Chart, Series, short, smooth, thin, ticks
from toolkit.errors import Finding
from toolkit.metrics.calibration import reliability
from toolkit.metrics.classification import confusion, per_class, score

SINGLE = "single_label_classification"
EVIL = '<script>alert("x")</script><img src=http://example.com/x onerror=alert(1)>'


def outcome(rows=200, classes=2):
    generator = np.random.default_rng(0)
    labels = generator.integers(0, classes, rows)
    logits = generator.normal(size=(rows, classes))
    logits[np.arange(rows), labels] += 1
    return logits, labels


def history(steps=60):
    lines = []
    for step in range(1, steps + 1):
        line = {"step": step, "loss": 1 / step, "learning_rate": 1e-4, "gradient_norm": 2.0}
        lines.append(line | {"samples_per_second": 90.0, "peak_share": 0.7})
        if step % 20 == 0:
            lines.append({"step": step, "validation": {"accuracy": 0.5 + step / 200, "loss": 0.6}})
    return lines


def sections(name="label <b>", text=EVIL):
    logits, labels = outcome()
    names = (name, "other")
    measured = score(SINGLE, logits, labels, temperature=1.5) | {"rows": 200}
    metrics = {"train": measured, "test": measured, "performance": {}, "temperature": 1.5}
    error = {"row": 12, "input": text, "truth": name, "prediction": "other", "score": 0.97, "loss": 3.5}
    data = {
        "source": f"{EVIL}.csv",
        "columns": {"text": EVIL},
        "rows": {"train": 800, "test": 200},
        "class_balance": {"train": {name: 500, "other": 300}, "test": {name: 120, "other": 80}},
        "leaks": {
            "exact": 1,
            "near": 2,
            "of": "text",
            "alike": "Jaccard similarity of 0.8 or more",
            "compared": {"train": {"compared": 500, "rows": 800}},
            "examples": [
                {
                    "split": "test",
                    "row": 5,
                    "other_split": "train",
                    "other_row": 9,
                    "similarity": 1.0,
                    "text": EVIL,
                }
            ],
        },
    }
    ledger = {"train": {"samples": 800, "samples_cut": 8, "tokens": 9000, "tokens_cut": 90, "limit": 64}}
    manifest = {"versions": {"torch": "2.9"}, "hardware": {"cpu": "A processor", "cores": 2, "processes": 2}}
    bins = [reliability(SINGLE, logits, labels, t) for t in (1.0, 1.5)]
    return [
        headline_section(metrics, data["class_balance"]),
        curves_section(history(), best_step=40, peak_flops=8e10),
        confusion_section(confusion(logits, labels), names),
        per_class_section(per_class(SINGLE, logits, labels, names)),
        calibration_section(*bins, 1.5, measured),
        errors_section([error], wrong=60, rows=200),
        ledger_section(ledger),
        data_section(data, [Finding("warning", "rows.csv", f"odd {EVIL}", "look")], SINGLE),
        regression_section(logits[:, 0], labels.astype(float)),
        reproduce_section("task: x\n# </pre><script>1</script>", manifest),
    ]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    return write_report(path, title=f"run {EVIL}", summary=f"It went well {EVIL}.", sections=sections())


class Tags(HTMLParser):
    """Collects every tag, attribute and the nesting of a page."""

    VOID = frozenset({"meta", "br", "img", "link", "hr", "input"})

    def __init__(self):
        super().__init__()
        self.seen, self.attributes, self.open, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def tags(page):
    parser = Tags()
    parser.feed(page.read_text(encoding="utf-8"))
    assert parser.open == [], "every element is closed"
    return parser


def test_text_from_the_data_is_shown_and_never_becomes_markup(tags):
    assert not {"script", "img", "link", "iframe", "b>"} & set(tags.seen)
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert "".join(tags.text).count(EVIL) >= 6


def test_page_asks_for_nothing_outside_itself(page, tags):
    addresses = [value for name, value in tags.attributes if name in {"src", "href", "data", "action"}]
    assert addresses
    assert all(address.startswith("#") for address in addresses)
    style = re.search(r"<style>.*</style>", page.read_text(), re.DOTALL)[0]
    assert "url(" not in style
    assert "@import" not in style


def test_links_of_the_contents_lead_to_the_sections(tags):
    ids = {value for name, value in tags.attributes if name == "id"}
    links = {value[1:] for name, value in tags.attributes if name == "href"}
    assert links == ids
    assert len(ids) == 10


def test_page_explains_its_figures(tags):
    text = " ".join("".join(tags.text).split())
    assert "Measured on the 200 rows of the test split, which training never saw." in text
    assert "Always answering “label <b>” would reach 60.0%." in text
    assert "60 of 200 predictions are wrong." in text
    assert "Texts are cut at 64 tokens" in text
    assert "1 held-out texts repeat" in text
    assert "toolkit train recipe.yaml --processes 2" in text


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_page_fits_its_window_in_a_browser(page, width):
    playwright = pytest.importorskip("playwright.sync_api")
    requests, messages = [], []
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme="dark")
        tab.on("request", lambda request: requests.append(request.url))
        tab.on("console", lambda message: messages.append(message.text))
        tab.goto(page.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(20, 23, 28)"
        browser.close()
    assert requests == [page.as_uri()]
    assert messages == []


def test_confusion_of_many_classes_shows_the_most_confused_and_the_rest_as_one():
    matrix = np.diag(np.full(30, 50))
    matrix[3, 7], matrix[28, 29] = 20, 9
    html = confusion_section(matrix, [f"class {index}" for index in range(30)]).html
    assert html.count('<tr><th scope="row">') == 20 + 2, "the matrix, and the list of confusions"
    assert "all others" in html
    assert re.search(r"class 3</th><td>class 7</td><td class=\"number\">20</td>", html)


def test_confusion_with_a_class_that_has_no_rows():
    html = confusion_section(np.array([[3, 1], [0, 0]]), ["a", "b"]).html
    assert "nan" not in html


@pytest.mark.parametrize("lines", [[], history(1), [{"step": 1, "loss": None, "gradient_norm": None}]])
def test_curves_of_a_run_that_hardly_ran(lines):
    section = curves_section(lines, best_step=0)
    assert isinstance(section, ReportSection)
    assert "nan" not in section.html


def test_a_single_logged_step_is_a_dot():
    html = curves_section(history(1)).html
    assert html.count('class="dots"') == html.count("<figure>")


def test_curves_of_several_objectives_are_told_apart():
    lines = [{"step": s, "loss_generator": 1.0, "loss_discriminator": 2.0} for s in (1, 2)]
    html = curves_section(lines).html
    assert "training generator" in html
    assert "training discriminator" in html


def test_long_text_is_cut_between_words_with_the_rest_unfolding():
    text = "word " * 400
    error = {"row": 1, "input": text, "truth": "a", "prediction": "b", "score": 0.9, "loss": 1.0}
    shown, rest = re.findall(
        r"<blockquote>(.*?)</blockquote>", errors_section([error], wrong=1, rows=2).html, re.DOTALL
    )
    assert shown.endswith("word ")
    assert shown + rest == text


def test_no_errors_and_no_leak_check_say_so():
    assert "No prediction on these rows is wrong" in errors_section([], wrong=0, rows=9).html
    assert "Not made." in data_section({"rows": {"train": 3}}).html


def test_regression_data_shows_ranges_in_place_of_counts():
    balance = {"train": {"mean": 0.25, "min": -4.0, "max": 4.0}}
    html = data_section({"rows": {"train": 3}, "class_balance": balance}, (), "regression").html
    assert "mean label" in html
    assert "Labels in" not in html


@pytest.mark.parametrize("rows", [1, 2000])
def test_regression_of_one_row_and_of_more_rows_than_are_drawn(rows):
    html = regression_section(np.ones((rows, 1)), np.ones(rows)).html
    assert ("of 2,000 rows are drawn" in html) == (rows == 2000)
    assert "nan" not in html


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 759, [0, 200, 400, 600]), (-4, 4, [-4, -2, 0, 2, 4])],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (0.1 + 0.2, "0.3"), (5e-5, "5e-5"), (12000, "12k"), (2.5e6, "2.5M"), (-3, "-3")],
)
def test_tick_labels_are_short(value, text):
    assert short(value) == text


def test_thinning_and_smoothing_keep_the_level():
    points = [(float(step), 2.0) for step in range(1000)]
    thinned = thin(points, 300)
    assert len(thinned) <= 300
    assert {y for _, y in smooth(thinned, 20)} == {2.0}


def test_chart_leaves_out_what_is_not_a_number():
    series = Series("", [(0.0, 1.0), (1.0, float("nan")), (2.0, 3.0)])
    assert "nan" not in Chart("c", Axis("x"), Axis("y"), [series]).svg()
