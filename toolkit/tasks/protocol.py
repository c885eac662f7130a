"""What a task and a predictor must offer. Plain classes satisfy these; nothing inherits from them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.errors import Finding
from toolkit.recipe.schema import DataSection, Recipe, TaskOptions
from toolkit.tasks.signature import Signature

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.artifact import Artifact
    from toolkit.engine.run import Run

Prediction = dict[str, Any]
"""JSON data for one input. ``label`` (str) is always there.

Classifiers add ``score`` and ``scores`` {label: p}, multi-label ones ``labels``, regressors ``value``. Taggers add
the ``text`` and, one for each of its words, ``words``, ``tags`` (null for a word that was not read),
``probabilities`` and ``spans`` [start, end) in characters; where tags mark entities, ``entities`` with ``label``,
``score``, ``start``, ``end`` and ``text``; and ``marked``, the text with its tags written in. Detectors
add ``size`` (width, height) and ``boxes``, each with ``label``, ``score`` and ``box`` (x_min, y_min, x_max, y_max in
pixels of the picture as given). Segmenters add ``size``, ``mask`` (a PNG of class numbers in base64), ``names`` and
the ``shares`` of the pixels by name. Fillers of gaps add ``score`` and ``scores`` as classifiers do, the filled
``text``, and ``fillings``, for each gap a list of ``label``, ``score`` and ``token``. Readers add ``answer``, its first
character ``start`` in the context and the one behind its last, ``end``, and ``score``. Sentence encoders add the
``similarities`` of the sentences in their order, and ``scores`` {sentence: similarity}; their label is the nearest
sentence. Models that write texts add the text once more under the task's word for it (``translation``, ``summary``,
``text``); encoder-decoders a ``score``, the geometric mean of its tokens' probabilities, the others how many ``tokens``
there are and whether it ``ended``. Agents play an episode from a ``seed`` and add its ``return``, ``length`` and, where
the environment knows, ``success``.
"""


@dataclass(frozen=True)
class Attribution:
    """How much each piece of an input spoke for the predicted label; or why that cannot be said.

    A text's ``pieces`` hold (token, weight in -1..1) in reading order; a picture's ``heatmap`` holds rows of weights in
    -1..1, laid over the whole picture at any resolution. Both are empty when ``reason`` says why.
    """

    pieces: Sequence[tuple[str, float]] = ()
    heatmap: Sequence[Sequence[float]] | None = None
    reason: str = ""


@dataclass(frozen=True)
class Check:
    """What is known of a recipe before it trains.

    ``predicted`` holds ``seconds`` and ``memory_bytes`` of the whole training and ``how`` they were found; it is
    empty when an error stopped the check before the real steps.
    """

    findings: Sequence[Finding]
    predicted: Mapping[str, Any]


class Predictor(Protocol):
    """The one preprocessing and decoding used by evaluate, predict, demo and Space."""

    def __call__(self, inputs: Sequence[Any], /, batch_size: int = 32) -> list[Prediction]:
        """Predict each input, in order."""
        ...

    def explain(self, value: Any, /) -> Attribution:
        """Attribute the prediction for one input to its pieces."""
        ...


class Task(Protocol):
    """Knowledge of one Hub pipeline tag."""

    @property
    def name(self) -> str:
        """The Hub's pipeline tag."""
        ...

    @property
    def Options(self) -> type[TaskOptions]:
        """What checks the recipe's ``options``."""
        ...

    @property
    def signature(self) -> Signature:
        """What goes in and what comes out."""
        ...

    @property
    def defaults(self) -> Mapping[str, Any]:
        """Recipe values used by ``toolkit train TASK --data …``, nested like a recipe."""
        ...

    def check(self, recipe: Recipe, run: Run) -> Check:
        """Everything short of training: rows, model, and a few real steps to predict time and memory."""
        ...

    def train(self, recipe: Recipe, run: Run) -> Artifact:
        """Load, build, fit, save."""
        ...

    def predictor(self, artifact: Artifact) -> Predictor:
        """Open the trained model for prediction."""
        ...

    def evaluate(self, artifact: Artifact, data: DataSection | None) -> dict[str, Any]:
        """Metrics of the artifact on its own test split, or on other data."""
        ...

    def export(self, artifact: Artifact, target: Path) -> dict[str, Any]:
        """Write an ONNX model to ``target``, compare it with torch, and say how close they are."""
        ...
