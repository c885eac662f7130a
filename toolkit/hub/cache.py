"""Where the toolkit keeps what it fetched."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs


def cache_folder() -> Path:
    """The user's cache folder: ``$TOOLKIT_CACHE``, or the platform's place for caches."""
    named = os.environ.get("TOOLKIT_CACHE")
    return Path(named).expanduser() if named else platformdirs.user_cache_path("transfer-toolkit")
