"""Take the weights, and only these, out of an agent that stable-baselines3 saved as a zip.

Such a zip holds pickles, which run code when they are opened. Here no pickle is: the policy is built from a recipe, and
``policy.pth`` is read by torch's ``weights_only`` loader, which knows tensors and nothing else.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import torch

from toolkit.engine.rollout.agent import Agent
from toolkit.errors import Finding, ModelError, first_line

POLICY, DATA = "policy.pth", "data"
LARGEST = 2**31
"""Bytes of weights; a zip may unpack to far more than it weighs."""


def take_weights(source: Path, agent: Agent) -> dict[str, Any]:
    """Give an agent the weights of a zip.

    Args:
        source: what ``model.save`` of stable-baselines3 or sb3-contrib wrote.
        agent: of the same algorithm, network, observations and actions.

    Returns:
        what the zip says of itself in plain words: ``policy_kwargs``, ``num_timesteps`` and the like.

    Raises:
        ModelError: not such a zip, or of another policy; says what the zip's policy was built with.
    """
    weights, about = _read(source)
    try:
        agent.policy.load_state_dict(weights)
    except RuntimeError as error:
        said = first_line(error).rstrip(":")
        built = json.dumps(about.get("policy_kwargs", {}))
        fix = f"the recipe's algorithm, environment and model.config must be those it was trained with ({built})"
        raise ModelError(
            Finding("error", str(source), f"its weights do not fit the policy: {said}", fix)
        ) from error
    return about


def _read(source: Path) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    try:
        with zipfile.ZipFile(source) as archive:
            if archive.getinfo(POLICY).file_size > LARGEST:
                raise ModelError(Finding("error", str(source), f"its {POLICY} is larger than 2 GiB"))
            weights = torch.load(io.BytesIO(archive.read(POLICY)), map_location="cpu", weights_only=True)
            about = _plain(json.loads(archive.read(DATA)))
    except FileNotFoundError as error:
        raise ModelError(Finding("error", str(source), "no such file")) from error
    except ModelError:
        raise
    except Exception as error:  # whatever the three readers say of a file that is something else
        fix = "give what model.save of stable-baselines3 wrote"
        message = f"not an agent of stable-baselines3 ({type(error).__name__}: {first_line(error)})"
        raise ModelError(Finding("error", str(source), message, fix)) from error
    return weights, about


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    """The entries of ``data`` that are written in JSON; those that are pickled are left closed."""
    return {key: value for key, value in data.items() if ":serialized:" not in json.dumps(value)}
