"""A small real model, shared by the tests of tasks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tasks.cases import small_bert


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A two-layer BERT without dropout and with the sample's vocabulary."""
    return small_bert(tmp_path_factory.mktemp("bert"))
