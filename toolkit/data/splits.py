"""Who is in train, validation and test: named splits, slices, and rows held out by content rather than by position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from datasets import ReadInstruction

from toolkit.data.arrays import allocate, counting, pieces
from toolkit.data.problems import listed
from toolkit.data.table import Pick, Table
from toolkit.errors import DataError, Finding, did_you_mean
from toolkit.recipe.schema import DataSection

SPLITS = ("train", "validation", "test")
MOST_EXACT = 200_000
"""Rows up to which the shares are met to the row, overall and in each class; beyond, to about a tenth of a percent."""
SPLIT_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
"""What else a split is called, in a source or in the name of a file or folder; the same as in ``datasets``."""
_ALIASES = {word: split for split, words in SPLIT_WORDS.items() for word in words}


def named_splits(tables: Mapping[str, Table], data: DataSection) -> tuple[dict[str, Pick], list[Finding]]:
    """The rows of the splits that the source or the recipe names; ``train`` is always among them.

    Raises:
        DataError: an unknown split or a wrong slice, rows named twice, or no rows to train on.
    """
    if data.splits:
        picks = _chosen(tables, {**data.splits})
        _refuse_overlap(picks)
        notes: list[Finding] = []
    else:
        picks, notes = _by_name(tables)
    if "train" not in picks:
        fix = f"choose one: data.splits.train={next(iter(tables))}"
        message = f"no split to train on (there are {', '.join(tables)})"
        raise DataError(Finding("error", data.source, message, fix))
    return {split: _limited(pick, data) for split, pick in picks.items()}, notes


def _by_name(tables: Mapping[str, Table]) -> tuple[dict[str, Pick], list[Finding]]:
    if len(tables) == 1:
        return {"train": _pick(next(iter(tables.values())))}, []
    named = {_ALIASES.get(name, name): table for name, table in tables.items()}
    unused = [name for name in named if name not in SPLITS]
    notes = [Finding("note", "data.splits", f"not used: split {listed(unused)}")] if unused else []
    return {split: _pick(named[split]) for split in SPLITS if split in named}, notes


def _pick(table: Table) -> Pick:
    return Pick(table, counting(len(table.dataset)))


def _chosen(tables: Mapping[str, Table], splits: Mapping[str, str]) -> dict[str, Pick]:
    picks: dict[str, Pick] = {}
    wrong: list[Finding] = []
    for split, wish in splits.items():
        try:
            picks[split] = choose(tables, wish)
        except ValueError as error:
            fix = (
                did_you_mean(wish.split("[")[0], tables)
                if "Unknown split" in str(error)
                else "write train[:80%]"
            )
            wrong.append(Finding("error", f"data.splits.{split}", f"{wish!r}: {error}", fix))
    if wrong:
        raise DataError(wrong)
    return picks


def choose(tables: Mapping[str, Table], wish: str) -> Pick:
    """The rows that a split expression of ``datasets`` names: ``test``, ``train[10%:20%]``.

    Raises:
        ValueError: unknown split, or not such an expression.
    """
    sizes = {name: len(table.dataset) for name, table in tables.items()}
    instructions = ReadInstruction.from_spec(wish).to_absolute(sizes)
    if len({one.splitname for one in instructions}) != 1:
        raise ValueError("rows of one split only, please")
    table = tables[instructions[0].splitname]
    runs = [np.arange(one.from_, one.to) for one in instructions]
    return Pick(table, np.unique(np.concatenate(runs)).astype(np.int64))


def _refuse_overlap(picks: Mapping[str, Pick]) -> None:
    wrong: list[Finding] = []
    for at, (one, left) in enumerate(picks.items()):
        for other, right in list(picks.items())[at + 1 :]:
            shared = np.intersect1d(left.indices, right.indices) if left.table.key == right.table.key else []
            if len(shared):
                message = f"{len(shared):,} rows are in both {one} and {other}"
                wrong.append(Finding("error", "data.splits", message, "choose slices that do not overlap"))
    if wrong:
        raise DataError(wrong)


def _limited(pick: Pick, data: DataSection) -> Pick:
    """At most ``limit`` rows, drawn by the seed of the split."""
    if data.limit is None or len(pick) <= data.limit:
        return pick
    drawn = np.random.default_rng(data.split_seed).choice(len(pick), data.limit, replace=False, shuffle=False)
    return Pick(pick.table, pick.indices[np.sort(drawn)])


def hold_out(
    keys: np.ndarray, strata: np.ndarray | None, shares: Mapping[str, float], seed: int
) -> dict[str, np.ndarray]:
    """Assign rows to ``train`` and the splits of ``shares`` by a hash of their content.

    Rows with equal keys (the same text, or the same group) stay together, so neither the order of the rows nor their
    number decides where a row goes: a file sorted by label splits like a shuffled one, and more rows move few others.

    Args:
        keys: uint64 (n,), equal for rows that must stay together.
        strata: int64 (n,), class of each row, each of which gets its share; None for no strata.
        shares: part of all rows for each held-out split.
        seed: another seed, another split.

    Returns:
        Boolean masks (n,) by split, ``train`` included.
    """
    if len(keys) > MOST_EXACT:
        return _by_threshold(keys, shares, seed)
    unique, member, counts = np.unique(keys, return_inverse=True, return_counts=True)
    stratum = np.zeros(len(unique), np.int64)
    if strata is not None:
        stratum[:] = np.iinfo(np.int64).max
        np.minimum.at(stratum, member, strata)
    order = np.lexsort((mix(unique, seed), stratum))
    side = np.zeros(len(unique), np.int8)
    quotas = _quotas(np.unique(stratum, return_inverse=True)[1], counts, shares)
    bounds = np.flatnonzero(np.diff(stratum[order], prepend=-1, append=-1))
    for at, (start, end) in enumerate(pairwise(bounds)):
        _fill(side, order[start:end], counts, [quota[at] for quota in quotas])
    names = ["train", *shares]
    return {name: (side == at)[member] for at, name in enumerate(names)}


def _by_threshold(keys: np.ndarray, shares: Mapping[str, float], seed: int) -> dict[str, np.ndarray]:
    """Each row by its own hash alone, without sorting; of so many rows every class gets its share anyway."""
    edges = np.cumsum([0.0, *shares.values()])
    masks = {name: allocate(len(keys), np.bool_) for name in ("train", *shares)}
    for piece in pieces(len(keys)):
        part = mix(keys[piece], seed) / 2.0**64
        masks["train"][piece] = part >= edges[-1]
        for split, low, high in zip(shares, edges[:-1], edges[1:], strict=True):
            masks[split][piece] = (part >= low) & (part < high)
    return masks


def _quotas(stratum: np.ndarray, counts: np.ndarray, shares: Mapping[str, float]) -> list[np.ndarray]:
    """Rows each stratum gives to each held-out split; fractions carry over, so that the sums come out right."""
    sizes = np.bincount(stratum, counts).astype(np.int64)
    total = int(sizes.sum())
    quotas: list[np.ndarray] = []
    for share in shares.values():
        wanted = np.cumsum(sizes * max(share, min(1 / max(total, 1), 0.5))) if share else np.zeros(len(sizes))
        quotas.append(np.diff(np.floor(wanted + 0.5), prepend=0).astype(np.int64))
    return quotas


def _fill(side: np.ndarray, members: np.ndarray, counts: np.ndarray, quotas: Sequence[int]) -> None:
    """Give the first members to the held-out splits until their quotas are met; one at least stays in train."""
    at = 0
    for number, quota in enumerate(quotas, 1):
        taken = 0
        while taken < quota and at < len(members) - 1:
            side[members[at]] = number
            taken += int(counts[members[at]])
            at += 1


def mix(keys: np.ndarray, seed: int) -> np.ndarray:
    """Scramble uint64 keys by a seed (the finaliser of splitmix64, Steele et al. 2014, doi:10.1145/2660193.2660195)."""
    with np.errstate(over="ignore"):
        value = keys + np.uint64(seed + 1) * np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def refuse_shared_groups(groups: Mapping[str, np.ndarray], column: str) -> None:
    """Hold named splits to the promise of ``data.group``.

    Raises:
        DataError: a group is on two sides.
    """
    wrong: list[Finding] = []
    names = list(groups)
    for at, one in enumerate(names):
        for other in names[at + 1 :]:
            shared = np.intersect1d(groups[one], groups[other])
            if len(shared):
                message = f"{len(shared):,} values of '{column}' are in both {one} and {other}"
                fix = "let the toolkit split: give data.splits.train alone, or one file"
                wrong.append(Finding("error", "data.group", message, fix))
    if wrong:
        raise DataError(wrong)
