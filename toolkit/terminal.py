"""What the command line prints: data on stdout, talk on stderr, nothing from other libraries."""

from __future__ import annotations

import json
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

_QUIET = {
    "DATASETS_VERBOSITY": "error",
    "DIFFUSERS_VERBOSITY": "error",
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_VERBOSITY": "error",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}


def quiet() -> None:
    """Silence progress bars, load reports and warnings of the libraries below; what the user set wins.

    To be called before any of them is imported: they read these variables once.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def say(text: str) -> None:
    """One line of talk."""
    print(text, file=sys.stderr, flush=True)


def print_json(data: Any) -> None:
    """One JSON value as the whole of stdout."""
    print(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False))


def print_yaml(text: str) -> None:
    """YAML as it is; in colour on a terminal."""
    console = Console(soft_wrap=True)
    if console.is_terminal:
        from rich.syntax import Syntax

        console.print(Syntax(text.rstrip("\n"), "yaml", background_color="default", word_wrap=True))
    else:
        print(text, end="")


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table fitted to the terminal; aligned columns, one line a row, anywhere else."""
    console = Console()
    wide = console if console.is_terminal else Console(width=10_000)
    table = Table(
        box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(columns), header_style="bold"
    )
    for number, column in enumerate(columns):
        table.add_column(column, no_wrap=not console.is_terminal or number == 0, overflow="fold")
    for row in rows:
        cells = row if console.is_terminal else [cell.replace("\n", " · ") for cell in row]
        table.add_row(*(Text(cell) for cell in cells))
    with wide.capture() as captured:
        wide.print(table)
    for line in captured.get().splitlines():
        print(line.rstrip())


def metric_rows(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Name, value and 95% interval of every measure in ``metrics``, which may be nested by split."""
    rows: list[tuple[str, str, str]] = []
    for name, value in metrics.items():
        if isinstance(value, Mapping) and "value" not in value:
            rows += [(f"{name} {inner}", figure, span) for inner, figure, span in metric_rows(value)]
        elif isinstance(value, Mapping):
            rows.append((name.replace("_", " "), _number(value["value"]), interval(value)))
        elif isinstance(value, int | float):
            rows.append((name.replace("_", " "), _number(value), ""))
    return rows


def interval(measure: Mapping[str, Any]) -> str:
    """``0.86 to 0.89``, or nothing when none was computed."""
    low, high = measure.get("low"), measure.get("high")
    return "" if low is None or high is None else f"{_number(low)} to {_number(high)}"


def duration(seconds: float) -> str:
    """``0:02:31``, or ``4.2 s`` when it is short."""
    return f"{seconds:.1f} s" if seconds < 60 else str(timedelta(seconds=round(seconds)))


def size(count: int) -> str:
    """A number of bytes: ``83.5 MB``."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def shortened(value: str) -> str:
    """The path of a file below this folder as it is written from here; any other text as it is."""
    path = Path(value)
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_absolute() and path.is_relative_to(here) else value


def prediction_rows(prediction: Mapping[str, Any], value: Any) -> list[tuple[str, str, str]]:
    """Label, score and input; where sentences were compared, each of them with its similarity."""
    if "similarities" in prediction:
        source = one_line(value["source_sentence"])
        scores = sorted(prediction["scores"].items(), key=lambda item: -item[1])
        return [(one_line(sentence), f"{near:.3f}", source) for sentence, near in scores]
    score = f"{prediction['score']:.3f}" if "score" in prediction else ""
    given = " | ".join(map(str, value.values())) if isinstance(value, Mapping) else str(value)
    return [(str(prediction["label"]), score, one_line(prediction.get("marked") or given))]


def first_sentence(text: str) -> str:
    """``text`` up to its first full stop, without it."""
    return text.split(". ", maxsplit=1)[0].rstrip(".")


def one_line(text: str, width: int = 80) -> str:
    """``text`` without line breaks, cut to ``width`` characters."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.4f}"
