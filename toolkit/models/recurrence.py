"""What recurrent networks are made of: cells, the start of their weights, packed reading, pooling over tokens."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Generator, Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

CELLS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
POOLINGS = ("last", "mean", "max")

State = tuple[tuple[Tensor, ...], ...]
"""Of each layer its hidden state, and of an LSTM its memory too, each (directions, n, hidden)."""


def initialise_recurrence(module: nn.RNNBase) -> None:
    """Draw the first weights of a layer; what was loaded from a file stays.

    Recurrent weights are orthogonal, gate by gate, so that repeated products neither vanish nor explode (Saxe et al.
    2014, arXiv:1312.6120); input weights are uniform with variance 2 / (inputs + outputs) (Glorot & Bengio 2010,
    equation 16). Biases are 0, but that of an LSTM's forget gate is 1, so that it remembers at first (Gers et al. 2000;
    Jozefowicz et al. 2015).
    """
    size = module.hidden_size
    for name, parameter in module.named_parameters():
        if getattr(parameter, "_is_hf_initialized", False):
            continue
        with torch.no_grad():
            if name.startswith("bias"):
                parameter.zero_()
                if isinstance(module, nn.LSTM) and name.startswith("bias_ih"):
                    parameter[size : 2 * size] = 1.0  # torch orders the gates: input, forget, cell, output
                continue
            for gate in parameter.split(size):
                _draw(gate, recurrent=name.startswith("weight_hh"))


def _draw(gate: Tensor, *, recurrent: bool) -> None:
    if recurrent:
        nn.init.orthogonal_(gate)
    else:
        bound = math.sqrt(6 / sum(gate.shape))
        gate.uniform_(-bound, bound)


def run_layers(
    layers: Iterable[nn.Module],
    embedded: Tensor,
    mask: Tensor | None,
    state: State | None,
    between: Callable[[Tensor], Tensor],
) -> tuple[Tensor, State]:
    """Run recurrent layers over each row's real tokens alone, however it is padded.

    Args:
        layers: from the input up.
        embedded: (n, tokens, features).
        mask: bool (n, tokens), false at padding; None for no padding.
        state: of each layer before the first token, or None for zeros.
        between: applied to what one layer hands to the next.

    Returns:
        The top layer's output (n, tokens, width), zero at padding, and each layer's state after the last real token.
    """
    order = None if mask is None else (~mask).int().argsort(dim=1, stable=True)
    hidden: Tensor | PackedSequence = embedded
    if mask is not None and order is not None:
        lengths = mask.sum(1).clamp(min=1).cpu()
        hidden = pack_padded_sequence(taken(embedded, order), lengths, batch_first=True, enforce_sorted=False)
    after: list[tuple[Tensor, ...]] = []
    for number, layer in enumerate(layers):
        if number:
            hidden = _apply(between, hidden)
        with _with_gradients(layer, embedded):
            hidden, states = layer(hidden, None if state is None else _as_given(state[number]))
        after.append(states if isinstance(states, tuple) else (states,))
    if isinstance(hidden, PackedSequence):
        assert order is not None  # packed above
        padded, _ = pad_packed_sequence(hidden, batch_first=True, total_length=embedded.shape[1])
        hidden = taken(padded, order.argsort(dim=1))
    return hidden, tuple(after)


def pool(output: Tensor, state: State, mask: Tensor | None, how: str) -> Tensor:
    """One vector for each text, (n, width).

    Args:
        output: top layer at every token, (n, tokens, width).
        state: after the last real token.
        mask: bool (n, tokens), false at padding; None for no padding.
        how: ``last``, the final state of each direction; ``mean`` or ``max`` over the real tokens.
    """
    if how == "last":
        return torch.cat(tuple(state[-1][0]), dim=-1)
    if mask is None:
        return output.mean(1) if how == "mean" else output.amax(1)
    real = mask.unsqueeze(-1)
    if how == "mean":
        return output.sum(1) / real.sum(1).clamp(min=1)  # padding is zero
    return output.masked_fill(~real, torch.finfo(output.dtype).min).amax(1)


def _as_given(state: tuple[Tensor, ...]) -> Tensor | tuple[Tensor, ...]:
    """A layer's state as torch wants it: an LSTM's as a pair, another's bare."""
    return state[0] if len(state) == 1 else state


def taken(values: Tensor, order: Tensor) -> Tensor:
    """Tokens of (n, tokens, features), of each row those that ``order`` (n, chosen) names."""
    return values.gather(1, order.unsqueeze(-1).expand(-1, -1, values.shape[-1]))


def _apply(function: Callable[[Tensor], Tensor], hidden: Tensor | PackedSequence) -> Tensor | PackedSequence:
    return (
        hidden._replace(data=function(hidden.data))
        if isinstance(hidden, PackedSequence)
        else function(hidden)
    )


@contextlib.contextmanager
def _with_gradients(layer: nn.Module, embedded: Tensor) -> Generator[None]:
    """Let a layer be explained: cuDNN refuses gradients outside of training, which torch's own kernels give."""
    refused = embedded.is_cuda and embedded.requires_grad and not layer.training
    with torch.backends.cudnn.flags(enabled=False) if refused else contextlib.nullcontext():
        yield
