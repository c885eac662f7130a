"""The same text or picture on two sides of a split: exactly, and nearly the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, cast
from zlib import crc32

import numpy as np
from datasets import Dataset
from datasketch import MinHash, MinHashLSH

from toolkit.data.arrays import members
from toolkit.data.pixels import PixelStore
from toolkit.data.roles import ROW
from toolkit.data.scan import content_keys, joined_text
from toolkit.data.store import arrow_batches
from toolkit.errors import Finding

JACCARD = 0.8
CORRELATION = 0.998
"""Of two thumbnails: the same photograph in another size or quality reaches it, two photographs of one thing do not."""
SHINGLE = 5
PERMUTATIONS = 64
MOST_HELD_OUT, MOST_TRAIN = 4_000, 20_000
"""Rows compared for near-duplicates; more are sampled, and the report says so. Exact ones are sought in all."""
MOST_CANDIDATES = 50
"""Candidates of a held-out row that are checked: rows that are all alike cannot make the check take for ever."""
SHOWN = 10


@dataclass(frozen=True)
class Leak:
    """A row of a held-out split and the row it repeats in an earlier one."""

    split: str
    row: int
    other_split: str
    other_row: int
    similarity: float
    text: str


@dataclass(frozen=True)
class LeakReport:
    """Held-out rows that repeat a row of an earlier split; ``compared`` says how many of how many were compared."""

    exact: int = 0
    near: int = 0
    examples: list[Leak] = field(default_factory=list[Leak])
    compared: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])
    of: str = "text"
    """What was compared: ``text`` or ``picture``."""
    alike: str = f"Jaccard similarity of {JACCARD} or more"
    """What near means."""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return asdict(self)

    def findings(self) -> list[Finding]:
        """Warnings for what was found, and a note when only a sample was compared."""
        found: list[Finding] = []
        first = ""
        if self.examples:
            example = self.examples[0]
            first = f", for example row {example.row}" + (f": {example.text[:60]!r}" if example.text else "")
        if self.exact:
            message = f"{self.exact:,} held-out rows repeat a {self.of} of another split exactly{first}"
            found.append(Finding("warning", "data", message, "scores may be too good; remove the duplicates"))
        if self.near:
            first = "" if self.exact else first
            message = (
                f"{self.near:,} held-out rows are nearly the same as a {self.of} of another split{first}"
            )
            found.append(
                Finding(
                    "warning",
                    "data",
                    message,
                    "scores may be too good; data.group keeps related rows together",
                )
            )
        sampled = [
            f"{one['compared']:,} of {one['rows']:,} {name}"
            for name, one in self.compared.items()
            if one["compared"] < one["rows"]
        ]
        if sampled:
            found.append(
                Finding("note", "data", f"near-duplicates were sought in a sample: {', '.join(sampled)} rows")
            )
        return found


def find_leaks(
    splits: Mapping[str, Dataset],
    columns: Sequence[str],
    *,
    keys: Mapping[str, np.ndarray] | None = None,
    pixels: Mapping[str, PixelStore] | None = None,
    seed: int = 0,
) -> LeakReport:
    """Compare validation and test with train, and test with validation.

    Exact duplicates (of normalised texts, or of decoded pictures) are sought in all rows; near ones in at most 20,000
    training and 4,000 held-out rows of each split: texts of Jaccard similarity 0.8 or more over character 5-grams, by
    MinHash LSH (Broder 1997) with every candidate checked; pictures by their thumbnails.

    Args:
        splits: rows with the text ``columns`` and ``row``.
        columns: the text columns, several of which count as one text; or the column of positions in ``pixels``.
        keys: content keys of each split's rows where they are known already.
        pixels: the pictures of each split, where the rows are pictures.
        seed: draws the sample.
    """
    known = keys or {name: _keys(rows, columns) for name, rows in splits.items()}
    examples: list[Leak] = []
    exact: dict[str, np.ndarray] = {}
    for other, name in _pairs(splits):
        repeated = members(known[name], known[other])
        exact[name] = exact.get(name, np.zeros(len(repeated), bool)) | repeated
        examples += _exact_examples(splits, () if pixels else columns, known, (name, other), repeated)
    drawn = {name: _drawn(name, len(rows), seed) for name, rows in splits.items()}
    compared = {name: {"compared": len(drawn[name]), "rows": len(rows)} for name, rows in splits.items()}
    fresh = {name: rows[~exact[name][rows]] if name in exact else rows for name, rows in drawn.items()}
    near = _near_pictures(splits, columns[0], pixels, fresh) if pixels else _near(splits, columns, fresh)
    report = LeakReport(
        exact=int(sum(mask.sum() for mask in exact.values())),
        near=len({(leak.split, leak.row) for leak in near}),
        examples=[*examples, *near][:SHOWN],
        compared=compared,
    )
    alike = f"their thumbnails correlate by {CORRELATION} or more"
    return replace(report, of="picture", alike=alike) if pixels else report


def _pairs(splits: Mapping[str, Dataset]) -> Iterator[tuple[str, str]]:
    names = [name for name in ("train", "validation", "test") if name in splits]
    yield from ((names[a], names[b]) for b in range(len(names)) for a in range(b))


def _keys(rows: Dataset, columns: Sequence[str]) -> np.ndarray:
    batches = arrow_batches(rows, columns)
    return np.concatenate([np.empty(0, np.uint64), *(content_keys(batch, columns) for batch in batches)])


def _exact_examples(
    splits: Mapping[str, Dataset],
    columns: Sequence[str],
    keys: Mapping[str, np.ndarray],
    pair: tuple[str, str],
    repeated: np.ndarray,
) -> list[Leak]:
    name, other = pair
    found: list[Leak] = []
    for at in np.flatnonzero(repeated)[: SHOWN // 2]:
        row = splits[name][int(at)]
        twin = splits[other][int(np.flatnonzero(keys[other] == keys[name][at])[0])]
        found.append(
            Leak(name, row[ROW], other, twin[ROW], 1.0, joined_text([row[name] for name in columns])[:200])
        )
    return found


@dataclass(frozen=True)
class _Sketches:
    """The sampled rows of a split: their number, text and MinHash."""

    rows: list[int]
    texts: list[str]
    hashes: list[MinHash]


def _near(
    splits: Mapping[str, Dataset], columns: Sequence[str], drawn: Mapping[str, np.ndarray]
) -> list[Leak]:
    sketches = {name: _sketch(rows, columns, drawn[name]) for name, rows in splits.items()}
    return [leak for other, name in _pairs(splits) for leak in _matches(sketches, name, other)]


def _near_pictures(
    splits: Mapping[str, Dataset],
    column: str,
    pixels: Mapping[str, PixelStore],
    drawn: Mapping[str, np.ndarray],
) -> list[Leak]:
    """The nearest twin of each held-out picture, where their thumbnails hardly differ."""
    positions = {name: np.asarray(splits[name].select(drawn[name])[column][:], np.int64) for name in splits}
    thumbs = {name: _standardised(pixels[name].thumbs(places)) for name, places in positions.items()}
    found: list[Leak] = []
    for other, name in _pairs(splits):
        for at, twin, alike in _nearest(thumbs[name], thumbs[other]):
            row, its = splits[name][int(drawn[name][at])], splits[other][int(drawn[other][twin])]
            found.append(Leak(name, row[ROW], other, its[ROW], round(alike, 4), ""))
    return found


def _standardised(thumbs: np.ndarray) -> np.ndarray:
    """Thumbnails of mean 0 and length 1, so that a product of two is their correlation; plain ones become 0."""
    values = thumbs.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.divide(values, length, out=np.zeros_like(values), where=length > 1)


def _nearest(held_out: np.ndarray, base: np.ndarray) -> Iterator[tuple[int, int, float]]:
    """Positions of nearly equal thumbnails and their correlation."""
    if not len(base):
        return
    for start in range(0, len(held_out), 500):
        likeness = held_out[start : start + 500] @ base.T
        best = likeness.argmax(axis=1)
        value = likeness[np.arange(len(best)), best]
        for at in np.flatnonzero(value >= CORRELATION):
            yield start + int(at), int(best[at]), float(value[at])


def _drawn(name: str, rows: int, seed: int) -> np.ndarray:
    """Positions of the rows of a split that are compared, ascending; all, where there are not too many."""
    most = MOST_TRAIN if name == "train" else MOST_HELD_OUT
    if rows <= most:
        return np.arange(rows)
    return np.unique(np.random.default_rng(seed).integers(0, rows, most))


def _sketch(rows: Dataset, columns: Sequence[str], indices: np.ndarray) -> _Sketches:
    numbers: list[int] = []
    texts: list[str] = []
    for batch in arrow_batches(rows.select(indices), [*columns, ROW]):
        numbers += batch[ROW].to_pylist()
        texts += map(joined_text, zip(*(batch[name].to_pylist() for name in columns), strict=True))
    encoded = ([shingle.encode("utf-8", "replace") for shingle in shingles(text)] for text in texts)
    return _Sketches(numbers, texts, MinHash.bulk(encoded, num_perm=PERMUTATIONS, hashfunc=crc32))


def shingles(text: str) -> set[str]:
    """The character 5-grams of a text; the text itself when it is shorter."""
    return {text[at : at + SHINGLE] for at in range(max(1, len(text) - SHINGLE + 1))}


def _matches(sketches: Mapping[str, _Sketches], name: str, other: str) -> Iterator[Leak]:
    """The first twin of each held-out row; a row leaves the index once it has one, or has had enough candidates."""
    index: Any = MinHashLSH(threshold=JACCARD - 0.1, num_perm=PERMUTATIONS)
    held_out, base = sketches[name], sketches[other]
    tries = [0] * len(held_out.rows)
    for at, sketch in enumerate(held_out.hashes):
        index.insert(at, sketch)
    for at, sketch in enumerate(base.hashes):
        for found in cast(list[int], index.query(sketch)):
            similarity = _jaccard(held_out.texts[found], base.texts[at])
            tries[found] += 1
            if similarity >= JACCARD:
                text = held_out.texts[found][:200]
                yield Leak(name, held_out.rows[found], other, base.rows[at], round(similarity, 3), text)
            if similarity >= JACCARD or tries[found] == MOST_CANDIDATES:
                index.remove(found)


def _jaccard(one: str, other: str) -> float:
    left, right = shingles(one), shingles(other)
    return len(left & right) / len(left | right)
