"""Forward passes over pictures, without gradients; shared by the predictors of the image tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.errors import DataError, Finding, raise_errors

if TYPE_CHECKING:
    from toolkit.tasks.image_input import PictureInput

CHUNK = 512
"""Pictures decoded at a time: of any number, no more are in memory as pixels."""

R = TypeVar("R")


def forward_pictures(
    model: Any,
    preprocessing: PictureInput,
    inputs: Sequence[Any],
    take: Callable[[Any], Iterable[R]],
    batch_size: int,
) -> list[R]:
    """What ``take`` makes of the model's outputs for each picture, in order, in evaluation mode.

    Args:
        model: reads ``pixel_values``; its mode is restored afterwards.
        preprocessing: brings pictures to the model.
        inputs: stored pictures, or whatever :func:`~toolkit.data.pictures.open_picture` opens.
        take: from the output for a batch to one thing a picture.
        batch_size: pictures of a forward pass.

    Raises:
        DataError: some inputs are no usable pictures; all of them are named.
    """
    import torch

    device = next(model.parameters()).device
    found: list[R] = []
    problems: list[Finding] = []
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(inputs), CHUNK):
            try:
                pixels = preprocessing.pixels(inputs[start : start + CHUNK], first=start + 1)
            except DataError as error:
                problems += error.problems
                continue
            for at in range(0, len(pixels), batch_size):
                batch = preprocessing.encode(pixels[at : at + batch_size])
                found.extend(take(model(pixel_values=batch.to(device))))
    model.train(was_training)
    raise_errors(problems)
    return found
