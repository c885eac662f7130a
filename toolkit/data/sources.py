"""From the recipe's ``data.source`` to tables: a sample, a file, a folder or a dataset of the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from datasets import Dataset, DatasetDict, load_from_disk

from toolkit.data.coco import coco_folder, is_coco
from toolkit.data.convert import READERS, convert_file, data_suffix
from toolkit.data.folders import TEXTS, class_folder, split_files
from toolkit.data.hubsets import open_hub
from toolkit.data.masks import paired_folder
from toolkit.data.nested import unfold
from toolkit.data.pictures import SUFFIXES
from toolkit.data.roles import Kind, Role
from toolkit.data.store import dataset_identity, digest
from toolkit.data.table import Part, Table, join_files
from toolkit.errors import DataError, Finding, did_you_mean
from toolkit.hub.samples import PREFIX, open_sample
from toolkit.hub.snapshot import is_hub_id
from toolkit.recipe.schema import DataSection

CLASS_FILES: dict[Kind, tuple[str, ...]] = {"text": TEXTS, "image": SUFFIXES}
"""By what a task reads: the files that are rows in a folder with one sub-folder for each class."""


@dataclass(frozen=True)
class Source:
    """The tables of a source by the names of its own splits, and what was noticed while opening it."""

    name: str
    tables: dict[str, Table]
    findings: list[Finding] = field(default_factory=list[Finding])
    commit: str | None = None
    """Of a Hub dataset, where it is known."""


def open_source(data: DataSection, roles: Sequence[Role]) -> Source:
    """Open whatever ``data.source`` names.

    Args:
        data: the recipe's section.
        roles: what the task needs of a row, which decides what the sub-folders of a folder may mean.

    Raises:
        DataError: it is not there, is not data, or cannot be read.
        UnavailableError: it is on the Hub, which cannot be reached, and no copy is cached.
        SampleError: the sample is unknown or cannot be fetched.
    """
    source = _opened(data, roles)
    return replace(source, tables={split: unfold(table) for split, table in source.tables.items()})


def _opened(data: DataSection, roles: Sequence[Role]) -> Source:
    name = data.source
    if name.startswith(PREFIX):
        return _arrow_folder(open_sample(name), name)
    path = Path(name).expanduser()
    if path.is_dir():
        return _folder(path, data.encoding, roles)
    if path.is_file():
        if _of_kind(roles, "boxes") and is_coco(path):
            return _of_tables(name, coco_folder(path))
        return _files({"train": [path]}, name, data.encoding, roles)
    if _means_a_file(name) or not is_hub_id(name):
        raise _missing(path)
    return Source(name, *open_hub(data))


def _means_a_file(name: str) -> bool:
    return name.startswith(("/", ".", "~")) or data_suffix(Path(name)) in READERS or name.count("/") > 1


def _missing(path: Path) -> DataError:
    parent = path.parent
    if not parent.is_dir():
        return DataError(Finding("error", str(path), "no such file", f"there is no folder {parent} either"))
    siblings = [entry.name for entry in parent.iterdir() if entry.is_dir() or data_suffix(entry) in READERS]
    fix = did_you_mean(path.name, siblings[:1000]) or f"{parent.resolve()} holds no data files"
    return DataError(Finding("error", str(path), "no such file or folder", fix))


def _folder(path: Path, encoding: str, roles: Sequence[Role]) -> Source:
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return _arrow_folder(path, str(path))
    tables = _by_layout(path, encoding, roles)
    if tables:
        return _of_tables(str(path), tables)
    files, findings = split_files(path)
    source = _files(files, str(path), encoding, roles)
    return Source(source.name, source.tables, findings + source.findings)


def _by_layout(path: Path, encoding: str, roles: Sequence[Role]) -> dict[str, Table]:
    """The tables of a folder whose sub-folders mean what the task's roles make of them; empty if they mean nothing."""
    if _of_kind(roles, "boxes"):
        return coco_folder(path)
    if _of_kind(roles, "mask"):
        return paired_folder(path)
    suffixes = next((CLASS_FILES[role.kind] for role in roles if role.kind in CLASS_FILES), ())
    return class_folder(path, encoding, suffixes)


def _of_tables(name: str, tables: dict[str, Table]) -> Source:
    return Source(name, tables, [finding for table in tables.values() for finding in table.findings])


def _of_kind(roles: Sequence[Role], kind: Kind) -> bool:
    return any(role.kind == kind for role in roles)


def _arrow_folder(path: Path, name: str) -> Source:
    """A folder written by ``save_to_disk``."""
    try:
        opened = load_from_disk(str(path))
    except (OSError, ValueError, KeyError) as error:
        message = f"damaged dataset folder ({type(error).__name__}: {error})"
        raise DataError(Finding("error", name, message, "write it again with save_to_disk")) from None
    splits = (
        {str(split): one for split, one in opened.items()}
        if isinstance(opened, DatasetDict)
        else {"train": opened}
    )
    return Source(name, {split: as_table(dataset, f"{name} {split}") for split, dataset in splits.items()})


def as_table(dataset: Dataset, name: str) -> Table:
    """A table from a dataset that ``datasets`` opened itself."""
    return Table(dataset, digest(dataset_identity(dataset)), (Part(name, len(dataset), len(dataset)),))


def _files(files: dict[str, list[Path]], name: str, encoding: str, roles: Sequence[Role]) -> Source:
    """Convert every file, and report the ones that cannot be read together."""
    tables: dict[str, Table] = {}
    findings: list[Finding] = []
    wrong: list[Finding] = []
    for split, paths in files.items():
        converted = []
        for path in paths:
            try:
                one = convert_file(path, encoding, sentences=_of_kind(roles, "words"))
                converted.append((path, one))
            except DataError as error:
                wrong += error.problems
        if len(converted) == len(paths):
            tables[split] = join_files(converted)
        findings += [Finding(**note) for _, one in converted for note in one.notes["findings"]]
    if wrong:
        raise DataError(wrong)
    return Source(name, tables, findings)
