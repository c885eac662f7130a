"""Peak memory of loading and tokenizing a csv file, at some number of rows and at ten times as many.

    python benchmarks/memory.py            writes benchmarks/results/memory.json

Each size runs in a process of its own with an empty cache. Two peaks are kept, sampled every 10 ms from /proc (Linux):
``private``, the process's own memory (RssAnon), and ``resident``, which also counts the pages of memory-mapped Arrow
files that the kernel happens to keep and takes back when it needs them.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

RESULT = Path(__file__).parent / "results" / "memory.json"
SENTENCE = "a slow warm film of quiet people who never say what they mean until the last bright minute"
WORDS = SENTENCE.split()


def write_csv(path: Path, rows: int) -> None:
    """Short texts of 8 to 20 words, each with a number of its own, in two classes."""
    with path.open("w", encoding="utf-8") as file:
        file.write("text,label\n")
        for row in range(rows):
            words = [WORDS[(row * 7 + at * (1 + row % 13)) % len(WORDS)] for at in range(8 + row % 13)]
            file.write(f"{' '.join(words)} {row},{'good' if row % 2 else 'bad'}\n")


class Peak(threading.Thread):
    """Samples this process's memory until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.private = self.resident = 0
        self.running = True

    def run(self) -> None:
        """Keep the highest values seen."""
        while self.running:
            status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
            self.private = max(self.private, int(status["RssAnon"].split()[0]) * 1024)
            self.resident = max(self.resident, int(status["VmRSS"].split()[0]) * 1024)
            time.sleep(0.01)


def measure(source: Path) -> dict[str, float]:
    """Load and tokenize ``source`` in this process, and say what it took."""
    from transformers import BertTokenizerFast

    from toolkit.data.load import load_rows
    from toolkit.data.roles import Role
    from toolkit.data.text import tokenize_rows
    from toolkit.recipe.schema import DataSection

    vocabulary = {
        word: at
        for at, word in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(set(WORDS)), *"0123456789"])
    }
    vocabulary |= {f"##{digit}": len(vocabulary) + digit for digit in range(10)}
    tokenizer = BertTokenizerFast(vocab=vocabulary)
    roles = (Role("text", "text", ("text",)), Role("label", "label", ("label",)))
    peak = Peak()
    peak.start()
    before = peak_of_now()
    start = time.perf_counter()
    rows = load_rows(DataSection(source=str(source)), roles)
    for split in rows.splits.values():
        tokenize_rows(split, tokenizer, ["text"], 64)
    seconds = time.perf_counter() - start
    peak.running = False
    peak.join()
    return {
        "private_before": before,
        "private": peak.private,
        "resident": peak.resident,
        "seconds": round(seconds, 2),
    }


def peak_of_now() -> int:
    """Private memory of this process at this moment, in bytes."""
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["RssAnon"].split()[0]) * 1024


def run(rows: int, folder: Path) -> dict[str, float]:
    """Measure one size in a new process with an empty cache."""
    source = folder / f"{rows}.csv"
    write_csv(source, rows)
    environment = os.environ | {
        "TOOLKIT_CACHE": str(folder / f"cache-{rows}"),
        "TOKENIZERS_PARALLELISM": "false",
    }
    command = [sys.executable, __file__, "--measure", str(source)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {"rows": rows, "csv_bytes": source.stat().st_size, **json.loads(done.stdout.splitlines()[-1])}


def main() -> None:
    """Measure both sizes, print them and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure)))
        return
    with tempfile.TemporaryDirectory() as folder:
        runs = [run(rows, Path(folder)) for rows in (arguments.rows, 10 * arguments.rows)]
    growth = (runs[1]["private"] - runs[0]["private"]) / (runs[1]["rows"] - runs[0]["rows"])
    result = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        "runs": runs,
        "private_ratio": round(runs[1]["private"] / runs[0]["private"], 3),
        "private_bytes_per_further_row": round(growth, 1),
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
