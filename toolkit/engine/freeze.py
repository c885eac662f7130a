"""Which parts of a pretrained model stay as they are."""

from __future__ import annotations

from typing import Literal

from torch import nn
from transformers import PreTrainedModel

from toolkit.errors import Finding, RecipeError


def freeze(model: PreTrainedModel, what: Literal["none", "backbone"] | int) -> None:
    """Freeze nothing, all but the head, or the embeddings and the lowest layers.

    Args:
        model: any model of the Hub; its layers are found, not known by name.
        what: ``none``, ``backbone``, or how many layers.

    Raises:
        RecipeError: the model has no head, or fewer layers; the message says how many it has.
    """
    if what == "none":
        return
    if what == "backbone":
        _freeze_backbone(model)
    else:
        _freeze_layers(model, what)


def to_training(model: nn.Module) -> None:
    """Put a model into training mode, but leave what is frozen as it is used: no dropout, no new batch statistics."""
    model.train()
    for module in model.modules():
        parameters = list(module.parameters())
        if parameters and not any(parameter.requires_grad for parameter in parameters):
            module.eval()


def head_of(model: PreTrainedModel) -> nn.Module | None:
    """The classifier of a model whose backbone holds it too, as timm's do; None for all others."""
    timm_model = getattr(model, "timm_model", None)
    head = timm_model.get_classifier() if timm_model is not None else None
    return head if isinstance(head, nn.Module) else None


def backbone_layers(model: PreTrainedModel) -> list[nn.Module]:
    """The layers of a model from the input up: those of its outermost lists of modules, in order."""
    lists = {
        name: m for name, m in model.base_model.named_modules() if isinstance(m, nn.ModuleList) and len(m)
    }
    outer = [name for name in lists if not any(name.startswith(f"{other}.") for other in lists)]
    return [layer for name in outer for layer in lists[name]]


def _freeze_backbone(model: PreTrainedModel) -> None:
    if model.base_model is model:
        raise _refuse(f"{type(model).__name__} has no head above its backbone")
    model.base_model.requires_grad_(False)
    head = head_of(model)
    if head is not None:
        head.requires_grad_(True)


def _freeze_layers(model: PreTrainedModel, count: int) -> None:
    layers = backbone_layers(model)
    if not 0 <= count <= len(layers):
        raise _refuse(f"{count} layers cannot be frozen: {type(model).__name__} has {len(layers)}")
    above = {id(parameter) for layer in layers[count:] for parameter in layer.parameters()}
    top = {id(p) for p in _parameters_after(model, layers[-1])} if layers else set[int]()
    # Parameters are registered from the input up, so what comes before layer `count` lies below it.
    for parameter in model.base_model.parameters():
        if id(parameter) in above | top:
            break
        parameter.requires_grad_(False)


def _parameters_after(model: PreTrainedModel, layer: nn.Module) -> list[nn.Parameter]:
    parameters = list(model.base_model.parameters())
    last = list(layer.parameters())[-1]
    place = next(index for index, parameter in enumerate(parameters) if parameter is last)
    return parameters[place + 1 :]


def _refuse(message: str) -> RecipeError:
    fix = "choose none, backbone or a smaller number"
    return RecipeError(Finding("error", "train.freeze", message, fix))
