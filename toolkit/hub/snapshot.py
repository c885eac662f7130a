"""Whole repositories of the Hub as local folders."""

from __future__ import annotations

import re
from pathlib import Path

from toolkit.hub.network import hub_errors

_HUB_ID = re.compile(r"[\w.-]+(/[\w.-]+)?")
_REPO_ID = re.compile(r"[\w.-]+/[\w.-]+")


def is_hub_id(name: str) -> bool:
    """Whether ``name`` can be a model or dataset of the Hub: ``user/name``, or ``name`` alone as the oldest have it."""
    return _HUB_ID.fullmatch(name) is not None


def is_repo_id(name: str) -> bool:
    """Whether ``name`` can be a repository of the Hub (``user/name``)."""
    return _REPO_ID.fullmatch(name) is not None


def download(repo_id: str) -> Path:
    """The cached folder of a model repository; only data is fetched, nothing of it is run.

    Raises:
        UnavailableError: the Hub cannot be reached and has no cached copy.
        ModelError: there is no such repository.
    """
    from huggingface_hub import snapshot_download

    with hub_errors(f"model '{repo_id}'", "a run folder"):
        return Path(
            snapshot_download(
                repo_id, allow_patterns=["*.json", "*.yaml", "*.safetensors", "*.txt", "*.model", "*.md"]
            )
        )
