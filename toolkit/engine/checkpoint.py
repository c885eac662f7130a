"""Checkpoints: safetensors and JSON only, written whole or not at all, verified before anything is read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from toolkit.errors import ArtifactError, Finding
from toolkit.files import atomic_folder, read_json, sha256, write_json

STATE = "state.json"
HASHES = "sha256.json"


class Checkpoint(NamedTuple):
    """What a checkpoint folder holds."""

    tensors: dict[str, dict[str, Tensor]]
    """Named groups of tensors, one safetensors file each."""
    state: dict[str, Any]
    """JSON data."""


def save(folder: Path, tensors: Mapping[str, Mapping[str, Tensor]], state: Mapping[str, Any]) -> None:
    """Write a checkpoint; a kill at any moment leaves the old one or the new one.

    Raises:
        DiskFullError: no space left.
    """
    with atomic_folder(folder) as temporary:
        for name, group in tensors.items():
            plain = {key: value.detach().cpu().contiguous() for key, value in group.items()}
            save_file(plain, temporary / f"{name}.safetensors")
        write_json(temporary / STATE, state)
        write_json(temporary / HASHES, {file.name: sha256(file) for file in sorted(temporary.iterdir())})


def exists(folder: Path) -> bool:
    """Whether there is a checkpoint; brings back one that a kill left half-way through its replacement."""
    old = folder.with_name(f".{folder.name}.old")
    if not folder.exists() and old.exists():
        old.rename(folder)
    return folder.exists()


def load(folder: Path) -> Checkpoint:
    """Read a checkpoint after checking every file against its hash.

    Raises:
        ArtifactError: files are missing, cut or changed; names each of them.
    """
    problems = _damage(folder)
    if problems:
        raise ArtifactError(problems)
    try:
        tensors = {path.stem: load_file(path) for path in sorted(folder.glob("*.safetensors"))}
        return Checkpoint(tensors, read_json(folder / STATE))
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ArtifactError(_damaged(folder, f"cannot be read ({error})")) from error


def _damage(folder: Path) -> list[Finding]:
    try:
        hashes: dict[str, str] = read_json(folder / HASHES)
    except (OSError, json.JSONDecodeError):
        return [_damaged(folder / HASHES, "missing or cut")]
    return [
        _damaged(folder / name, "missing, cut or changed")
        for name, digest in hashes.items()
        if not (folder / name).is_file() or sha256(folder / name) != digest
    ]


def _damaged(path: Path, what: str) -> Finding:
    fix = "delete this checkpoint's folder to start again without it, or restore it from a copy"
    return Finding("error", str(path), f"checkpoint file {what}", fix)


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """What training changes in a model: trainable parameters, tied ones once, and persistent buffers.

    Frozen weights are left out: they come from the pretrained model, and would make a LoRA checkpoint huge.
    """
    kept = {name: p for name, p in model.named_parameters() if p.requires_grad}
    persistent = model.state_dict().keys()
    return kept | {name: buffer for name, buffer in model.named_buffers() if name in persistent}


def restore_model(model: nn.Module, tensors: Mapping[str, Tensor], folder: Path) -> None:
    """Copy a checkpoint's tensors into a model, in place.

    Raises:
        ArtifactError: the checkpoint is of another model.
    """
    own = model_tensors(model)
    if {name: t.shape for name, t in own.items()} != {name: t.shape for name, t in tensors.items()}:
        odd = sorted(own.keys() ^ tensors.keys()) or sorted(
            n for n in own if own[n].shape != tensors[n].shape
        )
        fix = "resume with the recipe that made it, or start a new run"
        raise ArtifactError(
            Finding("error", str(folder), f"checkpoint is of another model: '{odd[0]}' differs", fix)
        )
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(tensors[name])


def pack_optimizer(optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimiser's state as tensors called ``PARAMETER.KEY`` and its groups as JSON data."""
    data = optimizer.state_dict()
    tensors = {
        f"{index}.{key}": value
        for index, values in data["state"].items()
        for key, value in values.items()
        if isinstance(value, Tensor)
    }
    return tensors, {"groups": data["param_groups"]}


def unpack_optimizer(optimizer: Optimizer, tensors: Mapping[str, Tensor], data: Mapping[str, Any]) -> None:
    """Give an optimiser the state that ``pack_optimizer`` took."""
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        index, key = name.split(".", 1)
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({"state": state, "param_groups": data["groups"]})
    for parameter, values in optimizer.state.items():
        for key, value in values.items():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                # Fused kernels walk through memory, so that a state must lie in it as its parameter does.
                values[key] = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
