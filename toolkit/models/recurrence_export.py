"""Recurrent layers by operations that ONNX has: it knows no packed texts, and reads a padded one to its end."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from toolkit.models.recurrence import State, taken


def run_padded(
    layers: Iterable[nn.Module], embedded: Tensor, mask: Tensor, between: Callable[[Tensor], Tensor]
) -> tuple[Tensor, State]:
    """The same as :func:`~toolkit.models.recurrence.run_layers` for texts that are padded at their end.

    What follows a text's last token changes nothing before it. Backwards, each text is turned around by itself, so that
    its padding stays behind it, and read forwards.

    Args:
        layers: LSTM or GRU layers, from the input up.
        embedded: (n, tokens, features).
        mask: bool (n, tokens), false at padding.
        between: applied to what one layer hands to the next.

    Raises:
        ValueError: plain recurrent layers, which torch unrolls to one length.
    """
    place = torch.arange(mask.shape[1], device=mask.device).expand(mask.shape)
    turned = torch.where(mask, mask.sum(1, keepdim=True) - 1 - place, place)
    last = (mask.sum(1, keepdim=True) - 1).clamp(min=0)
    hidden, ends = embedded, embedded.new_zeros(())
    for number, layer in enumerate(layers):
        assert isinstance(layer, nn.RNNBase)
        hidden = between(hidden) if number else hidden
        # Taken as it is: after a recurrent layer the exporter believes in the example's number of tokens.
        ahead = taken(_one_way(layer, hidden, ""), place)
        ends = taken(ahead, last).transpose(0, 1)
        if layer.bidirectional:
            back = taken(_one_way(layer, taken(hidden, turned), "_reverse"), turned)
            ends = torch.cat([ends, back[:, :1].transpose(0, 1)])
            ahead = torch.cat([ahead, back], dim=-1)
        hidden = ahead
    return hidden * mask.unsqueeze(-1), ((ends,),)


def _one_way(layer: nn.RNNBase, hidden: Tensor, suffix: str) -> Tensor:
    """One direction of a layer, (n, tokens, hidden)."""
    weights = [
        getattr(layer, f"{name}_l0{suffix}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    ]
    zeros = hidden.new_zeros(1, hidden.shape[0], layer.hidden_size)
    # biases, layers, dropout, training, bidirectional, batch first
    how: Any = (True, 1, 0.0, False, False, True)
    if isinstance(layer, nn.LSTM):
        return torch.lstm(hidden, [zeros, zeros], weights, *how)[0]
    if isinstance(layer, nn.GRU):
        return torch.gru(hidden, zeros, weights, *how)[0]
    raise ValueError("torch gives ONNX no plain recurrent cells for texts of any length; train a gru or lstm")
