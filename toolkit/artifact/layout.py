"""Names inside a run folder, and what makes a folder one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from toolkit.errors import ArtifactError
from toolkit.files import read_json

RECIPE = "recipe.yaml"
MODEL = "model"
METRICS = "metrics.json"
MANIFEST = "manifest.json"
EXAMPLES = "examples.json"
REPORT = "report.html"
HISTORY = "history.jsonl"
CHECKPOINTS = "checkpoints"


def is_finished(folder: Path) -> bool:
    """Whether a run ended well: the manifest is written last."""
    return (folder / MANIFEST).is_file()


PUSHED = "toolkit"
"""Where a model folder on the Hub keeps the run's records."""


def find_parts(folder: Path) -> tuple[Path, Path]:
    """The folder of the records and the folder of the model, in a run or in a pushed model folder.

    Raises:
        ArtifactError: neither.
    """
    if (folder / PUSHED / RECIPE).is_file():
        return folder / PUSHED, folder
    require_run(folder)
    return folder, folder / MODEL


def require_run(folder: Path) -> None:
    """Refuse a folder that no finished run left.

    Raises:
        ArtifactError: missing, not a run, or unfinished; says how to go on.
    """
    if not folder.exists():
        raise ArtifactError(f"{folder}: no such run folder; {_suggest(folder)}")
    if not (folder / RECIPE).is_file():
        raise ArtifactError(f"{folder}: not a run folder (it has no {RECIPE}); {_suggest(folder)}")
    if not is_finished(folder):
        raise ArtifactError(
            f"{folder}: this run has not finished; go on with: "
            f"toolkit train {folder / RECIPE} --out {folder} --resume"
        )
    for name in (MODEL, METRICS):
        if not (folder / name).exists():
            raise ArtifactError(f"{folder}: the run is damaged, {name} is missing; train it again")


def newest_run() -> Path | None:
    """The finished run below ``runs`` that was written last."""
    runs = [path.parent for path in Path("runs").glob(f"**/{MANIFEST}")]
    return max(runs, key=lambda run: run.stat().st_mtime, default=None)


def _suggest(folder: Path) -> str:
    """Name the newest finished run nearby, so that a typing slip is mended at once."""
    newest = newest_run()
    return f"the newest run here is {newest}" if newest else "train one first: toolkit train nlp/reviews"


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object of a run.

    Raises:
        ArtifactError: the file is not one.
    """
    return _read(path, dict, "object")


def read_list(path: Path) -> list[Any]:
    """A JSON list of a run.

    Raises:
        ArtifactError: the file is not one.
    """
    return _read(path, list, "list")


def _read(path: Path, kind: type, name: str) -> Any:
    try:
        data = read_json(path)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: damaged ({error}); train the run again") from error
    if not isinstance(data, kind):
        raise ArtifactError(f"{path}: damaged (not a JSON {name}); train the run again")
    return data
