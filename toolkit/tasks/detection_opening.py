"""Open a detector: pretrained, or a new head on a pretrained backbone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.errors import Finding, ModelError, RecipeError, did_you_mean, first_line, raise_errors
from toolkit.files import read_json
from toolkit.hub.models import SCRATCH, locate_model, require_known
from toolkit.recipe.schema import ModelSection
from toolkit.tasks.image_opening import Heads, open_model

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.data.pictures import Frame

NEW = ("rt_detr", "rt_detr_v2", "d_fine")
"""Architectures of transformers that are built with new weights."""
FAMILIES = (*NEW, "deformable_detr")
"""Model types whose scores are sigmoids, one a class, and whose loss is divided by the boxes of a batch."""
DETECTORS = Heads("AutoModelForObjectDetection", "detector", "find objects", NEW)


def open_detector(section: ModelSection, labels: Mapping[str, Any], frame: Frame) -> tuple[Any, str | None]:
    """A detector for so many labels, in float32, and the commit it came from.

    Args:
        section: the model.
        labels: ``num_labels``, ``id2label``, … as transformers' configuration holds them.
        frame: of the pictures.

    Raises:
        ModelError: an architecture that is not supported, or unreadable weights.
        RecipeError: unknown architecture, or values of ``model.config`` that do not go together.
    """
    if section.name.startswith(SCRATCH):
        model, revision = _new_detector(section, labels, frame), None
    else:
        if section.backbone is not None:
            fix = f"remove it, or set model.name={SCRATCH}{NEW[0]}"
            raise RecipeError(Finding("error", "model.backbone", "a pretrained detector has its own", fix))
        model, revision = open_model(section, labels, frame, DETECTORS)
    _require_family(section, model.config.model_type)
    _require_size(model.config, frame)
    return model, revision


def freeze_detector(model: Any, what: str | int) -> None:
    """Freeze nothing, or the backbone that pictures go through first.

    Raises:
        RecipeError: anything else is asked for.
    """
    if what == "backbone":
        model.model.backbone.requires_grad_(False)
    elif what != "none":
        message = "a detector's layers are of several kinds and cannot be counted"
        raise RecipeError(Finding("error", "train.freeze", message, "choose none or backbone"))


def freeze_norms(model: Any) -> None:
    """Leave the statistics and weights of all batch norms as they are."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.requires_grad_(False)


def _require_family(section: ModelSection, kind: str) -> None:
    if kind not in FAMILIES:
        fix = f"use a model of type {', '.join(FAMILIES)}"
        raise ModelError(
            Finding("error", f"model '{section.name}'", f"detectors of type {kind} are not trained", fix)
        )


def _require_size(config: Any, frame: Frame) -> None:
    """The sizes of the feature maps must halve from one to the next, and hold as many places as there are queries."""
    if config.model_type not in NEW:
        return
    strides, (height, width) = config.feat_strides, frame.size
    largest = max(strides)
    wrong: list[Finding] = []
    if height % largest or width % largest:
        message = (
            f"{height} x {width} pixels: both must be multiples of {largest}, the coarsest of feat_strides"
        )
        near = max(largest, round(max(height, width) / largest) * largest)
        wrong.append(Finding("error", "options.size", message, f"set options.size={near}"))
    places = sum((height // stride) * (width // stride) for stride in strides)
    if places < config.num_queries:
        message = f"{config.num_queries} queries, and the feature maps have {places} places"
        fix = f"set model.config.num_queries={places} or less, or a larger options.size"
        wrong.append(Finding("error", "model.config.num_queries", message, fix))
    raise_errors(wrong, RecipeError)


def _new_detector(section: ModelSection, labels: Mapping[str, Any], frame: Frame) -> Any:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CONFIG_MAPPING, AutoModelForObjectDetection

    name = section.name.removeprefix(SCRATCH)
    if name not in NEW:
        message = f"no architecture '{name}' to find objects with new weights"
        raise RecipeError(Finding("error", "model.name", message, did_you_mean(name, NEW)))
    kind: Any = CONFIG_MAPPING[name]
    plain = kind()
    require_known(section.config, plain.to_dict())
    strides = section.config.get("feat_strides", plain.feat_strides)
    backbone = None if section.backbone is None else _backbone(section.backbone, strides)
    values = _filled(section.config, plain, backbone, frame)
    try:
        config = kind(**values, **labels)
        if backbone is None:
            config.backbone_config.num_channels = frame.channels
        model: Any = AutoModelForObjectDetection.from_config(config)
    except (TypeError, ValueError, RuntimeError, AssertionError, StrictDataclassError) as error:
        reason = first_line(error)
        raise RecipeError(Finding("error", "model.config", reason, "change these values")) from error
    _settle_norms(model)
    if backbone is not None and backbone.weights is not None:
        _copy(backbone, model.model.backbone.model._backbone)
    return model


def _settle_norms(model: Any) -> None:
    """Start batch norms as the identity: transformers draws their weights about 0, and so a neck hardly learns."""
    from torch import nn

    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)


@dataclass(frozen=True)
class _Backbone:
    """A timm model that gives feature maps at the strides a detector reads."""

    name: str
    architecture: str
    indices: Sequence[int]
    channels: Sequence[int]
    weights: Mapping[str, Tensor] | None
    """By name; None for new ones."""


def _filled(given: Mapping[str, Any], plain: Any, backbone: _Backbone | None, frame: Frame) -> dict[str, Any]:
    """``model.config`` with what follows from it: widths of the parts that must agree, and the backbone."""
    width = given.get("encoder_hidden_dim", given.get("d_model", plain.d_model))
    levels = len(given.get("feat_strides", plain.feat_strides))
    values = {
        "encoder_hidden_dim": width,
        "decoder_in_channels": [width] * levels,
        "num_feature_levels": levels,
        "encode_proj_layers": [levels - 1],
        **given,
    }
    if backbone is None:
        return values
    from transformers import TimmBackboneConfig

    # transformers would replace timm's batch norms and lose the activations inside them; timm's own way keeps them.
    frozen = values.pop("freeze_backbone_batch_norms", plain.freeze_backbone_batch_norms)
    settings: dict[str, Any] = {
        "backbone": backbone.architecture,
        "num_channels": frame.channels,
        "out_indices": list(backbone.indices),
        "freeze_batch_norm_2d": frozen,
    }
    values["backbone_config"] = TimmBackboneConfig(**settings)
    return {**values, "freeze_backbone_batch_norms": False, "encoder_in_channels": list(backbone.channels)}


def _backbone(name: str, strides: Sequence[int]) -> _Backbone:
    """The backbone that a recipe names, with the feature maps of these strides.

    Raises:
        ModelError: it is no model of timm, or has no weights.
        RecipeError: unknown architecture, or no feature maps of these strides.
    """
    architecture, weights = _located(name)
    import timm

    if not timm.is_model(architecture):
        message = f"timm has no architecture '{architecture}'"
        raise RecipeError(
            Finding("error", "model.backbone", message, did_you_mean(architecture, timm.list_models()))
        )
    try:
        features: Any = timm.create_model(architecture, features_only=True)
    except (RuntimeError, AttributeError, TypeError, ValueError) as error:
        fix = "choose a convolutional network, such as resnet18"
        message = f"'{architecture}' gives no feature maps ({str(error).partition(chr(10))[0]})"
        raise RecipeError(Finding("error", "model.backbone", message, fix)) from error
    maps: list[dict[str, Any]] = features.feature_info.info
    by_stride = {one["reduction"]: (at, one["num_chs"]) for at, one in enumerate(maps)}
    missing = [stride for stride in strides if stride not in by_stride]
    if missing:
        message = f"'{architecture}' has feature maps of strides {list(by_stride)}, and not {missing}"
        raise RecipeError(Finding("error", "model.backbone", message, "set model.config.feat_strides"))
    indices, channels = zip(*(by_stride[stride] for stride in strides), strict=True)
    return _Backbone(name, architecture, indices, channels, weights)


def _located(name: str) -> tuple[str, Mapping[str, Tensor] | None]:
    """A backbone's architecture, and its weights unless they are to be new."""
    if name.startswith(SCRATCH):
        return name.removeprefix(SCRATCH), None
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from transformers.utils.hub import cached_file

    located = locate_model(ModelSection(name=name))
    pinned = {"revision": located.revision} if located.revision else {}
    try:
        described, weights = (
            Path(str(cached_file(located.path, file, **pinned)))
            for file in ("config.json", "model.safetensors")
        )
        config = read_json(described)
        if "architecture" not in config:
            fix = "name a model of timm, such as timm/resnet18.a1_in1k"
            raise ModelError(Finding("error", f"model.backbone '{name}'", "not a model of timm", fix))
        return str(config["architecture"]), load_file(weights)
    except (OSError, ValueError, SafetensorError) as error:
        reason = first_line(error)
        raise ModelError(Finding("error", f"model.backbone '{name}'", reason, "")) from error


def _copy(backbone: _Backbone, module: Any) -> None:
    """Give a backbone its pretrained weights by name; every name and every shape must be there.

    Raises:
        ModelError: some are not.
    """
    # A network cut into its feature maps calls "stages.0" "stages_0".
    given = {name.replace(".", "_"): value for name, value in (backbone.weights or {}).items()}
    wanted: Mapping[str, Tensor] = module.state_dict()
    found = {name: given.get(name.replace(".", "_")) for name in wanted}
    wrong = [name for name, value in found.items() if value is None or value.shape != wanted[name].shape]
    if wrong:
        message = f"{len(wrong)} weights are missing or of another shape, {wrong[0]} among them"
        fix = "set options.channels=3, or use model.backbone=scratch:" + backbone.architecture
        raise ModelError(Finding("error", f"model.backbone '{backbone.name}'", message, fix))
    module.load_state_dict(found)
