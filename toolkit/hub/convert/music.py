"""Music to learn from and sounds to hear it with: files as they are."""

from __future__ import annotations

import shutil
from pathlib import Path


def convert_chorales(archives: Path, target: Path) -> None:
    """Folders ``chorales`` (MusicXML) and ``tunes`` (ABC), and the corpus's ``license.txt``."""
    corpus = archives / "music21" / "music21" / "corpus"
    shutil.copyfile(corpus / "license.txt", target / "license.txt")
    _copy(sorted(corpus.glob("bach/bwv*.mxl")), corpus / "bach", target / "chorales")
    _copy(sorted(corpus.rglob("*.abc")), corpus, target / "tunes")


def convert_soundfont(archives: Path, target: Path) -> None:
    """``TimGM6mb.sf2`` and its ``copyright``."""
    folder = archives / "timgm6mb-soundfont" / "usr" / "share"
    shutil.copyfile(folder / "sounds" / "sf2" / "TimGM6mb.sf2", target / "TimGM6mb.sf2")
    shutil.copyfile(folder / "doc" / "timgm6mb-soundfont" / "copyright", target / "copyright")


def _copy(paths: list[Path], source: Path, target: Path) -> None:
    for path in paths:
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
