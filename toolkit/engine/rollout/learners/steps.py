"""What the gradient steps of all algorithms share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn

from toolkit.engine.rollout.learners.traced import Given, Traced

Batch = TypeVar("Batch", bound=tuple[Any, ...])

if TYPE_CHECKING:
    from stable_baselines3.common.base_class import BaseAlgorithm
    from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
    from stable_baselines3.common.type_aliases import ReplayBufferSamples
    from torch.optim import Optimizer

ROWS = 8192
"""Of a replay buffer, at most, that are drawn at once for several gradient steps."""
LINE = 16
"""Numbers in a line of the processor's cache."""


class Descent:
    """Steps down a loss.

    All weights that move are laid out in one tensor, of which they become views, so that the norm of the gradients and
    the optimiser's step are single operations.

    Args:
        loss: of tensors; returns the loss, and figures to be told of it.
        owner: of the optimiser, which is replaced by its like for the one tensor.
        max_grad_norm: to which gradients are scaled down together; None leaves them.
    """

    def __init__(
        self, loss: Callable[..., Sequence[Tensor]], owner: Any, max_grad_norm: float | None = None
    ) -> None:
        before: Optimizer = owner.optimizer
        self._weights = [weight for group in before.param_groups for weight in group["params"]]
        self._whole = nn.Parameter(_laid_out(self._weights, [weight.data for weight in self._weights]))
        for weight, part in zip(self._weights, _parts(self._weights, self._whole.data), strict=True):
            weight.data = part
        self._optimizer = owner.optimizer = type(before)([self._whole], **before.defaults)
        self._loss, self._max_grad_norm = loss, max_grad_norm
        self._traced = Traced(self._differentiated)

    def __call__(self, *given: Given) -> Sequence[Tensor]:
        """One step; the figures, the loss itself first."""
        figures, gradient = self.look(*given)
        self.go(gradient)
        return figures

    def look(self, *given: Given) -> tuple[Sequence[Tensor], Tensor]:
        """The figures, and where down is: to think about before :meth:`go`."""
        *figures, gradient = self._traced(*given)
        return figures, gradient

    def go(self, gradient: Tensor) -> None:
        """Let the optimiser follow a gradient."""
        self._whole.grad = gradient
        self._optimizer.step()

    def _differentiated(self, *given: Given) -> Sequence[Tensor]:
        figures = self._loss(*given)
        gradient = _laid_out(self._weights, torch.autograd.grad(figures[0], self._weights))
        if self._max_grad_norm is not None:
            norm = torch.linalg.vector_norm(gradient)
            gradient.mul_((self._max_grad_norm / (norm + 1e-6)).clamp(max=1.0))
        return [*(figure.detach() for figure in figures), gradient]


def _laid_out(weights: Sequence[Tensor], values: Sequence[Tensor]) -> Tensor:
    """Values of the weights' shapes in one tensor, each beginning at a line of the processor's cache."""
    pieces: list[Tensor] = []
    for weight, value in zip(weights, values, strict=True):
        pieces.append(value.reshape(-1))
        if weight.numel() % LINE:
            pieces.append(value.new_zeros(LINE - weight.numel() % LINE))
    return torch.cat(pieces)


def _parts(weights: Sequence[Tensor], whole: Tensor) -> Iterator[Tensor]:
    start = 0
    for weight in weights:
        yield whole[start : start + weight.numel()].view(weight.shape)
        start += -(-weight.numel() // LINE) * LINE


def as_drawn(drawn: ReplayBufferSamples) -> ReplayBufferSamples:
    """Rows of a replay buffer as they are."""
    return drawn


def replayed(
    algorithm: OffPolicyAlgorithm,
    steps: int,
    batch_size: int,
    prepared: Callable[[ReplayBufferSamples], Batch] = as_drawn,
) -> Iterator[Batch]:
    """Batches from the replay buffer, drawn for several steps at once.

    Each takes every so many-th row, so that of a buffer which orders its rows by kind, as hindsight replay does, each
    batch has its share.

    Args:
        algorithm: has the buffer.
        steps: how many batches.
        batch_size: rows of each.
        prepared: what to make of all the rows that are drawn at once, which have their discounts.
    """
    buffer: Any = algorithm.replay_buffer
    env = algorithm._vec_normalize_env  # pyright: ignore[reportPrivateUsage]
    at_once = max(1, ROWS // batch_size)
    while steps > 0:
        batches = min(steps, at_once)
        steps -= batches
        drawn = buffer.sample(batches * batch_size, env=env)
        if drawn.discounts is None:
            gamma = torch.full_like(drawn.rewards, algorithm.gamma)
            drawn = drawn._replace(discounts=gamma)
        whole = prepared(drawn)
        if batches == 1:
            yield whole
        else:
            dealt = (_dealt(part, batches) for part in whole)
            yield from (type(whole)(*parts) for parts in zip(*dealt, strict=True))


def target(batch: ReplayBufferSamples, following: Tensor) -> Tensor:
    """What an action is found to be worth: its reward, and what follows unless the episode ended there, discounted."""
    assert batch.discounts is not None  # see replayed
    return batch.rewards + (1 - batch.dones) * batch.discounts * following


def _dealt(part: Given, batches: int) -> Sequence[Any]:
    if isinstance(part, Tensor):
        return part.view(-1, batches, *part.shape[1:]).transpose(0, 1).contiguous().unbind()
    assert isinstance(part, Mapping)  # observations
    dealt = {key: _dealt(value, batches) for key, value in part.items()}
    return [{key: values[index] for key, values in dealt.items()} for index in range(batches)]


def in_turn(whole: Batch, batch_size: int) -> Iterator[Batch]:
    """Batches of neighbouring rows, without copying them; the last may be smaller."""
    for start in range(0, len(whole[-1]), batch_size):
        which = slice(start, start + batch_size)
        yield type(whole)(*(_rows(part, which) for part in whole))


def _rows(part: Any, which: slice) -> Any:
    return part[which] if isinstance(part, Tensor) else {key: value[which] for key, value in part.items()}


def tell(algorithm: BaseAlgorithm, **figures: Sequence[Tensor]) -> None:
    """Log the means of what each step told, and how many steps there were.

    Raises:
        ValueError: a loss is not finite, so the weights are not either.
    """
    algorithm.logger.record("train/n_updates", algorithm._n_updates, exclude="tensorboard")  # pyright: ignore[reportPrivateUsage]
    for name, told in figures.items():
        if not told:
            continue
        mean = torch.stack(list(told)).mean().item()
        if not math.isfinite(mean):
            raise ValueError(f"{name} is not finite")
        algorithm.logger.record(f"train/{name}", mean)
