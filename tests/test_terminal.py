from __future__ import annotations

import os

import pytest

from toolkit import terminal


def test_metrics_become_rows_with_their_split_and_interval():
    metrics = {
        "test": {"macro_f1": {"value": 0.81234, "low": 0.8, "high": 0.9}, "rows": 400},
        "temperature": 1.25,
        "r2": {"value": None, "low": None, "high": None},
        "note": "no number",
    }
    assert terminal.metric_rows(metrics) == [
        ("test macro f1", "0.8123", "0.8000 to 0.9000"),
        ("test rows", "400", ""),
        ("temperature", "1.2500", ""),
        ("r2", "-", ""),
    ]


def test_tables_in_a_pipe_keep_one_line_a_row(capsys: pytest.CaptureFixture[str]):
    terminal.print_table(("name", "about"), [("a", "[bold]long[/] " * 60), ("b", "two\nlines")])
    _, first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("[bold]long[/]")
    assert second.endswith("two · lines")


@pytest.mark.parametrize(("seconds", "text"), [(4.23, "4.2 s"), (59.9, "59.9 s"), (151, "0:02:31")])
def test_durations(seconds: float, text: str):
    assert terminal.duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(83_500_000, "83.5 MB"), (2_500_000_000, "2.5 GB")])
def test_sizes(count: int, text: str):
    assert terminal.size(count) == text


def test_quiet_leaves_what_the_user_set(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TRANSFORMERS_VERBOSITY", "info")
    monkeypatch.delenv("HF_HUB_VERBOSITY", raising=False)
    terminal.quiet()
    assert os.environ["TRANSFORMERS_VERBOSITY"] == "info"
    assert os.environ["HF_HUB_VERBOSITY"] == "error"


@pytest.mark.parametrize(
    ("text", "sentence"), [("One. Two.", "One"), ("Reads 0.5 in one.", "Reads 0.5 in one"), ("", "")]
)
def test_first_sentences(text: str, sentence: str):
    assert terminal.first_sentence(text) == sentence
