"""Which parts of a picture spoke for its predicted label: integrated gradients over its pixels."""

from __future__ import annotations

from typing import Any

from toolkit.tasks.protocol import Attribution

STEPS = 16
"""Points of the integral; the map of a picture changes little beyond this."""
CELLS = 28
"""Rows and columns of the map at most: single pixels of a photograph say nothing, patches do."""


def attribute_picture(model: Any, pixel_values: Any, target: int) -> Attribution:
    """Attribute logit ``target`` to the parts of one picture.

    Integrated gradients (Sundararajan et al. 2017, arXiv:1703.01365, eq. 1) from a picture of the mean colour, through
    captum; channels are summed, pixels are averaged over patches, and the whole is scaled so that the strongest patch
    has weight 1 or -1.

    Args:
        model: gives ``logits``; in evaluation mode.
        pixel_values: float32 (1, channels, height, width), normalised, so that zero is the mean colour.
        target: number of the label.
    """
    import torch
    from captum.attr import IntegratedGradients

    device = next(model.parameters()).device

    def logits(values: torch.Tensor) -> torch.Tensor:
        return model(pixel_values=values).logits

    given = pixel_values.to(device)
    integrated = IntegratedGradients(logits)
    found: Any = integrated.attribute(
        given, torch.zeros_like(given), target=target, n_steps=STEPS, internal_batch_size=STEPS
    )
    pixels = found.detach().sum(dim=1, keepdim=True)
    cells = min(CELLS, pixels.shape[-2]), min(CELLS, pixels.shape[-1])
    weights = torch.nn.functional.adaptive_avg_pool2d(pixels, cells)[0, 0]
    largest = float(weights.abs().max()) or 1.0
    return Attribution(heatmap=[[round(value, 3) for value in row] for row in (weights / largest).tolist()])
