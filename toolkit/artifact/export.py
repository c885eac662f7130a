"""Write a model as ONNX and prove that it computes the same."""

from __future__ import annotations

import copy
import logging
import shutil
import warnings
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.errors import MissingExtraError, ToolkitError, first_line
from toolkit.files import atomic_folder

MODEL = "model.onnx"
TOLERANCE = 1e-4
"""Largest difference allowed between the outputs of ONNX Runtime and torch, relative to the larger of 1 and
the largest output: float32 kernels that sum in another order differ by about 1e-6."""

_AXES = {0: "batch", 1: "sequence"}
_BATCHES = (1, 2, 5)
_LENGTHS = (1, 7, 32, 128)


def export_onnx(
    model: Any,
    example: Mapping[str, Tensor],
    target: Path,
    *,
    files: Sequence[Path] = (),
    axes: Mapping[str, Mapping[int, str]] | None = None,
    outputs: Sequence[str] = ("logits",),
) -> dict[str, Any]:
    """Export ``model`` to ``target/model.onnx`` and compare it with torch on several batch sizes and lengths.

    The exported copy is in float32 and evaluation mode, on the CPU, with plain attention; ``model`` is left
    as it is.

    Args:
        model: a transformers model that is called with the inputs by name and returns an object with ``outputs``.
        example: one batch, at least 2 rows and 2 positions, named as the model's inputs; (rows, positions).
        target: folder that will hold the model; it appears when all is well, or not at all.
        files: files to copy beside the model: tokenizer, configuration.
        axes: which dimensions may vary, by input; by default ``{0: "batch", 1: "sequence"}`` for each.
        outputs: which outputs to export; all of them are compared.

    Returns:
        ``max_abs_difference``, ``opset`` and ``compared``, the number of batches that were compared.

    Raises:
        MissingExtraError: onnx, onnxscript or onnxruntime is not installed.
        ToolkitError: the model cannot be exported, or the result computes something else.
    """
    _require_packages()
    plain = _Plain(_plain_copy(model), list(example), list(outputs)).eval()
    example = {name: value.cpu() for name, value in example.items()}
    axes = axes or dict.fromkeys(example, _AXES)
    lengths = _lengths(plain.model) if any(1 in varying for varying in axes.values()) else [None]
    with atomic_folder(target) as folder:
        opset = _write(plain, example, folder / MODEL, axes)
        difference, compared = _compare(plain, list(_batches(example, lengths)), folder / MODEL)
        for file in files:
            shutil.copy2(file, folder / file.name)
    return {"max_abs_difference": difference, "opset": opset, "compared": compared}


class _Plain(nn.Module):
    """The model as a function of tensors by position, which is what ONNX knows."""

    def __init__(self, model: nn.Module, names: list[str], outputs: list[str]) -> None:
        super().__init__()
        self.model = model
        self.names = names
        self.outputs = outputs

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        given = self.model(**dict(zip(self.names, inputs, strict=True)))
        return tuple(getattr(given, name) for name in self.outputs)


def _require_packages() -> None:
    try:
        import onnx
        import onnxruntime
        import onnxscript
    except ImportError as error:
        raise MissingExtraError("exports to ONNX", "export") from error
    del onnx, onnxruntime, onnxscript


def _plain_copy(model: Any) -> Any:
    """A float32 copy on the CPU whose attention every exporter knows; training may have used another."""
    plain = copy.deepcopy(model).cpu().float()
    if hasattr(plain, "set_attn_implementation"):
        plain.set_attn_implementation("sdpa" if getattr(plain, "_supports_sdpa", False) else "eager")
    return plain


def _write(
    plain: _Plain, example: Mapping[str, Tensor], path: Path, axes: Mapping[str, Mapping[int, str]]
) -> int:
    """Export to ``path`` and return the version of the operator set."""
    shapes = [{axis: torch.export.Dim(name) for axis, name in axes[name_].items()} for name_ in example]
    try:
        with _silence():
            program = torch.onnx.export(
                plain,
                tuple(example.values()),
                dynamo=True,
                dynamic_shapes=(tuple(shapes),),
                input_names=list(example),
                output_names=plain.outputs,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        if _use_eager_attention(plain.model):
            return _write(plain, example, path, axes)
        reason = first_line(error.__cause__ or error)
        name = type(plain.model).__name__
        raise ToolkitError(f"{name} cannot be exported to ONNX: {reason}") from error
    if program is None:
        raise ToolkitError("torch gave no ONNX program")
    program.save(path)
    return int(program.model.opset_imports[""])


def _use_eager_attention(model: Any) -> bool:
    """Let a model compute attention step by step, whether it did not do so yet: of T5 only that can be exported."""
    config = getattr(model, "config", None)
    if getattr(config, "_attn_implementation", "eager") == "eager":
        return False
    model.set_attn_implementation("eager")
    return True


@contextmanager
def _silence() -> Generator[None]:
    """Keep the exporter's remarks on packages we do not use, and on its own deprecations, from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _compare(plain: _Plain, batches: Sequence[Mapping[str, Tensor]], path: Path) -> tuple[float, int]:
    """Largest difference between both engines' outputs, and how many batches were tried."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = {entry.name for entry in session.get_inputs()}
    worst = 0.0
    for batch in batches:
        with torch.inference_mode():
            expected = [value.numpy() for value in plain(*batch.values())]
        given = {name: value.numpy() for name, value in batch.items() if name in names}
        try:
            found = [np.asarray(value) for value in session.run(plain.outputs, given)]
        except Exception as error:  # ONNX Runtime's errors have no class in common
            raise ToolkitError(f"{_refused(plain, batch)} ({first_line(error)})") from error
        pairs = zip(found, expected, strict=True)
        worst = max(worst, *(_difference(got, value, batch) for got, value in pairs))
    return worst, len(batches)


def _refused(plain: _Plain, batch: Mapping[str, Tensor]) -> str:
    shape = " x ".join(map(str, next(iter(batch.values())).shape))
    name = type(plain.model).__name__
    return f"{name} cannot be exported to ONNX: the result takes no batch of {shape}; nothing was written"


def _difference(got: np.ndarray, expected: np.ndarray, batch: Mapping[str, Tensor]) -> float:
    difference = float(np.abs(got - expected).max())
    allowed = TOLERANCE * max(1.0, float(np.abs(expected).max()))
    if not difference <= allowed:  # also when it is NaN
        shape = " x ".join(map(str, next(iter(batch.values())).shape))
        raise ToolkitError(
            f"the exported model computes something else: outputs differ by {difference:.3g} from torch's "
            f"for a batch of {shape} ({allowed:.3g} is allowed); nothing was written"
        )
    return difference


def _batches(example: Mapping[str, Tensor], lengths: Sequence[int | None]) -> Iterator[dict[str, Tensor]]:
    """The example's own content, repeated and cut to several sizes, with every row but the first padded."""
    for rows, length in product(_BATCHES, lengths):
        batch = {name: _fit(value, rows, length) for name, value in example.items()}
        if "attention_mask" in batch:
            longest = batch["attention_mask"].shape[1]
            batch["attention_mask"] = torch.ones_like(batch["attention_mask"])
            for row in range(1, rows):
                batch["attention_mask"][row, max(1, longest * row // rows) :] = 0
        yield batch


def _fit(value: Tensor, rows: int, length: int | None) -> Tensor:
    length = value.shape[1] if length is None else length
    repeats = [-(-rows // value.shape[0]), -(-length // value.shape[1])]
    return value.repeat(*repeats, *[1] * (value.ndim - 2))[:rows, :length].contiguous()


def _lengths(model: Any) -> list[int | None]:
    """Lengths to compare: up to the longest that the model's positions can tell apart."""
    longest = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    longest = longest if isinstance(longest, int) and longest > 0 else max(_LENGTHS)
    return [*sorted({min(length, longest) for length in _LENGTHS})]
