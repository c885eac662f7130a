from __future__ import annotations

import base64
import io
import re
import shutil

import numpy as np
import pytest

from tests.artifact.test_report import EVIL, Tags
from toolkit.artifact.report import (
    Video,
    episodes_section,
    headline_section,
    pace_section,
    returns_section,
    videos_section,
    write_report,
)
from toolkit.artifact.report.chart import Axis, Chart, Series
from toolkit.metrics.returns import score_episodes

STEPS = range(0, 50_001, 2_500)


def run(seed, episodes=10, final=475.0):
    """A made-up run that learns a little faster or slower than others."""
    generator = np.random.default_rng(seed)
    middle = generator.uniform(12_000, 25_000)
    means = [22 + (final - 22) / (1 + np.exp(-(step - middle) / 3_500)) for step in STEPS]
    return [(step, generator.normal(m, 0.15 * m, episodes)) for step, m in zip(STEPS, means, strict=True)]


def film(seconds=1, width=64, height=48):
    """A square that crosses the picture, as MP4."""
    av = pytest.importorskip("av")
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in range(30 * seconds):
            pixels = np.full((height, width, 3), 235, np.uint8)
            left = (width - 16) * frame // (30 * seconds)
            pixels[height // 3 : 2 * height // 3, left : left + 16] = (37, 99, 201)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels)))
        container.mux(stream.encode())
    return buffer.getvalue()


def parsed(html):
    tags = Tags()
    tags.feed(str(html))
    assert tags.open == [], "every element is closed"
    return tags


def text_of(html):
    return " ".join(" ".join(parsed(html).text).split())


def cells(html):
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", str(html))]


def sub(text):
    return f'<span class="sub">{text}</span>'


def paths(html, style):
    return re.findall(rf'<path class="{style}"[^>]* d="([^"]*)"', str(html))


def test_band_is_closed_and_goes_through_its_points():
    points = [(0, 1), (10, 2), (10, 4), (0, 3)]
    svg = Chart("c", Axis("x", 0, 10), Axis("y", 0, 4), [Series("band", points, "band")]).svg()
    assert paths(svg, "band") == ["M60 152.5L384 105L384 10L60 57.5Z"]


def test_curve_of_several_seeds_has_each_of_them_their_middle_and_its_interval():
    section = returns_section({seed: run(seed) for seed in range(5)}, threshold=450, random_return=22.0)
    assert len(paths(section.html, "faint")) == 5
    assert len(paths(section.html, "line")) == len(paths(section.html, "band")) == 1
    assert len(paths(section.html, "dashed")) == 2
    assert paths(section.html, "line")[0].count("L") == len(STEPS) - 1
    legend = re.search(r'<p class="legend">(.*?)</p>', section.html)[1]
    names = re.findall(r">([^<]+)</span>", legend)
    assert names == ["random actions", "asked for", "95% interval", "one seed", "IQM"]
    assert "one of 5 seeds" in section.explanation
    assert "plain mean" not in section.explanation
    assert "rough" not in section.explanation


def test_the_band_holds_the_middle_line():
    html = returns_section({seed: run(seed) for seed in range(5)}).html
    line = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", paths(html, "line")[0])]
    band = [float(y) for y in re.findall(r"[\d.]+ ([\d.]+)", paths(html, "band")[0])]
    low, high = band[: len(line)], band[: len(line) - 1 : -1]
    assert all(h <= y <= b for h, y, b in zip(high, line, low, strict=True)), (
        "upwards is smaller in a picture"
    )


def test_few_seeds_are_called_few():
    text = returns_section({seed: run(seed) for seed in range(3)}).explanation
    assert "plain mean" in text
    assert "With fewer than five seeds it is rough" in text


def test_curve_of_one_seed_has_no_interval_and_marks_the_policy_that_was_kept():
    section = returns_section(
        {0: [(0, [10, 20]), (100, [300.0, 340.0]), (200, 200.0)]}, threshold=300, best_step=100
    )
    assert not paths(section.html, "band")
    assert not paths(section.html, "faint")
    assert "kept: 320.0" in section.html
    assert "Only one seed was trained, so there is no interval" in section.explanation
    assert "Best 320.0 at step 100, last 200.0. 300.0 was first reached at step 100." in section.html


def test_table_of_the_seeds_says_when_each_reached_what_was_asked_for():
    html = returns_section(
        {3: [(0, 1.0), (50, 9.0)], 7: [(0, 2.0), (50, 1.0)]}, threshold=5, best_step=50
    ).html
    assert cells(html) == [
        ["seed", "best return", "last return", "reached 5.00 at"],
        ["3", f"9.00{sub('at 50')}", f"9.00{sub('at 50')}", "50"],
        ["7", f"2.00{sub('at 0')}", f"1.00{sub('at 50')}", "never"],
    ]
    assert "kept" not in html, "the best step of one seed says nothing of the others"


@pytest.mark.parametrize("runs", [[], [[]], [[(10, [])]]])
def test_a_run_that_was_never_evaluated_says_so(runs):
    section = returns_section(dict(enumerate(runs)), threshold=3.0)
    assert "never evaluated" in section.explanation
    assert section.html == ""


def test_seeds_evaluated_at_other_steps_have_no_middle():
    html = returns_section(dict(enumerate([[(0, 1.0), (2, 2.0)], [(1, 1.0), (3, 2.0)]]))).html
    assert "No step was evaluated in all seeds" in html
    assert len(paths(html, "faint")) == 2


def test_a_single_evaluation_of_several_seeds_is_drawn():
    html = returns_section(dict(enumerate([[(10, 1.0)], [(10, 3.0)]]))).html
    assert "nan" not in html
    assert len(paths(html, "band")) == 1


def test_long_curves_stay_small():
    runs = [[(step, float(step % 7)) for step in range(600)] for _ in range(2)]
    html = returns_section(dict(enumerate(runs))).html
    assert len(html) < 40_000
    assert paths(html, "band")[0].count(" ") == 600


def test_episodes_are_counted_and_set_against_random_ones():
    returns, lengths = np.array([10.0, 12, 14, 14, 1]), np.array([30, 20, 25, 21, 3])
    section = episodes_section(returns, lengths, [0.0, 2.0, 4.0, 2.0])
    assert section.explanation == (
        "5 episodes were played by the trained policy of one seed, and 4 with actions picked at random. "
        "4 of the 5 went better than the random ones did on average (2.00)."
    )
    assert "All 5 went better" in episodes_section(returns, lengths, [0.0]).explanation
    assert "policies of 3 seeds" in episodes_section(returns, lengths, seeds=3).explanation
    tips = re.findall(r"<title>(.*?)</title>", section.html)
    assert "random actions: 2 episodes from 2 to 3" in tips
    assert "trained policy: 2 episodes from 14 to 15" in tips
    assert "Trained policy: median 12.00, from 1.00 to 14.00." in section.html
    assert "Returns and lengths" in section.html, "shorter episodes are not simply worse ones"


def test_bars_count_every_episode_once():
    returns = np.random.default_rng(0).normal(200, 50, 1_000)
    tips = re.findall(r"trained policy: ([\d,]+) episode", episodes_section(returns, returns, [3.0]).html)
    assert sum(int(tip.replace(",", "")) for tip in tips) == 1_000


@pytest.mark.parametrize("spread", [7, 21, 50, 60, 500])
def test_bars_of_whole_numbers_each_hold_as_many_of_them(spread):
    values = np.arange(spread * 24)
    html = episodes_section(values, np.ones_like(values)).html
    counts = [int(c.replace(",", "")) for c in re.findall(r"<title>trained policy: ([\d,]+)", html)]
    assert len(set(counts[:-1])) == 1


def test_lengths_that_say_the_return_are_drawn_alone():
    lengths = np.array([100, 200, 500, 500])
    html = episodes_section(lengths.astype(float), lengths).html
    assert "The return follows from the length alone." in html
    assert "Returns and lengths" not in html


def test_episodes_of_one_length_need_no_chart_of_it():
    html = episodes_section([-150.0, -130.0], [200, 200], [-1200.0]).html
    assert html.count("<figure>") == 1
    assert "Every episode lasted 200 steps." in html


@pytest.mark.parametrize("returns", [[5.0], [500.0] * 9])
def test_episodes_that_are_all_alike(returns):
    html = episodes_section(returns, range(1, len(returns) + 1)).html
    assert "nan" not in html


def test_no_episodes_say_so_and_odd_ones_are_counted():
    assert "No episode can be shown." in episodes_section([], [], [1.0]).explanation
    section = episodes_section([1.0, 2.0, float("nan")], [3, 4, 5])
    assert "Left out: 1 whose return is not a finite number." in section.html
    assert section.explanation.startswith("2 episodes")


def test_wide_videos_have_room_for_their_controls():
    html = videos_section([Video("road", "", b"", 600, 150), Video("lander", "", b"", 600, 400)]).html
    assert re.findall(r"<figure(.*?)>", html) == [' class="wide"', ""]


def test_a_threshold_that_was_never_reached_is_said():
    html = returns_section(dict(enumerate([[(0, 1.0), (5, 2.0)]])), threshold=3).html
    assert "Best 2.00 at step 5, last 2.00. 3.00 was never reached." in html


def test_videos_are_inside_the_page_and_their_titles_are_text():
    mp4 = film()
    html = videos_section([Video(EVIL, f"Return {EVIL}", mp4, 64, 48), Video("Worst", "", mp4, 64, 48)]).html
    tags = parsed(html)
    assert tags.seen.count("video") == 2
    assert "script" not in tags.seen
    assert not [name for name, _ in tags.attributes if name.startswith("on")]
    assert "".join(tags.text).count(EVIL) == 2
    sources = [value for name, value in tags.attributes if name == "src"]
    assert [base64.b64decode(source.removeprefix("data:video/mp4;base64,")) for source in sources] == [
        mp4
    ] * 2
    assert {"controls", "muted", "loop"} <= {name for name, _ in tags.attributes}
    assert ("width", "64") in tags.attributes
    assert html.count("<figcaption>") == 1


def test_no_video_says_why():
    assert videos_section([], reason="PyAV is missing.").explanation == "PyAV is missing."
    assert videos_section([]).explanation == "No video was made."


def test_pace_shows_where_the_time_went():
    section = pace_section(
        [(1000, 900.0), (2000, 1100.0), (3000, 1000.0)], {"environment": 30, "learning": 90.0}
    )
    assert cells(section.html)[1:] == [
        ["environment", "30.0 s", "25.0%"],
        ["learning", "90.0 s", "75.0%"],
        ["total", "120.0 s", "100.0%"],
    ]
    assert "Median 1,000 / s." in section.html


def test_pace_of_a_run_that_hardly_ran():
    section = pace_section([], {})
    assert "was not measured" in section.explanation
    assert "<figure>" not in section.html
    assert cells(pace_section([], {"environment": 0.0}).html)[1] == ["environment", "0.0 s", "n/a"]


def test_a_figure_that_only_describes_is_not_called_better():
    measures = score_episodes([1.0, 2.0], [3, 4])
    html = headline_section({"test": measures}).html
    assert "whether long ones are good.</p>" in html
    assert text_of(html).count("Higher is better.") == 4


def sections():
    """All sections of an agent's report, as of five seeds of CartPole."""
    generator = np.random.default_rng(0)
    lengths = np.minimum(500, generator.normal(470, 60, 100)).round()
    parts = {
        "environment": 41.2,
        "choosing actions": 12.9,
        "learning": 63.0,
        "evaluation": 22.4,
        "other": 3.1,
    }
    pace = [(float(step), 1400 + 80 * generator.normal()) for step in range(0, 50_000, 500)]
    movie = film(2, 304, 200)
    return [
        headline_section({"test": score_episodes(lengths, lengths, lengths >= 475) | {"rows": 100}}),
        returns_section({seed: run(seed) for seed in range(5)}, threshold=475, random_return=22.3),
        episodes_section(lengths, lengths, generator.exponential(14, 100).round() + 8, seeds=5),
        videos_section(
            [Video("Best <b>", "Return 500", movie, 304, 200), Video(EVIL, EVIL, movie, 304, 200)]
        ),
        pace_section(pace, parts),
    ]


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
@pytest.mark.parametrize("width", [390, 1200])
def test_page_fits_its_window_and_plays_its_videos(tmp_path, width):
    playwright = pytest.importorskip("playwright.sync_api")
    path = write_report(tmp_path / "report.html", title="CartPole", summary="It stands.", sections=sections())
    messages = []
    with playwright.sync_playwright() as driver:
        arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=arguments)
        tab = browser.new_page(viewport={"width": width, "height": 800})
        tab.on("console", lambda message: messages.append(message.text))
        tab.goto(path.as_uri())
        assert tab.evaluate("document.documentElement.scrollWidth") == width
        tab.wait_for_function("document.querySelector('video').readyState >= 1")
        assert tab.evaluate("document.querySelector('video').videoWidth") == 304
        assert tab.evaluate("document.querySelector('video').error") is None
        browser.close()
    assert messages == []
