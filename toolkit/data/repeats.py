"""Training rows that say the same as one before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolkit.data.load import Rows
from toolkit.data.scan import content_keys
from toolkit.data.store import arrow_batches
from toolkit.errors import Finding


def without_repeats(rows: Rows, texts: Sequence[str]) -> Rows:
    """The rows with the first only of those training rows whose texts are equal but for case and spacing.

    Where a step's rows are told apart, repeats of a row crowd out rows that differ from it.

    Args:
        rows: of all splits; those held out stay as they are.
        texts: the columns that are compared.
    """
    train = rows.splits["train"]
    keys = np.concatenate([content_keys(batch, texts) for batch in arrow_batches(train)])
    first = np.sort(np.unique(keys, return_index=True)[1])
    repeats = len(train) - len(first)
    if not repeats:
        return rows
    message = f"{repeats:,} of {len(train):,} training rows repeat another one, and are left out"
    return replace(
        rows,
        splits={**rows.splits, "train": train.select(first)},
        findings=[*rows.findings, Finding("note", "data", message)],
    )
