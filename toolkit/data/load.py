"""Rows ready for a task: opened, mapped, checked, split, encoded, and described in the manifest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
from datasets import Dataset

from toolkit.data.arrays import distinct
from toolkit.data.boxes import box_classes
from toolkit.data.columns import Columns, map_columns, names_in
from toolkit.data.composed import compose
from toolkit.data.encoding import Target, encode_split
from toolkit.data.labels import LabelSpace, learn_labels
from toolkit.data.leaks import find_leaks
from toolkit.data.masks import IGNORE, mask_classes, open_mask
from toolkit.data.pictures import Frame
from toolkit.data.pixels import Pictures, PixelStore, open_pixels
from toolkit.data.problems import Problems, listed
from toolkit.data.roles import Role
from toolkit.data.scan import Layout, Scan, scan
from toolkit.data.sources import open_source
from toolkit.data.splits import SPLITS, hold_out, named_splits, refuse_shared_groups
from toolkit.data.store import Stored
from toolkit.data.table import Pick, Table
from toolkit.data.tags import repaired, tag_classes
from toolkit.errors import DataError, Finding, did_you_mean, raise_errors
from toolkit.recipe.schema import DataSection

UNTAUGHT = {"object_detection": "picture", "token_classification": "sentence"}
"""Problems whose classes a source may name without training rows of them, and what a row is called."""


@dataclass(frozen=True)
class Rows:
    """Splits with one column for each role and ``row``, the 1-based row number in the source.

    ``label`` holds int64 classes, float32 numbers or float32 multi-hot lists, as ``labels`` says.
    """

    splits: dict[str, Dataset]
    labels: LabelSpace | None
    columns: Columns
    findings: list[Finding] = field(default_factory=list[Finding])
    manifest: dict[str, Any] = field(default_factory=dict[str, Any])
    pixels: dict[str, PixelStore] = field(default_factory=dict[str, PixelStore])
    """The pictures of each split; the rows hold positions in them."""
    masks: dict[str, PixelStore] = field(default_factory=dict[str, PixelStore])
    """Their masks, at the same positions."""

    def inputs(self, split: str, role: str, positions: np.ndarray | None = None) -> Sequence[Any]:
        """What a predictor takes, for each row of a split: texts, or stored pictures read when asked for."""
        rows = self.splits[split]
        column = (rows if positions is None else rows.select(positions))[role][:]
        if split not in self.pixels:
            return column
        return Pictures(self.pixels[split], np.asarray(column, np.int64))


def load_rows(
    data: DataSection,
    roles: Sequence[Role],
    *,
    problem_type: str = "auto",
    frame: Frame | None = None,
    classes: Sequence[str] = (),
    seed: int = 0,
) -> Rows:
    """Open the source and give its rows in splits, each memory-mapped.

    Args:
        data: the recipe's section.
        roles: what the task needs of a row.
        problem_type: what the labels are, or ``auto``.
        frame: what pictures are brought to; needed where a role is one.
        classes: names of the numbers in masks; by default the numbers that the training masks hold.
        seed: draws the sample of the leak check when there are too many rows to compare all; the split has its own.

    Raises:
        DataError: everything in the rows that cannot be used, at once.
        UnavailableError: a Hub dataset that is neither reachable nor cached.
    """
    source, data = compose(data, roles, load_rows) if data.scenes else (open_source(data, roles), data)
    picks, findings = named_splits(source.tables, data)
    _refuse_unreadable(picks)
    columns, notes = map_columns(picks["train"].table, roles, data.columns, data.group)
    layout = Layout.of(roles, columns, data.group)
    _refuse_missing_columns(picks, layout)
    findings = [*source.findings, *findings, *notes]
    stores = {split: _stores(pick, layout, frame) for split, pick in picks.items()}
    labels = _learn(picks["train"], layout, stores["train"].masks, problem_type, classes, findings)
    scans = {split: scan(pick, layout, labels, *stores[split]) for split, pick in picks.items()}
    problems = _problems(scans)
    findings += [*problems.findings(data.on_error, source.name), *_unlearned(scans, labels), *_noted(scans)]
    raise_errors(findings)
    sides = _sides(scans, data)
    raise_errors(_unlearned(sides, labels))
    rows = _encode(sides, Target(tuple(roles), columns, labels), data)
    contents = [role.name for role in roles if role.is_content and role.name in columns]
    keys = {split: side.keys for split, side in sides.items()}
    leaks = find_leaks(rows.splits, contents, keys=keys, pixels=rows.pixels, seed=seed)
    rows.findings.extend([*findings, *_untaught(rows), *leaks.findings()])
    rows.manifest.update(
        revision=source.commit or data.revision,
        leaks=leaks.to_dict(),
        skipped=problems.to_dict(),
        **_tags_manifest(scans),
    )
    return rows


class Stores(NamedTuple):
    """The decoded pictures and masks of a pick, where there are any."""

    pixels: PixelStore | None
    masks: PixelStore | None


def _stores(pick: Pick, layout: Layout, frame: Frame | None) -> Stores:
    if frame is None:
        return Stores(None, None)
    # Between two classes there is no third, so that nothing may be interpolated.
    numbers = replace(frame, channels=1, resample="nearest", fill=IGNORE)
    pixels = open_pixels(pick, layout.picture, frame) if layout.picture else None
    masks = open_pixels(pick, layout.mask, numbers, open_mask) if layout.mask else None
    return Stores(pixels, masks)


def load_labelled(
    data: DataSection,
    roles: Sequence[Role],
    labels: LabelSpace | None,
    columns: Mapping[str, str | list[str]],
    frame: Frame | None = None,
) -> Rows:
    """Rows of other data for a model that is trained already: one split, ``test``.

    ``columns`` are the ones the model was trained on; they are used where the data has them and the recipe names none.
    ``frame`` is the one of the model's pictures.

    Raises:
        DataError: everything that cannot be used, a label unseen in training with its rows among it.
    """
    source = open_source(data, roles)
    pick = _to_measure(source.tables, data)
    _refuse_unreadable({"test": pick})
    known = {role: name for role, name in columns.items() if set(names_in(name)) <= set(pick.table.columns)}
    found, notes = map_columns(pick.table, roles, {**known, **data.columns})
    layout = Layout.of(roles, found, None)
    one = scan(pick, layout, labels, *_stores(pick, layout, frame))
    problems = _problems({"test": one})
    findings = [*source.findings, *notes, *problems.findings(data.on_error, source.name)]
    findings += _noted({"test": one})
    raise_errors(findings)
    _refuse_empty({"test": one}, data)
    rows = _encode({"test": one}, Target(tuple(roles), found, labels), data)
    rows.findings.extend(findings)
    rows.manifest.update(
        revision=source.commit or data.revision, skipped=problems.to_dict(), **_tags_manifest({"test": one})
    )
    return rows


def _encode(sides: Mapping[str, Scan], target: Target, data: DataSection) -> Rows:
    """The rows of each split as a task reads them, without findings yet."""
    stored = {
        split: encode_split(side.pick, target, side.pixels, side.masks, tags=side.tags)
        for split, side in sides.items()
    }
    return Rows(
        {split: one.dataset for split, one in stored.items()},
        target.space,
        target.columns,
        manifest=_manifest(data, target, stored),
        pixels={split: side.pixels for split, side in sides.items() if side.pixels is not None},
        masks={split: side.masks for split, side in sides.items() if side.masks is not None},
    )


def _to_measure(tables: Mapping[str, Table], data: DataSection) -> Pick:
    """The rows to measure on: the split the recipe names, the only one, or the one called test."""
    if len(tables) > 1 and not data.splits and "test" not in tables:
        fix = f"name one: data.splits.test={next(iter(tables))}"
        raise DataError(Finding("error", data.source, f"which split? there are {', '.join(tables)}", fix))
    chosen = dict(data.splits)
    name = chosen.get("test") or (
        "test" if "test" in tables else next(iter(chosen.values()), next(iter(tables)))
    )
    return named_splits(tables, data.model_copy(update={"splits": {"train": name}}))[0]["train"]


def _refuse_unreadable(picks: Mapping[str, Pick]) -> None:
    """Stop where not one row of a split could be read: its columns are not known either."""
    empty = [pick.table for pick in picks.values() if not len(pick.table.dataset)]
    found = [finding for table in empty for finding in table.problems.findings("stop", table.parts[0].name)]
    found += [Finding("error", table.parts[0].name, "no rows", "give a source with rows") for table in empty]
    raise_errors(found)


def _refuse_missing_columns(picks: Mapping[str, Pick], layout: Layout) -> None:
    wrong: list[Finding] = []
    for split, pick in picks.items():
        for name in layout.needed:
            if name not in pick.table.columns:
                message = f"no column '{name}', which train has (there are {', '.join(pick.table.columns)})"
                fix = did_you_mean(name, pick.table.columns)
                wrong.append(Finding("error", f"{pick.table.parts[0].name} ({split})", message, fix))
    raise_errors(wrong)


def _learn(
    pick: Pick,
    layout: Layout,
    masks: PixelStore | None,
    problem_type: str,
    classes: Sequence[str],
    findings: list[Finding],
) -> LabelSpace | None:
    """The label space; when there is none, the reason joins the findings, so that broken rows are named with it."""
    if layout.mask:
        return mask_classes(masks, classes, findings)
    if layout.boxes:
        return box_classes(pick, layout.boxes, findings)
    if layout.tags:
        return tag_classes(pick, layout.tags, findings)
    if layout.label is None:
        return None
    try:
        labels, notes = learn_labels(pick, layout.label, "regression" if layout.number else problem_type)
    except DataError as error:
        findings += error.problems
        return None
    findings += notes
    return labels


def _problems(scans: Mapping[str, Scan]) -> Problems:
    """Rows that cannot be used, of all splits: those no reader could take apart, and those with unusable cells."""
    problems = Problems()
    tables = {one.pick.table.key: one.pick.table for one in scans.values()}
    for table in tables.values():
        problems.extend(table.problems)
    for one in scans.values():
        problems.extend(one.problems)
    return problems


def _noted(scans: Mapping[str, Scan]) -> list[Finding]:
    """What was made of cells as they are read."""
    return [*_repaired(scans), *_looked_up(scans)]


def _looked_up(scans: Mapping[str, Scan]) -> list[Finding]:
    """A note of the answers whose place was found by their text."""
    count = sum(one.looked_up for one in scans.values())
    if not count:
        return []
    message = f"{count:,} answers have no place: each was found where its text is in the context, once"
    return [Finding("note", "data", message)]


def _unlearned(scans: Mapping[str, Scan], labels: LabelSpace | None) -> list[Finding]:
    """Errors for the classes of named splits that no training row has."""
    train = scans["train"].codes
    if labels is None or train is None:
        return []
    known = distinct(train)
    if len(known) == 1:
        message = f"every training row has the label '{labels.names[int(known[0])]}'"
        where = scans["train"].pick.table.parts[0].name
        return [Finding("error", where, message, "a classifier needs rows of at least two classes")]
    found: list[Finding] = []
    for split, one in scans.items():
        for code in np.setdiff1d(distinct(train if one.codes is None else one.codes), known):
            at = np.flatnonzero(one.codes == code)
            where = one.pick.where(int(at[0]))
            rows = f"{len(at):,} {split} row{'s' if len(at) > 1 else ''}"
            message = f"label '{labels.names[int(code)]}' of {rows} does not occur in the training rows"
            found.append(Finding("error", where, message, "add training rows with it, or remove these"))
    return found


def _untaught(rows: Rows) -> list[Finding]:
    """A warning of the classes that objects or words may have and no training row holds."""
    what = UNTAUGHT.get(rows.labels.problem_type) if rows.labels else None
    if rows.labels is None or what is None:
        return []
    seen = rows.manifest["class_balance"]["train"]
    missing = [name for name in rows.labels.names if not seen.get(name)]
    if not missing:
        return []
    message = f"no training {what} holds {listed(missing)}: the model cannot learn to find it"
    return [Finding("warning", "data", message, f"add {what}s that hold it, or another data.split_seed")]


def _repaired(scans: Mapping[str, Scan]) -> list[Finding]:
    """A note of the tags that were put in the order of their scheme."""
    readers = [one.tags for one in scans.values() if one.tags]
    return repaired([one.repairs for one in scans.values()], readers[0].scheme) if readers else []


def _tags_manifest(scans: Mapping[str, Scan]) -> dict[str, Any]:
    """The scheme of the tags, and by split of the source how many of them were put in order."""
    scheme = next((one.tags.scheme for one in scans.values() if one.tags), None)
    if scheme is None:
        return {}
    return {
        "tags": {"scheme": scheme, "repaired": {split: one.repairs.to_dict() for split, one in scans.items()}}
    }


def _sides(scans: Mapping[str, Scan], data: DataSection) -> dict[str, Scan]:
    """The named splits, and the ones held out of train where the source has none."""
    groups = {split: one.groups for split, one in scans.items() if one.groups is not None}
    if data.group:
        refuse_shared_groups(groups, data.group)
    shares = {"validation": data.validation, "test": data.test}
    wanted = {split: share for split, share in shares.items() if split not in scans and share > 0}
    train = scans["train"]
    keys, strata = (train.keys, train.codes) if train.groups is None else (train.groups, None)
    masks = hold_out(keys, strata, wanted, data.split_seed) if wanted else {}
    sides = {**scans, **{split: train.keep(mask) for split, mask in masks.items()}}
    _refuse_empty(sides, data)
    return {split: sides[split] for split in SPLITS if split in sides}


def _refuse_empty(sides: Mapping[str, Scan], data: DataSection) -> None:
    empty = [split for split, side in sides.items() if not len(side.pick)]
    if not empty:
        return
    rows = sum(len(side.pick) for side in sides.values())
    content = "texts" if all(side.pixels is None for side in sides.values()) else "pictures"
    what = f"different values of '{data.group}'" if data.group else f"different {content}"
    message = f"no rows are left for {' and '.join(empty)} ({rows:,} usable rows in all)"
    fix = f"give more rows with {what}, or set data.{empty[-1]}=0" if empty != ["train"] else "give more rows"
    raise DataError(Finding("error", data.source, message, fix))


def _manifest(data: DataSection, target: Target, stored: Mapping[str, Stored]) -> dict[str, Any]:
    return {
        "source": data.source,
        "config": data.config,
        "columns": target.columns,
        "labels": target.space.to_dict() if target.space else None,
        "rows": {split: len(one.dataset) for split, one in stored.items()},
        "fingerprints": {split: one.notes["fingerprint"] for split, one in stored.items()},
        "class_balance": {split: one.notes["balance"] for split, one in stored.items()},
        "split": {"seed": data.split_seed, "group": data.group},
    }
