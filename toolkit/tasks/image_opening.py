"""Open a backbone with the head a task needs, pretrained or with new weights; shared by the image tasks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit import models
from toolkit.errors import Finding, ModelError, RecipeError, did_you_mean, first_line
from toolkit.files import read_json
from toolkit.hub.models import SCRATCH, Located, locate_model, require_known
from toolkit.tasks.image_input import DECODING, require_vision

if TYPE_CHECKING:
    from toolkit.data.pictures import Frame
    from toolkit.recipe.schema import ModelSection


@dataclass(frozen=True)
class Heads:
    """What a model must end in."""

    auto: str
    """The class of transformers that opens such a model."""
    noun: str
    """What such a model is called, as in "not a saved …"."""
    does: str
    """What it does, as an error says it: "cannot …"."""
    own: tuple[str, ...]
    """The toolkit's own architectures that do it."""
    timm: bool = False
    """Whether timm's architectures do it too."""


CLASSIFIERS = Heads(
    "AutoModelForImageClassification", "image classifier", "classify pictures", ("cnn", "mlp"), timm=True
)
SEGMENTERS = Heads("AutoModelForSemanticSegmentation", "segmentation model", "give pixels a class", ("unet",))


def open_model(
    section: ModelSection, labels: Mapping[str, Any], frame: Frame, heads: Heads
) -> tuple[Any, str | None]:
    """A model with a head for so many labels, in float32, and the commit it came from.

    Args:
        section: the model.
        labels: ``num_labels``, ``id2label``, … as transformers' configuration holds them.
        frame: of the pictures.
        heads: what the head must do.

    Raises:
        ModelError: no such head for this architecture, or unreadable weights.
        RecipeError: unknown architecture, or values of ``model.config`` that it does not have.
    """
    models.register()
    if section.name.startswith(SCRATCH):
        return _new_model(section, labels, frame, heads), None
    located = locate_model(section)
    return _pretrained(located, labels, section.config, heads), located.revision


def open_saved(section: ModelSection, heads: Heads) -> tuple[Any, dict[str, Any]]:
    """A model that this toolkit trained, ready to predict, and what its ``decoding.json`` holds.

    Raises:
        MissingExtraError: a package of the ``vision`` extra is not here.
        ModelError: the folder does not hold such a model, or holds a pickle.
    """
    import transformers
    from safetensors import SafetensorError

    from toolkit.engine.memory import suit_convolutions

    require_vision()
    models.register()
    located = locate_model(section)
    try:
        decoding = read_json(Path(located.path) / DECODING)
        model = getattr(transformers, heads.auto).from_pretrained(located.path, **located.kwargs)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{located.path}: not a saved {heads.noun} ({first_line(error)})") from error
    suit_convolutions(model)
    return model.eval(), decoding


def label_names(model: Any) -> tuple[str, ...]:
    """The names of a model's classes, in the order of its logits."""
    return tuple(model.config.id2label[number] for number in range(model.config.num_labels))


def _pretrained(located: Located, labels: Mapping[str, Any], changes: Mapping[str, Any], heads: Heads) -> Any:
    import transformers
    from safetensors import SafetensorError

    try:
        config: Any = transformers.AutoConfig.from_pretrained(
            located.path, **labels, **changes, **located.config_kwargs
        )
        require_known(changes, config.to_dict())
        if "id2label" in labels and hasattr(config, "label_names"):
            # timm's configurations name their classes here too, and read them from here again: those of before.
            config.label_names = list(labels["id2label"].values())
        return getattr(transformers, heads.auto).from_pretrained(
            located.path, config=config, ignore_mismatched_sizes=True, dtype="float32", **located.kwargs
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{located.path}: cannot {heads.does} ({first_line(error)})") from error


def _new_model(section: ModelSection, labels: Mapping[str, Any], frame: Frame, heads: Heads) -> Any:
    import timm

    name = section.name.removeprefix(SCRATCH)
    if name in heads.own:
        return _own(name, section.config, labels, frame)
    if heads.timm and timm.is_model(name):
        return _of_timm(name, section.config, labels, frame)
    known = [*heads.own, *(timm.list_models() if heads.timm else [])]
    fix = did_you_mean(name, known) if name else "name an architecture"
    if fix.startswith("choose"):
        more = ", or an architecture of timm, such as resnet18" if heads.timm else ""
        fix = f"use one of {', '.join(heads.own)}{more}"
    message = f"no architecture '{name}' to {heads.does} with new weights"
    raise RecipeError(Finding("error", "model.name", message, fix))


def _own(name: str, given: Mapping[str, Any], labels: Mapping[str, Any], frame: Frame) -> Any:
    """An architecture of :mod:`toolkit.models`; what the pictures decide is filled in."""
    kind: Any = models.model_class(name)
    known = kind.config_class().to_dict()
    require_known(given, known)
    shape = {"num_channels": frame.channels, "image_size": list(frame.size)}
    filled = {key: value for key, value in shape.items() if key in known}
    try:
        return kind(kind.config_class(**{**filled, **given}, **labels))
    except (ValueError, TypeError) as error:
        raise RecipeError(Finding("error", "model.config", first_line(error), "")) from error


def _of_timm(name: str, given: Mapping[str, Any], labels: Mapping[str, Any], frame: Frame) -> Any:
    from transformers import AutoModelForImageClassification, TimmWrapperConfig

    arguments = {"in_chans": frame.channels, **given}
    try:
        config = TimmWrapperConfig(architecture=name, model_args=arguments, **labels)
        return AutoModelForImageClassification.from_config(config)
    except (TypeError, ValueError, RuntimeError, AssertionError) as error:
        message = f"timm cannot build '{name}' so ({first_line(error)})"
        raise RecipeError(Finding("error", "model.config", message, "change these values")) from error
