"""Low-rank adapters (Hu et al. 2021, arXiv:2106.09685) through peft."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

from torch import nn
from transformers import PreTrainedModel

from toolkit.errors import Finding, RecipeError, did_you_mean

if TYPE_CHECKING:
    from peft import PeftModel

TARGETS = "train.lora.target_modules"


def add_lora(
    model: PreTrainedModel,
    *,
    r: int = 8,
    lora_alpha: int = 16,
    lora_dropout: float = 0.0,
    target_modules: list[str] | str = "all-linear",
    task_type: str | None = None,
) -> PeftModel:
    """Freeze a model, give its linear layers adapters, and keep its head trainable.

    Args:
        model: with or without a head; changed in place.
        r: rank of the update.
        lora_alpha: the update is scaled by ``lora_alpha / r``.
        lora_dropout: on the adapters' input.
        target_modules: names of the modules that get an adapter, or ``all-linear``.
        task_type: peft's name of the task, for models that generate.

    Raises:
        RecipeError: no module is called so, or peft knows no adapter for it.
    """
    from peft import LoraConfig, PeftMixedModel, get_peft_model

    _check_targets(model, target_modules)
    _require_linear(model, target_modules)
    config = LoraConfig(
        r=r,
        lora_alpha=lora_alpha,
        lora_dropout=lora_dropout,
        target_modules=target_modules,
        modules_to_save=head_modules(model) or None,  # peft gives what it saves no adapters
        task_type=task_type,
    )
    with warnings.catch_warnings():
        # peft still asks models for a property that transformers has renamed.
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        try:
            adapted = get_peft_model(model, config)
        except (ValueError, re.error) as error:
            message = f"{target_modules!r}: {str(error).partition(chr(10))[0]}"
            raise RecipeError(
                Finding("error", TARGETS, message, "name linear layers, or all-linear")
            ) from error
    assert not isinstance(adapted, PeftMixedModel)  # only asked for with mixed=True
    return adapted


def merge_lora(model: nn.Module) -> Any:
    """The plain model with the adapters' updates added to its weights; a model without adapters as it is."""
    merge: Any = getattr(
        model, "merge_and_unload", None
    )  # peft need not be imported to see that there is none
    return model if merge is None else merge()


def head_modules(model: PreTrainedModel) -> list[str]:
    """Names of the parts above the backbone that were not pretrained with it: a language model's output is none."""
    output = model.get_output_embeddings()
    below = {id(parameter) for parameter in model.base_model.parameters()}
    return [
        name
        for name, module in model.named_children()
        if module is not model.base_model
        and module is not output
        and any(id(parameter) not in below for parameter in module.parameters())
    ]


def _require_linear(model: PreTrainedModel, target_modules: list[str] | str) -> None:
    """Refuse to adapt all linear layers of a model that has none below its head, such as a recurrent one."""
    if target_modules != "all-linear" or any(isinstance(m, nn.Linear) for m in model.base_model.modules()):
        return
    message = f"{type(model).__name__} has no linear layers below its head that could get an adapter"
    raise RecipeError(Finding("error", TARGETS, message, "leave train.lora out: train the whole model"))


def _check_targets(model: PreTrainedModel, target_modules: list[str] | str) -> None:
    """Collect the targets that name no module; a string is a regular expression, which peft checks itself."""
    if isinstance(target_modules, str):
        return
    names = [name for name, _ in model.named_modules()]
    unknown = [t for t in target_modules if not any(f".{name}".endswith(f".{t}") for name in names)]
    if unknown:
        linear = {name.rpartition(".")[2] for name, m in model.named_modules() if isinstance(m, nn.Linear)}
        raise RecipeError(
            [
                Finding("error", TARGETS, f"no module is called '{t}'", did_you_mean(t, linear))
                for t in unknown
            ]
        )
