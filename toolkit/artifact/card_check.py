"""Whether a model card is one: valid for the Hub, and without a number that was not measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import ModelCard, metadata_load
from huggingface_hub.repocard_data import eval_results_to_model_index, model_index_to_eval_results

from toolkit.errors import ArtifactError
from toolkit.hub.network import hub_errors
from toolkit.metrics.glossary import describe

_WRITTEN = re.compile(r"(?<![A-Za-z])-?\d[\d,]*(?:\.\d+)?(?:e[+-]\d+)?")


def validate_card(path: Path, *, online: bool = False) -> None:
    """Check a card with huggingface_hub's own code: front matter, model-index, and a round trip of the results.

    Args:
        path: the card.
        online: also ask the Hub, whose last word needs the network.

    Raises:
        ArtifactError: what the card gets wrong.
        UnavailableError: the Hub cannot be asked.
    """
    try:
        card = ModelCard.load(path)
        index = (metadata_load(path) or {}).get("model-index")
        if index and eval_results_to_model_index(*model_index_to_eval_results(index)) != index:
            raise ValueError("model-index holds entries that the Hub would drop")
    except (OSError, ValueError, KeyError, TypeError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise ArtifactError(f"{path}: not a valid model card: {reason}") from error
    if not card.data.get("pipeline_tag"):
        raise ArtifactError(f"{path}: the model card names no pipeline_tag")
    if online:
        _ask_hub(card, path)


def unsupported_numbers(card: str, metrics: Mapping[str, Any]) -> list[str]:
    """Numbers in the results part of a card that no value of ``metrics.json`` rounds to; empty when all is well.

    A number may be a value as it is, in percent or in thousandths (milliseconds), at the precision it is
    written with.
    """
    part = card.partition("<!-- results -->")[2].partition("<!-- /results -->")[0].replace("95% interval", "")
    for name in {name for split in metrics.values() if isinstance(split, Mapping) for name in split}:
        part = part.replace(f"| {describe(name).title} |", "|")  # the 5 of "Top-5 accuracy" is no result
    known = [value * scale for value in _numbers(metrics) for scale in (1, 100, 1000)]
    return [text for text in _WRITTEN.findall(part) if not _is_known(text, known)]


def _is_known(text: str, known: list[float]) -> bool:
    plain = text.replace(",", "")
    mantissa, _, exponent = plain.partition("e")
    digits = len(mantissa.partition(".")[2])
    half = 0.5000001 * 10.0 ** (int(exponent or 0) - digits)
    return any(abs(float(plain) - value) <= half for value in known)


def _numbers(data: Any) -> Iterator[float]:
    if isinstance(data, Mapping):
        for value in data.values():
            yield from _numbers(value)
    elif isinstance(data, int | float):
        yield float(data)


def _ask_hub(card: ModelCard, path: Path) -> None:
    with hub_errors("the model card"):
        try:
            card.validate()
        except ValueError as error:
            raise ArtifactError(f"{path}: the Hub refuses the model card: {error}") from error
