"""U-Net: a class for every pixel (Ronneberger et al. 2015, arXiv:1505.04597)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.loss.loss_utils import ForSemanticSegmentationLoss
from transformers.modeling_outputs import BaseModelOutputWithNoAttention, SemanticSegmenterOutput

from toolkit.models.check import count, count_or_counts, counts, one_of, per_stage, refuse, share
from toolkit.models.layers import ACTIVATIONS, NORMS, convolution, initialise


class UnetConfig(PreTrainedConfig):
    """Shape of a U-Net.

    Raises:
        ValueError: names every value that cannot be, and what can.
    """

    model_type = "toolkit-unet"

    num_channels: int = 3
    channels: Sequence[int] = (16, 32, 64, 128)
    """Channels of each stage, from the full picture down; each has half the height and width of the one before."""
    convolutions: int | Sequence[int] = 2
    """Convolutions of each stage, or of all; the same on the way down and up."""
    activation: str = "relu"
    """sigmoid, tanh, relu or gelu."""
    norm: str = "batch"
    """batch or none."""
    dropout: float = 0.0
    """Share of the features dropped at the end of the way down in training."""
    semantic_loss_ignore_index: int = 255
    """Class number of pixels that do not count."""

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse wrong values, all together, and take the rest as transformers does."""
        refuse(
            "UnetConfig",
            count("num_channels", self.num_channels),
            counts("channels", self.channels),
            count_or_counts("convolutions", self.convolutions, self.channels),
            one_of("activation", self.activation, ACTIVATIONS),
            one_of("norm", self.norm, NORMS),
            share("dropout", self.dropout),
        )
        self.channels = list(self.channels)
        self.convolutions = per_stage(self.convolutions, len(self.channels))
        super().__post_init__(**kwargs)


class UnetPreTrainedModel(PreTrainedModel):
    """What backbone and segmenter share: how they are saved, loaded and initialised."""

    config: UnetConfig
    config_class = UnetConfig
    base_model_prefix = "unet"
    main_input_name = "pixel_values"

    def _init_weights(self, module: nn.Module) -> None:
        if not initialise(module, "he"):
            super()._init_weights(module)


class UnetModel(UnetPreTrainedModel):
    """The way down and the way up."""

    def __init__(self, config: UnetConfig) -> None:
        super().__init__(config)
        widths = [config.num_channels, *config.channels]
        depths = per_stage(config.convolutions, len(config.channels))
        self.pool = nn.MaxPool2d(2, ceil_mode=True)
        self.down = nn.ModuleList(
            _convolutions(config, widths[number], widths[number + 1], depth)
            for number, depth in enumerate(depths)
        )
        self.dropout = nn.Dropout2d(config.dropout)
        self.up = nn.ModuleList(
            Up(config, config.channels[number + 1], config.channels[number], depths[number])
            for number in reversed(range(len(depths) - 1))
        )
        self.post_init()

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> BaseModelOutputWithNoAttention:
        """Features (n, channels, height, width) of pictures (n, channels, height, width), at their own size."""
        hidden = self.down[0](pixel_values)
        skips: list[Tensor] = []
        for block in self.down[1:]:
            skips.append(hidden)
            hidden = block(self.pool(hidden))
        hidden = self.dropout(hidden)
        for block in self.up:
            hidden = block(hidden, skips.pop())
        return BaseModelOutputWithNoAttention(last_hidden_state=hidden)


class Up(nn.Module):
    """Twice the height and width, joined with what the way down had at that size."""

    def __init__(self, config: UnetConfig, inputs: int, outputs: int, depth: int) -> None:
        super().__init__()
        self.widen = nn.ConvTranspose2d(inputs, outputs, 2, 2)
        self.block = _convolutions(config, 2 * outputs, outputs, depth)

    def forward(self, hidden: Tensor, skip: Tensor) -> Tensor:
        """From (n, inputs, height / 2, width / 2), rounded up, to ``skip``'s (n, outputs, height, width)."""
        # Pooling rounded an odd size up, so this cuts the row or column that came from nothing.
        hidden = self.widen(hidden)[..., : skip.shape[-2], : skip.shape[-1]]
        return self.block(torch.cat([skip, hidden], 1))


class UnetForSemanticSegmentation(UnetPreTrainedModel):
    """A U-Net and a linear classifier of each pixel's features."""

    def __init__(self, config: UnetConfig) -> None:
        super().__init__(config)
        self.unet = UnetModel(config)
        self.classifier = nn.Conv2d(config.channels[0], config.num_labels or 2, 1)
        self.post_init()

    def forward(
        self, pixel_values: Tensor, labels: Tensor | None = None, **kwargs: Any
    ) -> SemanticSegmenterOutput:
        """Logits (n, labels, height, width), and the loss when the labels are given.

        Args:
            pixel_values: (n, channels, height, width), normalised; any size.
            labels: (n, height, width) class numbers.
            kwargs: for the loss.
        """
        logits = self.classifier(self.unet(pixel_values).last_hidden_state)
        loss = None
        if labels is not None:
            ignored = self.config.semantic_loss_ignore_index
            loss = ForSemanticSegmentationLoss(logits, labels.long(), ignore_index=ignored, **kwargs)
        return SemanticSegmenterOutput(loss=loss, logits=logits)


def _convolutions(config: UnetConfig, inputs: int, outputs: int, depth: int) -> nn.Sequential:
    widths = [inputs, *[outputs] * depth]
    return nn.Sequential(
        *(
            convolution(before, after, activation=config.activation, norm=config.norm)
            for before, after in pairwise(widths)
        )
    )
