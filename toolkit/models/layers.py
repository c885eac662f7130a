"""What the architectures are made of: activations, the start of their weights, a convolution with its norm."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from transformers import initialization

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "gelu": nn.GELU,
}
NORMS = ("batch", "none")
INITIALIZATIONS = ("xavier", "he", "default")

# transformers' functions leave alone what was loaded from a file.
_DRAW: dict[str, Callable[..., Tensor]] = {
    "xavier": initialization.xavier_uniform_,
    "he": initialization.kaiming_normal_,
}


def convolution(
    inputs: int, outputs: int, *, activation: str, norm: str, kernel_size: int = 3, stride: int = 1
) -> nn.Sequential:
    """A convolution that keeps height and width (divides them by ``stride``), its norm and its activation.

    Args:
        inputs: channels in.
        outputs: channels out.
        activation: a name of ``ACTIVATIONS``.
        norm: ``batch`` (Ioffe & Szegedy 2015) or ``none``; without one the convolution has a bias.
        kernel_size: odd.
        stride: of the convolution.
    """
    bias = norm == "none"
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel_size, stride, kernel_size // 2, bias=bias),
        *([] if bias else [nn.BatchNorm2d(outputs)]),
        ACTIVATIONS[activation](),
    ]
    return nn.Sequential(*layers)


def initialise(module: Any, scheme: str) -> bool:
    """Draw the first weights of a linear layer or a convolution; say whether ``module`` is one.

    Args:
        module: any part of a model.
        scheme: ``xavier``, uniform with variance 2 / (inputs + outputs) (Glorot & Bengio 2010, equation 16);
            ``he``, normal with variance 2 / inputs (He et al. 2015, equation 10), for ReLU; ``default``, torch's own.
            Biases start at 0, but torch's.
    """
    if not isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
        return False
    if scheme == "default":
        module.reset_parameters()
        return True
    _DRAW[scheme](module.weight, **({"nonlinearity": "relu"} if scheme == "he" else {}))
    if module.bias is not None:
        initialization.zeros_(module.bias)
    return True
