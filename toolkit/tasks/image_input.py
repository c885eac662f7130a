"""How the pictures of a task are brought to a model: its frame, its colours; shared by every image task."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from toolkit import models
from toolkit.data.load import Rows, load_rows
from toolkit.data.pictures import Frame, PictureError, open_picture
from toolkit.data.pixels import Pictures
from toolkit.errors import DataError, Finding, MissingExtraError, ModelError, first_line
from toolkit.files import read_json
from toolkit.hub.models import SCRATCH, locate_model

if TYPE_CHECKING:
    import torch

    from toolkit.data.labels import LabelSpace
    from toolkit.data.roles import Role
    from toolkit.hub.models import Located
    from toolkit.recipe.schema import DataSection, ModelSection

DECODING = "decoding.json"
"""In the model folder: how pictures are brought to the model, and what turns its outputs into predictions."""
NEW_SIZE = (224, 224)
"""Height and width for new weights when the recipe names none."""
Size = int | tuple[int, int] | None
"""Side, or height and width, as a recipe gives them."""
PACKAGES = ("torchvision", "timm")
RESAMPLING: dict[int, Literal["nearest", "bilinear", "bicubic"]] = {0: "nearest", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of resampling methods, as preprocessor files hold them; any other is taken for bicubic."""


@dataclass(frozen=True)
class PictureInput:
    """The one preprocessing of pictures: frame, then ``(value / 255 - mean) / std`` for each channel."""

    frame: Frame
    mean: Sequence[float]
    std: Sequence[float]

    def encode(self, pixels: np.ndarray) -> torch.Tensor:
        """As :meth:`normalise`, from an array, which may be one of a file."""
        import torch

        return self.normalise(torch.from_numpy(np.ascontiguousarray(pixels)))

    def normalise(self, pixels: torch.Tensor) -> torch.Tensor:
        """From uint8 to what the model reads, float32, both (pictures, channels, height, width)."""
        import torch

        mean, std = (
            torch.tensor(list(values), device=pixels.device).view(1, -1, 1, 1) * 255
            for values in (self.mean, self.std)
        )
        return ((pixels.float() - mean) / std).contiguous(memory_format=torch.channels_last)

    def pixels(self, inputs: Sequence[Any], first: int = 1) -> np.ndarray:
        """Pictures in the frame, uint8 (inputs, channels, height, width); errors count them from ``first``.

        Raises:
            DataError: some cannot be read; all of them are named.
        """
        if isinstance(inputs, Pictures):
            return inputs.store.pixels[inputs.positions]
        problems: list[Finding] = []
        found: list[np.ndarray] = []
        for number, value in enumerate(inputs, first):
            try:
                found.append(self.frame.apply(open_picture(value)))
            except PictureError as error:
                where = str(value) if isinstance(value, str) else f"input {number}"
                problems.append(Finding("error", where, str(error), ""))
        if problems:
            raise DataError(problems)
        return np.stack(found)

    def to_dict(self) -> dict[str, Any]:
        """The preprocessing as JSON data."""
        return {"frame": asdict(self.frame), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PictureInput:
        """Read what :meth:`to_dict` wrote."""
        frame: dict[str, Any] = {**data["frame"], "size": tuple(data["frame"]["size"])}
        return cls(Frame(**frame), tuple(data["mean"]), tuple(data["std"]))


def require_vision() -> None:
    """Make sure that the packages of the ``vision`` extra are here.

    Raises:
        MissingExtraError: some are not.
    """
    if any(importlib.util.find_spec(name) is None for name in PACKAGES):
        raise MissingExtraError("vision recipes", "vision")


def pretrained_input(located: Located, size: tuple[int, int] | None, fit: Any) -> PictureInput:
    """What a pretrained model was trained on: its size unless another is given, its colours and resampling.

    Raises:
        ModelError: nothing beside the model says how it reads pictures.
    """
    from transformers import AutoConfig, AutoImageProcessor
    from transformers.utils.hub import cached_file

    models.register()
    try:
        decoding = cached_file(located.path, DECODING, _raise_exceptions_for_missing_entries=False)
        if decoding:  # a model that this toolkit trained
            known = PictureInput.from_dict(read_json(Path(decoding)))
            return replace(known, frame=replace(known.frame, size=size or known.frame.size, fit=fit))
        config: Any = AutoConfig.from_pretrained(located.path, **located.config_kwargs)
        if config.model_type == "timm_wrapper":
            values = _of_timm(config.pretrained_cfg)
        else:
            values = _of_processor(AutoImageProcessor.from_pretrained(located.path, **located.config_kwargs))
    except (OSError, ValueError, KeyError, ImportError, AttributeError) as error:
        reason = first_line(error)
        raise ModelError(f"{located.path}: how it reads pictures is not known ({reason})") from error
    own, mean, std, resample = values
    return PictureInput(Frame(size or own, 3, fit, resample), mean, std)


def _of_timm(data: Mapping[str, Any]) -> tuple[Any, ...]:
    _, height, width = data["input_size"]
    method = data.get("interpolation", "bicubic")
    return (height, width), data["mean"], data["std"], method if method in RESAMPLING.values() else "bicubic"


def _of_processor(processor: Any) -> tuple[Any, ...]:
    size = getattr(processor, "crop_size", None) or processor.size
    side = size.get("shortest_edge") or size.get("longest_edge")
    height, width = size.get("height") or side, size.get("width") or side
    resample = RESAMPLING.get(int(getattr(processor, "resample", None) or 3), "bicubic")
    if getattr(processor, "do_normalize", True) is False:  # detectors carry a mean that they do not use
        return (int(height), int(width)), (0.0,) * 3, (1.0,) * 3, resample
    return (int(height), int(width)), processor.image_mean, processor.image_std, resample


def known_input(section: ModelSection, size: Size, fit: Any) -> PictureInput | None:
    """What a pretrained model reads; None for new weights, which read what they are given.

    Raises:
        ModelError: the model cannot be found, or nothing says how it reads pictures.
    """
    if section.name.startswith(SCRATCH):
        return None
    return pretrained_input(locate_model(section), _sides(size), fit)


def new_frame(size: Size, channels: Literal[1, 3], fit: Any) -> Frame:
    """The frame of pictures for new weights."""
    return Frame(_sides(size) or NEW_SIZE, channels, fit)


def _sides(size: Size) -> tuple[int, int] | None:
    return (size, size) if isinstance(size, int) else size


class PictureOptions(Protocol):
    """What the options of every image task hold."""

    size: Size
    channels: Literal[1, 3]

    @property
    def fit(self) -> str:
        """How another aspect ratio is handled; each task knows which ways suit it."""
        ...


def load_pictures(
    data: DataSection, roles: Sequence[Role], options: PictureOptions, known: PictureInput | None, **how: Any
) -> tuple[Rows, LabelSpace, PictureInput]:
    """The rows with their pictures as a model reads them, their classes, and the model's preprocessing.

    Args:
        data: the recipe's section.
        roles: what the task needs of a row.
        options: of the task.
        known: what a pretrained model reads; None for new weights, which read what they are given.
        how: what else :func:`~toolkit.data.load.load_rows` is told.

    Raises:
        DataError: the rows cannot be used.
    """
    frame = known.frame if known else new_frame(options.size, options.channels, options.fit)
    rows = load_rows(data, roles, frame=frame, **how)
    assert rows.labels is not None  # every image task has classes, or numbers to predict
    return rows, rows.labels, known or measured_input(frame, rows.inputs("train", "image"))


def measured_input(frame: Frame, pictures: Sequence[Any], most: int = 5000) -> PictureInput:
    """The preprocessing for new weights: mean and spread of each channel over (some of) the training pictures.

    Args:
        frame: of the pictures.
        pictures: stored ones.
        most: pictures looked at, evenly spread.
    """
    step = max(1, len(pictures) // most)
    seen = np.stack([picture for picture in pictures[::step]]) / 255
    mean, std = seen.mean(axis=(0, 1, 2)), seen.std(axis=(0, 1, 2))
    return PictureInput(frame, tuple(mean.tolist()), tuple(np.maximum(std, 1e-3).tolist()))
