"""What a run leaves: predict, evaluate, explain, demonstrate, export and publish it."""

from __future__ import annotations

import shutil
import tempfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from toolkit.artifact import layout
from toolkit.artifact.examples import read_examples
from toolkit.artifact.origin import public, public_manifest
from toolkit.errors import InputError
from toolkit.files import write_json, write_text
from toolkit.hub.push import push_folder
from toolkit.recipe.schema import ModelSection
from toolkit.recipe.text import dump

if TYPE_CHECKING:
    from toolkit.recipe.schema import DataSection, Recipe
    from toolkit.tasks.protocol import Attribution, Prediction, Predictor, Task
    from toolkit.tasks.signature import Signature


class Artifact:
    """A trained model with everything known about it.

    Args:
        folder: a finished run folder, or a model folder that ``push`` uploaded.
        recipe: the resolved recipe the run was made from.
        task: the task that trained it.

    Raises:
        ArtifactError: the folder is not a finished run.
    """

    def __init__(self, folder: Path, recipe: Recipe, task: Task) -> None:
        self.folder, self.model_folder = layout.find_parts(folder)
        self.recipe = recipe
        self.task = task
        self.seconds: float | None = None
        """Wall time of the training that made it, when this process trained it."""

    def __repr__(self) -> str:
        return f"Artifact({str(self.folder)!r}, task={self.task.name!r})"

    @property
    def model_section(self) -> ModelSection:
        """The trained model, as a recipe would name it; its own code runs only if the run's recipe allowed it."""
        return ModelSection(
            name=str(self.model_folder), trust_remote_code=self.recipe.model.trust_remote_code
        )

    @property
    def report(self) -> Path:
        """The self-contained HTML report."""
        return self.folder / layout.REPORT

    @property
    def title(self) -> str:
        """What to call the model in front of people."""
        return self.recipe.name or self.task.name

    @property
    def signature(self) -> Signature:
        """What goes in and what comes out."""
        return self.task.signature.of(self.manifest["data"].get("columns", {}))

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """``metrics.json``."""
        return layout.read_object(self.folder / layout.METRICS)

    @cached_property
    def manifest(self) -> dict[str, Any]:
        """``manifest.json``."""
        return layout.read_object(self.folder / layout.MANIFEST)

    @cached_property
    def examples(self) -> list[dict[str, Any]]:
        """A few rows of the test split, with their true labels; empty for a model fetched from the Hub."""
        return read_examples(self.folder)

    @cached_property
    def predictor(self) -> Predictor:
        """The opened model."""
        return self.task.predictor(self)

    @overload
    def predict(  # pyright: ignore[reportOverlappingOverload]  (a list is an object too, and comes first)
        self, inputs: list[Any] | tuple[Any, ...], batch_size: int = 32
    ) -> list[Prediction]: ...
    @overload
    def predict(self, inputs: object, batch_size: int = 32) -> Prediction: ...
    def predict(self, inputs: Any, batch_size: int = 32) -> Prediction | list[Prediction]:
        """Predict one input, or a list of them in order.

        Args:
            inputs: one value of the task's input kind, or a sequence of them.
            batch_size: inputs per forward pass.
        """
        if isinstance(inputs, list | tuple):
            return self.predictor(inputs, batch_size)
        return self.predictor([inputs], batch_size)[0]

    def explain(self, value: Any) -> Attribution:
        """How much each piece of one input spoke for the predicted label, or why that cannot be said."""
        return self.predictor.explain(value)

    def evaluate(self, data: str | Path | DataSection | None = None) -> dict[str, Any]:
        """Metrics with 95% intervals on the run's own test split, or on other rows.

        Args:
            data: a source as in a recipe (its columns are those of the run), or a whole data section.
        """
        if isinstance(data, str | Path):
            own = dict.fromkeys(("config", "revision", "limit")) | {"splits": {}, "streaming": False}
            data = self.recipe.data.model_copy(update={**own, "source": str(data)})
        return self.task.evaluate(self, data)

    def demo(self) -> Any:
        """A Gradio app (``gradio.Blocks``) of this model; ``.launch()`` serves it."""
        from toolkit.demo import build

        return build(self)

    def export(self, target: str | Path | None = None) -> Path:
        """Write an ONNX model, compared with torch before it is called done, and return its folder.

        Args:
            target: a new or empty folder; by default ``onnx`` in the run, where an earlier export is replaced.

        Raises:
            InputError: ``target`` holds something.
            MissingExtraError: the ``export`` extra is not installed.
            ToolkitError: the exported model computes something else; nothing is left behind.
        """
        folder = self.folder / "onnx" if target is None else Path(target).expanduser().resolve()
        if target is not None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{target}: not an empty folder; export to a new one with --out")
        self.task.export(self, folder)
        return folder

    def push(self, repo_id: str, *, private: bool = True, message: str = "Add model") -> str:
        """Upload model, card, recipe, metrics and manifest to the Hub and return the URL.

        The report and the examples stay here: they quote rows of the data. So do paths of this machine.

        Raises:
            UnavailableError: the Hub cannot be reached.
            InputError: the Hub refuses the token or the repository's name.
        """
        from toolkit.artifact.card import name_repository

        with tempfile.TemporaryDirectory() as temporary:
            staging = Path(temporary)
            shutil.copytree(self.model_folder, staging, dirs_exist_ok=True)
            name_repository(staging, repo_id)
            records = staging / layout.PUSHED
            records.mkdir(exist_ok=True)
            write_text(records / layout.RECIPE, dump(public(self.recipe)))
            write_json(records / layout.METRICS, self.metrics)
            write_json(records / layout.MANIFEST, public_manifest(self.manifest, self.recipe))
            return push_folder(staging, repo_id, private=private, message=message)
