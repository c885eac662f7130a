"""Architectures that transformers has no class for, to train from new weights or on pretrained models."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from toolkit.errors import RecipeError, did_you_mean

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

TABLE: dict[str, str] = {
    "cnn": "toolkit.models.cnn:CnnForImageClassification",
    "gru": "toolkit.models.rnn_heads:RecurrentForSequenceClassification",
    "lstm": "toolkit.models.rnn_heads:RecurrentForSequenceClassification",
    "mlp": "toolkit.models.mlp:MlpForImageClassification",
    "rnn": "toolkit.models.rnn_heads:RecurrentForSequenceClassification",
    "unet": "toolkit.models.unet:UnetForSemanticSegmentation",
}
HEADS: dict[str, str] = {
    "pooled": "toolkit.models.pooled:PooledForSequenceClassification",
}
"""Heads on pretrained models that transformers has no class for either; nothing to begin with new weights."""

LANGUAGE_MODELS: dict[str, str] = dict.fromkeys(
    ("gru", "lstm", "rnn"), "toolkit.models.rnn_heads:RecurrentForCausalLM"
)
"""The same architectures with a head that predicts the next token."""

PRESETS: dict[str, Mapping[str, Any]] = {name: {"cell": name} for name in ("gru", "lstm", "rnn")}
"""What a name already says of the configuration, where several names share a class."""


def model_class(name: str, table: Mapping[str, str] = TABLE) -> type[PreTrainedModel]:
    """The class of the architecture called ``name``.

    Raises:
        RecipeError: no such architecture.
    """
    if name not in table:
        raise RecipeError(f"unknown architecture '{name}'; {did_you_mean(name, table)}")
    module, _, attribute = table[name].partition(":")
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

    for table in (TABLE, LANGUAGE_MODELS, HEADS):
        for name in table:
            kind = model_class(name, table)
            config: Any = kind.config_class
            transformers.AutoConfig.register(config.model_type, config, exist_ok=True)
            # A class that ends in ForImageClassification is opened by AutoModelForImageClassification.
            auto = getattr(transformers, f"AutoModelFor{kind.__name__.partition('For')[2]}")
            auto.register(config, kind, exist_ok=True)
