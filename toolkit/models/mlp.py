"""A multilayer perceptron for pictures of one size."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.loss.loss_utils import ForSequenceClassificationLoss
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, ImageClassifierOutput

from toolkit.models.check import count, counts, one_of, refuse, share
from toolkit.models.layers import ACTIVATIONS, INITIALIZATIONS, initialise


class MlpConfig(PreTrainedConfig):
    """Shape of a multilayer perceptron.

    Raises:
        ValueError: names every value that cannot be, and what can.
    """

    model_type = "toolkit-mlp"

    image_size: Sequence[int] = (28, 28)
    """Height and width of every picture."""
    num_channels: int = 3
    hidden_sizes: Sequence[int] = (256, 128)
    """Units of each hidden layer, from the input up."""
    activation: str = "relu"
    """sigmoid, tanh, relu or gelu."""
    dropout: float = 0.0
    """Share of the units dropped after each hidden layer in training."""
    initialization: str = "he"
    """xavier, he or default (torch's own)."""

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse wrong values, all together, and take the rest as transformers does."""
        refuse(
            "MlpConfig",
            counts("image_size", self.image_size, 2),
            count("num_channels", self.num_channels),
            counts("hidden_sizes", self.hidden_sizes),
            one_of("activation", self.activation, ACTIVATIONS),
            share("dropout", self.dropout),
            one_of("initialization", self.initialization, INITIALIZATIONS),
        )
        self.image_size, self.hidden_sizes = list(self.image_size), list(self.hidden_sizes)
        super().__post_init__(**kwargs)


class MlpPreTrainedModel(PreTrainedModel):
    """What backbone and classifier share: how they are saved, loaded and initialised."""

    config: MlpConfig
    config_class = MlpConfig
    base_model_prefix = "mlp"
    main_input_name = "pixel_values"

    def _init_weights(self, module: nn.Module) -> None:
        if not initialise(module, self.config.initialization):
            super()._init_weights(module)


class MlpModel(MlpPreTrainedModel):
    """The hidden layers."""

    def __init__(self, config: MlpConfig) -> None:
        super().__init__(config)
        height, width = config.image_size
        sizes = [config.num_channels * height * width, *config.hidden_sizes]
        self.layers = nn.ModuleList(
            nn.Sequential(
                nn.Linear(inputs, outputs), ACTIVATIONS[config.activation](), nn.Dropout(config.dropout)
            )
            for inputs, outputs in pairwise(sizes)
        )
        self.post_init()

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> BaseModelOutputWithNoAttention:
        """The last hidden layer, (n, units), of pictures (n, channels, height, width).

        Raises:
            ValueError: the pictures have another size.
        """
        given, wanted = tuple(pixel_values.shape[1:]), (self.config.num_channels, *self.config.image_size)
        if given != wanted:
            raise ValueError(f"pictures are {given}, this model takes {wanted} (channels, height, width)")
        hidden = pixel_values.flatten(1)
        for layer in self.layers:
            hidden = layer(hidden)
        return BaseModelOutputWithNoAttention(last_hidden_state=hidden)


class MlpForImageClassification(MlpPreTrainedModel):
    """A multilayer perceptron and a linear classifier of its last hidden layer."""

    def __init__(self, config: MlpConfig) -> None:
        super().__init__(config)
        self.mlp = MlpModel(config)
        self.classifier = nn.Linear(config.hidden_sizes[-1], config.num_labels or 2)
        self.post_init()

    def forward(
        self, pixel_values: Tensor, labels: Tensor | None = None, **kwargs: Any
    ) -> ImageClassifierOutput:
        """Logits (n, labels), and the loss when the labels are given.

        Args:
            pixel_values: (n, channels, height, width), normalised.
            labels: (n,) class numbers, or what ``config.problem_type`` asks for.
            kwargs: for the loss.
        """
        logits = self.classifier(self.mlp(pixel_values).last_hidden_state)
        loss = (
            None if labels is None else ForSequenceClassificationLoss(labels, logits, self.config, **kwargs)
        )
        return ImageClassifierOutput(loss=loss, logits=logits)
