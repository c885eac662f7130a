"""Functions of tensors that are recorded once and replayed without modules, autograd or checks in between.

A network of reinforcement learning is so small that calling its modules and keeping autograd's books takes longer than
its arithmetic. The operations of a function, those of its backward pass among them, are recorded by
:func:`torch.fx.experimental.proxy_tensor.make_fx`, and from then on called one after the other. They are the same
operations on the same numbers, so the results are equal to the last bit. Nothing has to be compiled.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, fx
from torch.distributions import Distribution
from torch.fx.experimental.proxy_tensor import make_fx

Given = Tensor | Mapping[str, Tensor] | tuple[Any, ...]
"""An argument: observations may be a dict of tensors, and a batch is a named tuple."""
VIEWS = {torch.ops.aten.t.default, torch.ops.aten.detach.default, torch.ops.aten.alias.default}
"""Operations whose result shares the memory of what they are given: of weights, they are done while recording."""


class Traced:
    """A function of tensors, recorded for each kind of arguments it meets.

    Args:
        function: takes tensors, or dicts of them, and returns a tensor or several. It must do the same for all
            arguments of the same shapes, and change nothing. Tensors that it knows besides its arguments, such as
            weights, are looked at anew by every call, as long as they are changed in place.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self._recorded: dict[Any, Callable[..., Any]] = {}

    def __call__(self, *given: Given) -> Any:
        """What the function returns, without a gradient."""
        tensors = list(_flat(given))
        kind = tuple((tensor.shape, tensor.dtype) for tensor in tensors)
        replay = self._recorded.get(kind)
        if replay is None:
            replay = self._recorded[kind] = self._record(given, tensors)
        with torch.no_grad():
            return replay(*tensors)

    def _record(self, given: Sequence[Given], tensors: Sequence[Tensor]) -> Callable[..., Any]:
        def flat_function(*flat: Tensor) -> Any:
            left = iter(flat)
            return self.function(*(_like(part, left) for part in given))

        checks = Distribution._validate_args  # they look at numbers  # pyright: ignore[reportPrivateUsage]
        Distribution.set_default_validate_args(False)
        try:
            # what is drawn while recording must not move the training's numbers
            with torch.random.fork_rng(devices=[tensors[0].device] if tensors[0].is_cuda else []):
                module = make_fx(flat_function)(*tensors)
        finally:
            Distribution.set_default_validate_args(checks)
        module.graph.eliminate_dead_code()
        return _written(module)


def _flat(part: Given) -> Iterator[Tensor]:
    """The tensors of an argument, those of a dict by name: whoever filled it may have had another order."""
    if isinstance(part, Tensor):
        yield part
        return
    for piece in part if isinstance(part, tuple) else (part[key] for key in sorted(part)):
        yield from _flat(piece)


def _like(part: Given, left: Iterator[Tensor]) -> Given:
    """As many of what is left as the part has, in its form."""
    if isinstance(part, Tensor):
        return next(left)
    if isinstance(part, tuple):
        pieces = [_like(piece, left) for piece in part]
        return type(part)(*pieces) if hasattr(part, "_fields") else tuple(pieces)
    return {key: next(left) for key in sorted(part)}


def _written(module: fx.GraphModule) -> Callable[..., Any]:
    """A recorded graph as a Python function of local variables; torch's own is slower by the time of its dispatch."""
    known: dict[str, Any] = {}
    constants: dict[fx.Node, Tensor] = {}
    names: list[str] = []
    lines: list[str] = []
    last = {used: node for node in module.graph.nodes for used in node.all_input_nodes}

    def word(value: Any) -> str:
        if isinstance(value, fx.Node) and value not in constants:
            return value.name
        if isinstance(value, (list, tuple)):
            return f"[{', '.join(word(part) for part in value)}]"
        if value is None or isinstance(value, (bool, int)):
            return repr(value)
        name = f"known_{len(known)}"
        known[name] = constants[value] if isinstance(value, fx.Node) else value
        return name

    for node in module.graph.nodes:
        if node.op == "placeholder":
            names.append(node.name)
        elif node.op == "get_attr":
            constants[node] = getattr(module, node.target)
        elif node.op == "output":
            lines.append(f"return {word(node.args[0])}")
        elif node.target in VIEWS and node.args[0] in constants:
            constants[node] = node.target(constants[node.args[0]])
        else:
            lines.append(f"{node.name} = {_call(node, word)}")
            done = [
                used.name for used in node.all_input_nodes if last[used] is node and used not in constants
            ]
            lines.extend(f"{name} = None" for name in done)  # its memory is used again
    source = "\n    ".join([f"def replay({', '.join(names)}):", *lines])
    exec(compile(source, "<recorded>", "exec"), known)
    return known["replay"]


def _call(node: fx.Node, word: Callable[[Any], str]) -> str:
    if node.target is operator.getitem:
        return f"{word(node.args[0])}[{node.args[1]}]"
    function = getattr(node.target, "_op", node.target)  # the operation itself, below its Python wrapper
    given = [word(value) for value in node.args] + [
        f"{key}={word(value)}" for key, value in node.kwargs.items()
    ]
    return f"{word(function)}({', '.join(given)})"
