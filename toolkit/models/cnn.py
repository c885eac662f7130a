"""A convolutional network in stages, each at half the height and width of the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.loss.loss_utils import ForSequenceClassificationLoss
from transformers.modeling_outputs import BaseModelOutputWithPoolingAndNoAttention, ImageClassifierOutput

from toolkit.models.check import count, count_or_counts, counts, flag, odd, one_of, per_stage, refuse, share
from toolkit.models.layers import ACTIVATIONS, INITIALIZATIONS, NORMS, convolution, initialise

POOLINGS: dict[str, type[nn.Module]] = {
    "max": nn.MaxPool2d,
    "average": nn.AvgPool2d,
    "stride": nn.Identity,
}
"""What halves height and width before each stage but the first; ``stride`` leaves it to the stage's convolution."""


class CnnConfig(PreTrainedConfig):
    """Shape of a convolutional network.

    The defaults cost 15 MFLOP (multiplications and additions) forward for a picture of 28 x 28.

    Raises:
        ValueError: names every value that cannot be, and what can.
    """

    model_type = "toolkit-cnn"

    num_channels: int = 3
    channels: Sequence[int] = (32, 64, 128)
    """Channels of each stage."""
    convolutions: int | Sequence[int] = 1
    """Convolutions of each stage, or of all; the first stage has the most pixels, so each costs most there."""
    kernel_size: int = 3
    pooling: str = "max"
    """max, average or stride, between the stages."""
    activation: str = "relu"
    """sigmoid, tanh, relu or gelu."""
    norm: str = "batch"
    """batch or none."""
    residual: bool = True
    """Skip around the second and later convolutions of a stage together (He et al. 2016)."""
    dropout: float = 0.0
    """Share of the features dropped before the classifier in training."""
    initialization: str = "he"
    """xavier, he or default (torch's own)."""

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse wrong values, all together, and take the rest as transformers does."""
        refuse(
            "CnnConfig",
            count("num_channels", self.num_channels),
            counts("channels", self.channels),
            count_or_counts("convolutions", self.convolutions, self.channels),
            odd("kernel_size", self.kernel_size),
            one_of("pooling", self.pooling, POOLINGS),
            one_of("activation", self.activation, ACTIVATIONS),
            one_of("norm", self.norm, NORMS),
            flag("residual", self.residual),
            share("dropout", self.dropout),
            one_of("initialization", self.initialization, INITIALIZATIONS),
        )
        self.channels = list(self.channels)
        self.convolutions = per_stage(self.convolutions, len(self.channels))
        super().__post_init__(**kwargs)


class CnnPreTrainedModel(PreTrainedModel):
    """What backbone and classifier share: how they are saved, loaded and initialised."""

    config: CnnConfig
    config_class = CnnConfig
    base_model_prefix = "cnn"
    main_input_name = "pixel_values"

    def _init_weights(self, module: nn.Module) -> None:
        if not initialise(module, self.config.initialization):
            super()._init_weights(module)


class CnnModel(CnnPreTrainedModel):
    """The stages and the average over all pixels of the last one's output (Lin et al. 2014)."""

    def __init__(self, config: CnnConfig) -> None:
        super().__init__(config)
        widths = [config.num_channels, *config.channels]
        depths = per_stage(config.convolutions, len(config.channels))
        self.stages = nn.ModuleList(
            Stage(config, widths[number], widths[number + 1], depth, halves=number > 0)
            for number, depth in enumerate(depths)
        )
        self.post_init()

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> BaseModelOutputWithPoolingAndNoAttention:
        """The last stage's output, (n, channels, height, width), and its average over the pixels, (n, channels)."""
        hidden = pixel_values
        for stage in self.stages:
            hidden = stage(hidden)
        return BaseModelOutputWithPoolingAndNoAttention(
            last_hidden_state=hidden, pooler_output=hidden.mean((2, 3))
        )


class Stage(nn.Module):
    """Convolutions of one width and one size of picture."""

    def __init__(self, config: CnnConfig, inputs: int, outputs: int, depth: int, *, halves: bool) -> None:
        super().__init__()
        shape: dict[str, Any] = {
            "activation": config.activation,
            "norm": config.norm,
            "kernel_size": config.kernel_size,
        }
        # Rounding sizes up, as a strided convolution does, lets any picture through any number of stages.
        self.pool = POOLINGS[config.pooling](2, ceil_mode=True) if halves else nn.Identity()
        stride = 2 if halves and config.pooling == "stride" else 1
        self.first = convolution(inputs, outputs, stride=stride, **shape)
        self.later = nn.Sequential(*(convolution(outputs, outputs, **shape) for _ in range(depth - 1)))
        self.skips = config.residual and depth > 1

    def forward(self, hidden: Tensor) -> Tensor:
        """From (n, inputs, height, width) to (n, outputs, height, width), or half of each, rounded up."""
        hidden = self.first(self.pool(hidden))
        return hidden + self.later(hidden) if self.skips else self.later(hidden)


class CnnForImageClassification(CnnPreTrainedModel):
    """A convolutional network and a linear classifier of its features."""

    def __init__(self, config: CnnConfig) -> None:
        super().__init__(config)
        self.cnn = CnnModel(config)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.channels[-1], config.num_labels or 2)
        self.post_init()

    def forward(
        self, pixel_values: Tensor, labels: Tensor | None = None, **kwargs: Any
    ) -> ImageClassifierOutput:
        """Logits (n, labels), and the loss when the labels are given.

        Args:
            pixel_values: (n, channels, height, width), normalised; any size.
            labels: (n,) class numbers, or what ``config.problem_type`` asks for.
            kwargs: for the loss.
        """
        logits = self.classifier(self.dropout(self.cnn(pixel_values).pooler_output))
        loss = (
            None if labels is None else ForSequenceClassificationLoss(labels, logits, self.config, **kwargs)
        )
        return ImageClassifierOutput(loss=loss, logits=logits)
