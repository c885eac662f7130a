"""Typed text to words, as the training data has its words: learnt from which marks stand alone there."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_KNOWN = 5000
"""Words kept whole by name; more would make a file of the model folder grow with the data."""
LEAST = 2
"""Times a word must occur to be kept whole: one of a kind may be a slip, or somebody's address."""
_CLITIC = re.compile(r"(n['\u2019]t|['\u2019][a-z]{1,2})$", re.IGNORECASE)


@dataclass(frozen=True)
class WordSplitter:
    """Cuts a text at spaces, and marks off the ends of what lies between.

    A piece that training saw as a word (``Mr.``, ``U.S.``) stays whole. Otherwise punctuation at its ends is cut off,
    mark by mark, unless training has that mark grown to its words more often than alone. Nothing is cut inside a piece.
    """

    known: frozenset[str] = frozenset()
    """Words that begin or end with a mark that is otherwise cut off."""
    apart: tuple[str, ...] = ()
    """What stands alone in training beyond single marks, longest first: ``''``, ``...``, ``n't``, ``'s``."""
    grown: frozenset[str] = frozenset()
    """Marks that stay at their words."""
    cuts: bool = True
    """Whether marks that training never saw are cut off."""

    @classmethod
    def learn(cls, sentences: Iterable[Sequence[str]]) -> WordSplitter:
        """What the words of training sentences show."""
        counts = Counter(word for words in sentences for word in words)
        alone, grown = _census(counts)
        cuts = alone.total() >= grown.total()
        apart = [mark for mark in alone if len(mark) > 1 and alone[mark] > grown[mark]]
        stays = frozenset(mark for mark in {*alone, *grown} if len(mark) == 1 and grown[mark] > alone[mark])
        made = cls(apart=tuple(sorted(apart, key=lambda mark: (-len(mark), mark))), grown=stays, cuts=cuts)
        whole = [word for word, count in counts.most_common() if count >= LEAST and len(made.split(word)) > 1]
        return cls(frozenset(whole[:MOST_KNOWN]), made.apart, made.grown, made.cuts)

    def split(self, text: str) -> list[tuple[int, int]]:
        """Where the words of a text begin and end, in characters."""
        return [span for match in re.finditer(r"\S+", text) for span in self._parts(match[0], match.start())]

    def _parts(self, piece: str, offset: int) -> Iterator[tuple[int, int]]:
        start, end = 0, len(piece)
        behind: list[tuple[int, int]] = []
        while size := self._front(piece[start:end]):
            yield offset + start, offset + start + size
            start += size
        while size := self._back(piece[start:end]):
            behind.append((offset + end - size, offset + end))
            end -= size
        yield offset + start, offset + end
        yield from reversed(behind)

    def _front(self, piece: str) -> int:
        """Characters of the mark that the piece begins with and loses; 0 for none."""
        if piece in self.known or piece in self.apart or len(set(piece)) == 1:
            return 0
        for mark in self.apart:
            if piece.startswith(mark) and len(mark) < len(piece) and not _CLITIC.match(mark):
                return len(mark)
        return int(len(piece) > 1 and self._is_cut(piece[0]))

    def _back(self, piece: str) -> int:
        """Characters of the mark that the piece ends with and loses; 0 for none."""
        if piece in self.known or piece in self.apart:
            return 0
        for mark in self.apart:
            if piece.lower().endswith(mark.lower()) and len(mark) < len(piece):
                return len(mark)
        run = len(piece) - len(piece.rstrip(piece[-1])) if piece[-1] in ".-" else 1  # an ellipsis, a dash
        return run if len(piece) > run and self._is_cut(piece[-1]) else 0

    def _is_cut(self, mark: str) -> bool:
        return self.cuts and is_mark(mark) and mark not in self.grown

    def to_dict(self) -> dict[str, Any]:
        """The splitter as JSON data."""
        return {
            "known": sorted(self.known),
            "apart": list(self.apart),
            "grown": sorted(self.grown),
            "cuts": self.cuts,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> WordSplitter:
        """Read what :meth:`to_dict` wrote."""
        return cls(frozenset(data["known"]), tuple(data["apart"]), frozenset(data["grown"]), data["cuts"])


def is_mark(character: str) -> bool:
    """Whether a character is punctuation or a symbol."""
    return unicodedata.category(character)[0] in "PS"


def _census(counts: Counter[str]) -> tuple[Counter[str], Counter[str]]:
    """How often each mark stands alone, and how often it is grown to a word."""
    alone: Counter[str] = Counter()
    grown: Counter[str] = Counter()
    for word, count in counts.items():
        clitic = _CLITIC.search(word)
        if all(map(is_mark, word)) or (clitic and clitic.start() == 0):
            alone[word.lower()] += count
            continue
        if clitic:
            grown[clitic[0].lower()] += count
        for end in (word[0], word[-1]):
            grown[end] += count if is_mark(end) else 0
    return alone, +grown
