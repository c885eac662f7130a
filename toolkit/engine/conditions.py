"""What holds while a model is trained: CPU kernels, compilation, checkpointed gradients."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Sequence

from torch import nn
from transformers import PreTrainedModel

from toolkit.engine.dropout import fast_dropout
from toolkit.engine.memory import keep_freed_memory
from toolkit.engine.run import Run
from toolkit.errors import Finding, RecipeError


@contextlib.contextmanager
def training_conditions(models: Sequence[nn.Module], run: Run) -> Generator[None]:
    """Set the models up for training inside the block, as the recipe and the device ask for.

    Raises:
        RecipeError: gradient checkpointing for a model that cannot do it.
    """
    train = run.recipe.train
    with contextlib.ExitStack() as stack:
        if run.device.type == "cpu":
            keep_freed_memory()
        for model in models:
            if run.device.type == "cpu" and not train.compile:  # the compiler has its own dropout
                stack.enter_context(fast_dropout(model))
            if train.gradient_checkpointing:
                stack.enter_context(_checkpointed(model))
            if train.compile:
                stack.enter_context(_compiled(model))
        yield


@contextlib.contextmanager
def _checkpointed(model: nn.Module) -> Generator[None]:
    pretrained = next((m for m in model.modules() if isinstance(m, PreTrainedModel)), None)
    if pretrained is None or not pretrained.supports_gradient_checkpointing:
        message = f"{type(pretrained or model).__name__} cannot recompute its activations"
        raise RecipeError(Finding("error", "train.gradient_checkpointing", message, "set it to false"))
    pretrained.activation_checkpointing_enable({"use_reentrant": False})
    try:
        yield
    finally:
        pretrained.activation_checkpointing_disable()


@contextlib.contextmanager
def _compiled(model: nn.Module) -> Generator[None]:
    # In place, unlike torch.compile(model), so that the names of the weights stay the same.
    model.compile(dynamic=True)
    try:
        yield
    finally:
        model._compiled_call_impl = None  # pyright: ignore[reportPrivateUsage]  (torch offers no way back)
