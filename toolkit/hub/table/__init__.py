"""The table of samples: plain data, one entry each."""

from __future__ import annotations

from toolkit.hub.sample import Sample
from toolkit.hub.table.models import MODELS
from toolkit.hub.table.others import OTHERS
from toolkit.hub.table.texts import TEXTS

SAMPLES: dict[str, Sample] = {sample.name: sample for sample in (*MODELS, *TEXTS, *OTHERS)}
