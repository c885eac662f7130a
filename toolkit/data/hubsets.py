"""Datasets of the Hub: whole through the ecosystem's own cache, or the first rows of a stream."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from datasets import DatasetDict, Features, config, load_dataset
from datasets.exceptions import DatasetNotFoundError, DatasetsError
from datasets.naming import camelcase_to_snakecase
from huggingface_hub import HfApi

from toolkit.data.store import BATCH, Stored, dataset_identity, digest, stored, write_arrow
from toolkit.data.table import Part, Table
from toolkit.errors import DataError, Finding, UnavailableError, did_you_mean
from toolkit.hub.network import hub_errors
from toolkit.recipe.schema import DataSection

ALTERNATIVE = "data.source=sample:movie-reviews"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def open_hub(data: DataSection) -> tuple[dict[str, Table], list[Finding], str | None]:
    """The splits of a Hub dataset, memory-mapped, with notes and the commit they are of where it is known.

    Raises:
        DataError: no such dataset, configuration or revision; it needs a script; its files cannot be read.
        UnavailableError: the Hub cannot be reached and nothing is cached.
    """
    if data.streaming:
        return _streamed(data)
    with _dataset_errors(data):
        if not _may_be_cached(data):
            _ask_for(data)
        opened = load_dataset(data.source, data.config, revision=data.revision)
    tables: dict[str, Table] = {}
    for split, dataset in opened.items():
        part = Part(f"{data.source} {split}", len(dataset), len(dataset))
        tables[str(split)] = Table(dataset, digest(dataset_identity(dataset)), (part,))
    commit = _commit(opened)
    _refuse_other_commit(data, commit)
    return tables, [], commit


def _commit(opened: DatasetDict) -> str | None:
    """The commit that ``datasets`` named the cached folder after."""
    folders = {Path(file["filename"]).parent.name for one in opened.values() for file in one.cache_files}
    return next((name for name in sorted(folders) if _COMMIT.fullmatch(name)), None)


def _refuse_other_commit(data: DataSection, commit: str | None) -> None:
    """Offline, ``datasets`` opens whatever it cached last; a pinned commit must be that commit.

    Raises:
        UnavailableError: the cached copy is of another commit.
    """
    if _COMMIT.fullmatch(data.revision or "") and commit not in {None, data.revision}:
        message = f"commit {data.revision} is not cached (commit {commit} is), and the Hub was not reached"
        raise UnavailableError(Finding("error", data.source, message, f"connect once, or use {ALTERNATIVE}"))


def _may_be_cached(data: DataSection) -> bool:
    owner, _, name = data.source.rpartition("/")
    folder = "___".join(filter(None, [owner, camelcase_to_snakecase(name)]))
    return (Path(config.HF_DATASETS_CACHE) / folder).is_dir()


def _ask_for(data: DataSection) -> str | None:
    """The commit, by one request: ``load_dataset`` tries for half a minute before it says that there is no network."""
    return HfApi().dataset_info(data.source, revision=data.revision, timeout=10).sha


@contextmanager
def _dataset_errors(data: DataSection) -> Generator[None]:
    """Say what ``datasets`` found wrong in the toolkit's words."""
    try:
        what = f"dataset '{data.source}' (there is no file or folder of that name here)"
        with hub_errors(what, ALTERNATIVE, DataError), _not_found(data):
            yield
    except (DatasetsError, ValueError, RuntimeError) as error:
        raise DataError(Finding("error", f"dataset '{data.source}'", *_translated(error))) from None


@contextmanager
def _not_found(data: DataSection) -> Generator[None]:
    """Inside the network's errors, because what the Hub answered to is not for want of a network."""
    try:
        yield
    except DatasetNotFoundError as error:
        fix = "check the name; if private, run 'hf auth login'"
        if "evision" in str(error):
            fix = "name a branch, a tag or a commit that exists"
        raise DataError(Finding("error", f"dataset '{data.source}'", _first_line(error), fix)) from None


def _translated(error: Exception) -> tuple[str, str]:
    message = _first_line(error)
    if "scripts are no longer supported" in message:
        script = message.rpartition(" ")[2]
        fix = "look for a parquet revision, data.revision=refs/convert/parquet, or another dataset"
        return f"needs the script {script} to run, which is refused", fix
    if "onfig" in message and ("vailable" in str(error) or "missing" in message):
        return " ".join(str(error).split())[:300], "set data.config to one of these"
    return f"cannot be read ({message})", "choose a dataset of csv, jsonl or parquet files"


def _first_line(error: Exception) -> str:
    cause = error.__cause__ if isinstance(error, DatasetsError) and error.__cause__ else error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def _streamed(data: DataSection) -> tuple[dict[str, Table], list[Finding], str | None]:
    """The first ``limit`` rows of each split, pulled once and kept."""
    if data.limit is None:
        fix = "set data.limit to the number of rows to pull from each split"
        raise DataError(Finding("error", "data.streaming", "a stream needs a limit", fix))
    sliced = [split for split, wish in data.splits.items() if "[" in wish]
    if sliced:
        message = "a stream has no slices: its length is not known"
        raise DataError(
            Finding("error", f"data.splits.{sliced[0]}", message, "name the split alone; data.limit cuts it")
        )
    parts = {
        "step": "stream",
        "name": data.source,
        "config": data.config,
        "revision": data.revision or "main",
    }
    listing = stored({**parts, "limit": data.limit, "splits": sorted(data.splits.values())}, _Pull(data))
    tables = {
        split: _table(data, split, listing, bounds) for split, bounds in listing.notes["splits"].items()
    }
    message = f"the first {data.limit:,} rows of each split were pulled as a stream and are kept"
    note = Finding("note", data.source, message, "" if data.revision else "pin data.revision to repeat this")
    return tables, [note], listing.notes.get("commit")


def _table(data: DataSection, split: str, listing: Stored, bounds: list[int]) -> Table:
    dataset = listing.dataset.select(range(*bounds))
    return Table(
        dataset, digest([listing.key, split]), (Part(f"{data.source} {split}", len(dataset), len(dataset)),)
    )


class _Pull:
    """Writes the head of every wanted split into one Arrow file, one after the other."""

    def __init__(self, data: DataSection) -> None:
        self.data = data
        self.bounds: dict[str, list[int]] = {}

    def __call__(self, target: Path) -> dict[str, Any]:
        data = self.data
        with _dataset_errors(data):
            commit = _ask_for(data)
            opened = load_dataset(data.source, data.config, revision=commit, streaming=True)
            splits = {str(name): stream for name, stream in opened.items()}
            wanted = list(data.splits.values()) or [
                name for name in splits if name in {"train", "validation", "test"}
            ]
            batches = self._batches(splits, wanted or list(splits))
            first = next(batches)
            write_arrow(target, first.schema, _then(first, batches))
        return {"splits": self.bounds, "commit": commit}

    def _batches(self, splits: Mapping[str, Any], wanted: list[str]) -> Iterator[pa.Table]:
        row = 0
        schema: pa.Schema | None = None
        for split in wanted:
            if split not in splits:
                message = f"no split '{split}' (there are {', '.join(splits)})"
                raise DataError(Finding("error", "data.splits", message, did_you_mean(split, splits)))
            start = row
            stream = splits[split].take(self.data.limit).with_format("arrow")
            for table in islice(stream.iter(BATCH), -(-(self.data.limit or 0) // BATCH)):
                features = stream.features or Features.from_arrow_schema(table.schema)
                schema = schema or features.arrow_schema
                yield table.cast(schema)
                row += len(table)
            self.bounds[split] = [start, row]


def _then(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest
