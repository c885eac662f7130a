"""Write some of Fashion-MNIST as PNG files, one folder for each split and class: what both contenders read."""

from __future__ import annotations

import argparse
from pathlib import Path

from datasets import load_from_disk

from toolkit.files import read_json
from toolkit.hub.samples import open_sample


def main() -> None:
    """Write ``pictures/{train,validation,test}/CLASS/N.png`` into FOLDER, as its ``setting.json`` says."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    counts = read_json(folder / "setting.json")["rows"]
    sample = load_from_disk(str(open_sample("fashion-mnist")))
    start = 0
    for split in ("train", "validation"):
        write(sample["train"].select(range(start, start + counts[split])), folder / "pictures" / split)
        start += counts[split]
    write(sample["test"].select(range(counts["test"])), folder / "pictures" / "test")


def write(rows: object, folder: Path) -> None:
    """One PNG file a row."""
    names = rows.features["label"].names
    for number, row in enumerate(rows):
        target = folder / names[row["label"]].replace("/", "-")
        target.mkdir(parents=True, exist_ok=True)
        row["image"].save(target / f"{number}.png")


if __name__ == "__main__":
    main()
