"""Sentence pairs from a game's dialogues, written in English and translated by its players."""

from __future__ import annotations

import re
from pathlib import Path

import datasets

from toolkit.hub.convert.saving import save_splits

LANGUAGES = ("bg", "cs", "de", "es", "fr", "it", "nl", "pl", "ru", "sv")
STRING = r'"((?:[^"\\]|\\.)*)"'
# An entry's English text, then its translation; an entry without one stays untranslated.
ENTRY = re.compile(rf"dialogId\({STRING},\s*{STRING},\s*{STRING}\)\s*dialogStr\({STRING}\)")


def convert(archives: Path, target: Path) -> None:
    """A split for each language, named after it: columns ``source`` (English), ``target``, ``scene``, ``id``."""
    folder = archives / "fillets-ng-data" / "usr" / "share" / "games" / "fillets-ng" / "script"
    save_splits({language: _pairs(folder, language) for language in LANGUAGES}, target)


def _pairs(folder: Path, language: str) -> datasets.Dataset:
    rows: dict[tuple[str, str], dict[str, str]] = {}
    for path in sorted(folder.rglob(f"dialogs_{language}.lua")):
        scene = path.parent.name
        for name, _, english, translated in ENTRY.findall(path.read_text(encoding="utf-8")):
            if english.strip() and translated.strip():
                pair = {"source": _plain(english), "target": _plain(translated)}
                rows[scene, name] = {**pair, "scene": scene, "id": name}
    return datasets.Dataset.from_list(list(rows.values()))


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda match: " " if match[1] == "n" else match[1], text).strip()
