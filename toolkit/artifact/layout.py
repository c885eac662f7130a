"""Names inside a run folder, and what makes a folder one."""

from __future__ import annotations

from pathlib import Path

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


def _suggest(folder: Path) -> str:
    """Name the newest finished run nearby, so that a typing slip is mended at once."""
    root = Path("runs")
    runs = [path.parent for path in root.glob(f"**/{MANIFEST}")] if root.is_dir() else []
    if not runs:
        return "train one first: toolkit train nlp/reviews"
    return f"the newest run here is {max(runs, key=lambda run: run.stat().st_mtime)}"


def read_object(path: Path) -> dict[str, object]:
    """A JSON object of a run.

    Raises:
        ArtifactError: the file is not one.
    """
    try:
        data = read_json(path)
    except (OSError, ValueError) as error:
        raise ArtifactError(f"{path}: damaged ({error}); train the run again") from error
    if not isinstance(data, dict):
        raise ArtifactError(f"{path}: damaged (not a JSON object); train the run again")
    return data
