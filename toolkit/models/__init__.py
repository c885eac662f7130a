"""Architectures that transformers has no class for, to train from new weights or on pretrained models."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from toolkit.errors import RecipeError, did_you_mean

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

TABLE: dict[str, str] = {
    "cnn": "toolkit.models.cnn:CnnForImageClassification",
    "mlp": "toolkit.models.mlp:MlpForImageClassification",
    "unet": "toolkit.models.unet:UnetForSemanticSegmentation",
}
HEADS: dict[str, str] = {
    "pooled": "toolkit.models.pooled:PooledForSequenceClassification",
}
"""Heads on pretrained models that transformers has no class for either; nothing to begin with new weights."""


def model_class(name: str) -> type[PreTrainedModel]:
    """The class of the architecture called ``name``.

    Raises:
        RecipeError: no such architecture.
    """
    known = {**TABLE, **HEADS}
    if name not in known:
        raise RecipeError(f"unknown architecture '{name}'; {did_you_mean(name, TABLE)}")
    module, _, attribute = known[name].partition(":")
    return getattr(importlib.import_module(module), attribute)


def config_class(name: str) -> type[PreTrainedConfig]:
    """The class of its configuration, whose annotations are what can be configured.

    Raises:
        RecipeError: no such architecture.
    """
    found = model_class(name).config_class
    assert found is not None  # transformers allows models without one; this table has none
    return found


def register() -> None:
    """Let transformers' ``AutoConfig`` and ``AutoModelFor…`` open saved models of these tables; once or often."""
    import transformers

    for name in (*TABLE, *HEADS):
        kind = model_class(name)
        config = config_class(name)
        transformers.AutoConfig.register(config.model_type, config, exist_ok=True)
        # A class that ends in ForImageClassification is opened by AutoModelForImageClassification.
        auto = getattr(transformers, f"AutoModelFor{kind.__name__.partition('For')[2]}")
        auto.register(config, kind, exist_ok=True)
