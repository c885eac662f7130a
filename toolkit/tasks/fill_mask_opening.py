"""Open a pretrained encoder with its masked language model head; refuse what has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit import models
from toolkit.errors import Finding, ModelError, RecipeError, first_line
from toolkit.hub.models import SCRATCH, Located, locate_model, require_known
from toolkit.tasks.fill_mask_model import FillMaskPredictor
from toolkit.tasks.text_opening import longest_input, open_tokenizer

if TYPE_CHECKING:
    from toolkit.recipe.schema import ModelSection

ALTERNATIVES = (
    "distilbert/distilbert-base-uncased or FacebookAI/roberta-base, or offline sample:smiles-albert"
)
"""Models that fill gaps."""


@dataclass(frozen=True)
class Opened:
    """A model that fills gaps, or will learn to."""

    predictor: FillMaskPredictor
    new_head: bool
    """Whether the head has nothing learnt in it yet."""
    findings: Sequence[Finding]


def open_filler(section: ModelSection, max_length: int, *, new_head: bool = False) -> Opened:
    """A pretrained masked language model in float32 with its tokenizer.

    Args:
        section: the model.
        max_length: tokens of a block; the model's own limit applies where it is lower.
        new_head: take a model without a head, and give it a new one.

    Raises:
        ModelError: no mask token, no head, no such architecture, or unreadable weights; each with alternatives.
        RecipeError: new weights, which have nothing to adapt.
    """
    if section.name.startswith(SCRATCH):
        message = "new weights have learnt nothing that could be adapted"
        raise RecipeError(Finding("error", "model.name", message, f"name a model, such as {ALTERNATIVES}"))
    models.register()
    located = locate_model(section)
    tokenizer = open_tokenizer(located)
    _require_mask(section, tokenizer)
    model, missing = _open(section, located)
    if missing and not new_head:
        message = f"its weights hold no masked language model head ({missing[0]} is missing)"
        fix = f"use {ALTERNATIVES}; or train a new head: options.new_head=true"
        raise ModelError(Finding("error", _where(section), message, fix))
    limit = longest_input(model, tokenizer, max_length)
    predictor = FillMaskPredictor(model, tokenizer, limit, located.revision)
    return Opened(predictor, bool(missing), [_new_head(section)] if missing else [])


def _require_mask(section: ModelSection, tokenizer: Any) -> None:
    fix = f"use {ALTERNATIVES}"
    if tokenizer.mask_token_id is None:
        message = "its tokenizer has no mask token, so that it cannot fill gaps"
        raise ModelError(Finding("error", _where(section), message, fix))
    if not tokenizer.is_fast:
        message = "its tokenizer cannot say where words begin (it is no fast one)"
        raise ModelError(Finding("error", _where(section), message, fix))


def _open(section: ModelSection, located: Located) -> tuple[Any, list[str]]:
    """The model, and the names of the weights that it does not find."""
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForMaskedLM

    try:
        config = AutoConfig.from_pretrained(located.path, **section.config, **located.config_kwargs)
        require_known(section.config, config.to_dict())
        model, told = AutoModelForMaskedLM.from_pretrained(
            located.path, config=config, dtype="float32", output_loading_info=True, **located.kwargs
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        fix = f"use {ALTERNATIVES}"
        message = f"cannot fill gaps ({first_line(error)})"
        raise ModelError(Finding("error", _where(section), message, fix)) from error
    return model, sorted(told["missing_keys"])


def _new_head(section: ModelSection) -> Finding:
    message = (
        f"{_where(section)} has no masked language model head: a new one is trained, and the figures before "
        "training are those of a head that has learnt nothing"
    )
    return Finding("warning", "options.new_head", message, "")


def _where(section: ModelSection) -> str:
    return f"model '{section.name}'"
