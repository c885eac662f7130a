"""The model card: what the model is, how good it is, and how it was made, from the run's own records."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCardData
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from toolkit.artifact.card_check import validate_card
from toolkit.artifact.origin import (
    base_sentence,
    data_sentence,
    hub_base,
    hub_dataset,
    licence,
    plain_name,
    public,
    source_of,
)
from toolkit.files import read_json, write_text
from toolkit.metrics.glossary import describe, show, show_interval
from toolkit.metrics.measure import SPLITS, measures_of
from toolkit.recipe.schema import Recipe
from toolkit.recipe.text import dump

CARD = "README.md"
UNNAMED = "USER/NAME"
"""The repository that a card speaks of before it is pushed to one."""

LIBRARY = "transformers"
"""What opens most models; a task's manifest may name another."""

_EXAMPLES = {
    "episode": "7",
    "pair": '{"text": "It is late.", "text_pair": "The night has begun."}',
    "picture": '"picture.png"',
    "prompt": '"Where do you come from?"',
    "question": '{"question": "Who wrote it?", "context": "It was written by Ada."}',
    "sentences": '{"source_sentence": "How old are you?", "sentences": ["What is your age?", "It rains."]}',
    "text": '"Some text."',
}
"""An input of each kind, in Python."""
_OTHERS = {
    "episode": "other settings of the environment, other starts, other physics",
    "pair": "other languages, other kinds of text",
    "prompt": "other languages, other subjects, other ways to ask",
    "question": "other languages, other kinds of text, other ways to ask",
    "sentences": "other languages, other subjects, longer texts",
    "text": "other languages, other kinds of text",
    "picture": "other cameras, light, angles and backgrounds",
}
"""What the rows of each kind most often do not hold."""

_TRAIN_KEYS = (
    "epochs",
    "batch_size",
    "learning_rate",
    "lr_scheduler_type",
    "warmup_ratio",
    "optimizer",
    "weight_decay",
    "max_grad_norm",
    "mixed_precision",
    "freeze",
    "seed",
)
"""What is told of a training's settings; a task's manifest may name others."""

# Ids of hf.co/metrics; with the arguments that tell two uses of one metric apart.
_HUB_METRICS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "accuracy": ("accuracy", None),
    "top5_accuracy": ("accuracy", {"top_k": 5}),
    "macro_f1": ("f1", {"average": "macro"}),
    "micro_f1": ("f1", {"average": "micro"}),
    "subset_accuracy": ("exact_match", None),
    "mcc": ("matthews_correlation", None),
    "perplexity": ("perplexity", None),
    "masked_accuracy": ("accuracy", {"per": "masked token"}),
    "masked_top5_accuracy": ("accuracy", {"per": "masked token", "top_k": 5}),
    "tag_accuracy": ("accuracy", {"per": "word"}),
    "tag_macro_f1": ("f1", {"average": "macro", "per": "word"}),
    "span_f1": ("seqeval", {"of": "f1"}),
    "span_precision": ("seqeval", {"of": "precision"}),
    "span_recall": ("seqeval", {"of": "recall"}),
    "mean_iou": ("mean_iou", None),
    "mean_dice": ("dice", None),
    "pixel_accuracy": ("accuracy", {"per": "pixel"}),
    "mean_average_precision": ("map", None),
    "average_precision_50": ("map", {"iou": 0.5}),
    "average_precision_75": ("map", {"iou": 0.75}),
    "bleu": ("sacrebleu", None),
    "chrf": ("chrf", None),
    "rouge1": ("rouge", {"rouge_type": "rouge1"}),
    "rouge2": ("rouge", {"rouge_type": "rouge2"}),
    "rougeL": ("rouge", {"rouge_type": "rougeL"}),
    "exact_match": ("exact_match", None),
    "mean_reciprocal_rank": ("mrr", None),
    "recall_at_1": ("recall", {"k": 1}),
    "recall_at_10": ("recall", {"k": 10}),
    "mean_return": ("mean_reward", None),
    "f1": ("f1", None),
    "mse": ("mse", None),
    "mae": ("mae", None),
    "r2": ("r_squared", None),
    "pearson": ("pearsonr", None),
    "spearman": ("spearmanr", None),
}


def write_card(folder: Path, recipe: Recipe, metrics: Mapping[str, Any], manifest: Mapping[str, Any]) -> Path:
    """Write ``README.md`` into the model folder and check it.

    Args:
        folder: the model folder.
        recipe: resolved and pinned.
        metrics: ``metrics.json``; every number of the results comes from it.
        manifest: ``manifest.json``.

    Raises:
        ArtifactError: the card would not be accepted by the Hub.
    """
    data = _card_data(recipe, metrics, manifest)
    values = _values(recipe, metrics, manifest) | {"own_classes": _has_own_class(folder)}
    text = _environment().get_template("card.md").render(front_matter=f"---\n{data.to_yaml()}\n---", **values)
    path = folder / CARD
    write_text(path, text.rstrip() + "\n")
    validate_card(path)
    return path


def _has_own_class(folder: Path) -> bool:
    """Whether the model's class is the toolkit's, which transformers must be told of."""
    config = folder / "config.json"
    return config.is_file() and str(read_json(config).get("model_type", "")).startswith("toolkit-")


def name_repository(folder: Path, repo_id: str) -> None:
    """Let the card in ``folder``, if there is one, show how to use the model from the repository it goes to."""
    path = folder / CARD
    if path.is_file():
        write_text(path, path.read_text(encoding="utf-8").replace(f'"{UNNAMED}"', f'"{repo_id}"'))


def _card_data(recipe: Recipe, metrics: Mapping[str, Any], manifest: Mapping[str, Any]) -> ModelCardData:
    results = _eval_results(recipe, metrics, manifest)
    dataset = hub_dataset(recipe)
    return ModelCardData(
        license=licence(recipe),
        library_name=manifest.get("library_name", LIBRARY),
        pipeline_tag=recipe.task,
        tags=["transfer-toolkit"],
        base_model=hub_base(recipe),
        datasets=[dataset] if dataset else None,
        metrics=list(dict.fromkeys(result.metric_type for result in results)) or None,
        model_name=plain_name(recipe.name or recipe.task),
        eval_results=results or None,
    )


def _eval_results(
    recipe: Recipe, metrics: Mapping[str, Any], manifest: Mapping[str, Any]
) -> list[EvalResult]:
    split = next((name for name in SPLITS[:2] if name in metrics), None)
    measures = metrics[split] if split else {}
    return [
        EvalResult(
            task_type=recipe.task,
            task_name=recipe.task.replace("-", " ").capitalize(),
            dataset_type=hub_dataset(recipe) or plain_name(source_of(recipe, manifest)),
            dataset_name=plain_name(source_of(recipe, manifest)),
            dataset_config=recipe.data.config,
            dataset_split=split,
            dataset_revision=manifest.get("data", {}).get("revision"),
            metric_type=_HUB_METRICS[name][0],
            metric_name=describe(name).title,
            metric_args=_HUB_METRICS[name][1],
            metric_value=measure["value"],
        )
        for name, measure in measures.items()
        if name in _HUB_METRICS and measure["value"] is not None
    ]


def _values(recipe: Recipe, metrics: Mapping[str, Any], manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What fills ``card.md``."""
    regression = manifest.get("problem_type") == "regression"
    data, unit = manifest.get("data", {}), manifest.get("unit", "rows")
    names = [] if regression else list(manifest.get("label_names", []))
    return {
        "title": recipe.name or recipe.task,
        "repo_id": UNNAMED,
        "recipe": recipe,
        "recipe_text": dump(public(recipe)).strip(),
        "base_sentence": base_sentence(recipe),
        "example": _example(manifest),
        "other_kinds": _OTHERS[manifest.get("input", "text")],
        "labels": _listed(names),
        "unit": unit,
        "results": [_result_table(split, metrics[split], unit) for split in SPLITS if split in metrics],
        "meanings": _meanings(metrics),
        "calibrated": "temperature" in metrics,
        "calibration": _calibration(metrics),
        "speed": _speed(metrics.get("performance", {})),
        "data_sentence": data_sentence(recipe, manifest),
        "usage": manifest.get("usage", "").replace("{repo_id}", UNNAMED),
        "signatures": [(describe(name).title, text) for name, text in metrics.get("signatures", {}).items()],
        "pipeline": manifest.get("library_name", LIBRARY) == LIBRARY,
        "balance_names": [_cell(name) for name in names] if len(names) <= 12 else [],
        "splits": _splits(data, names if len(names) <= 12 else []),
        "leaks": _leaks(data.get("leaks")),
        "truncation": _truncation(manifest.get("truncation", {}), manifest.get("windows")),
        "settings": _settings(public(recipe), manifest),
        "versions": ", ".join(f"{name} {number}" for name, number in manifest.get("versions", {}).items()),
    }


def _example(manifest: Mapping[str, Any]) -> str:
    """An input in Python: the task's own where the kind alone does not make one."""
    own = manifest.get("example")
    return _EXAMPLES[manifest.get("input", "text")] if own is None else json.dumps(own, ensure_ascii=False)


def _cell(text: object) -> str:
    """Text that cannot break out of a Markdown table or become HTML."""
    escaped = str(text).replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")
    return " ".join(escaped.split())


def _listed(names: list[str], most: int = 30) -> str:
    shown = ", ".join(f"**{_cell(name)}**" for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


def _result_table(split: str, entry: Mapping[str, Any], unit: str) -> dict[str, Any]:
    rows = [
        (
            describe(name).title,
            show(name, measure["value"]),
            show_interval(name, measure) or measure.get("note", ""),
        )
        for name, measure in measures_of(entry).items()
    ]
    return {"heading": f"### {split.capitalize()} ({entry['rows']:,} {unit})", "rows": rows}


def _meanings(metrics: Mapping[str, Any]) -> list[tuple[str, str]]:
    names = dict.fromkeys(name for split in SPLITS for name in measures_of(metrics.get(split, {})))
    return [(describe(name).title, describe(name).meaning) for name in names]


def _calibration(metrics: Mapping[str, Any]) -> str:
    split = next((name for name in SPLITS if "ece" in metrics.get(name, {})), None)
    if split is None or metrics.get("temperature", 1.0) == 1.0:  # none was fitted, or none is better
        return ""
    before, after = metrics[split]["ece"], metrics[split]["ece_calibrated"]
    return (
        f"Dividing the logits by the temperature {metrics['temperature']:.3g}, fitted on the validation "
        f"split, takes the calibration error on {split} from {show('ece', before['value'])} to "
        f"{show('ece', after['value'])}. `toolkit` applies it; a plain pipeline does not."
    )


def _speed(performance: Mapping[str, Any]) -> str:
    parts = [
        f"{describe(name).title.lower()} {show(name, measure['value'])} ({show_interval(name, measure)})"
        for name, measure in measures_of(performance).items()
    ]
    return f"On the machine that trained it: {'; '.join(parts)}." if parts else ""


def _splits(data: Mapping[str, Any], names: list[str]) -> list[list[str]]:
    balance = data.get("class_balance", {})
    return [
        [split, f"{count:,}", *(f"{balance.get(split, {}).get(name, 0):,}" for name in names)]
        for split, count in data.get("rows", {}).items()
    ]


def _leaks(leaks: Mapping[str, Any] | None) -> str:
    if not leaks:
        return ""
    what = leaks.get("of", "text")
    if not leaks["exact"] and not leaks["near"]:
        return f"No held-out {what} was found to repeat a {what} of another split."
    counts = f"{leaks['exact']:,} exactly, {leaks['near']:,} nearly"
    return f"Held-out {what}s that repeat one of another split: {counts}."


def _truncation(ledger: Mapping[str, Mapping[str, int]], windows: Mapping[str, int] | None = None) -> str:
    cut = [
        f"{entry['samples_cut']:,} of {entry['samples']:,} in {split}"
        for split, entry in ledger.items()
        if entry["samples_cut"]
    ]
    if not ledger:
        return ""
    if any("blocks" in entry for entry in ledger.values()):
        return "Texts longer than the model reads were split into blocks; nothing was cut."
    if windows:
        parts = ", ".join(
            f"{windows[split]:,} of {entry['samples']:,} in {split}" for split, entry in ledger.items()
        )
        questions = f"Questions that were cut: {', '.join(cut)}." if cut else "No question was cut."
        return (
            f"Long texts are read in overlapping windows ({parts}), and nothing of them is cut. {questions}"
        )
    return (
        f"Texts cut to the model's length: {', '.join(cut)}."
        if cut
        else "No text was longer than the model reads."
    )


def _settings(recipe: Recipe, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    train, fit, machine = recipe.train, manifest.get("fit", {}), manifest.get("hardware", {})
    names = manifest.get("train_keys", _TRAIN_KEYS)
    settings = [(name, str(getattr(train, name))) for name in names]
    settings += [(name, str(value)) for name, value in recipe.options.items()]
    if "steps" in fit:
        settings.append(("optimiser steps", f"{fit['steps']:,} in {fit['seconds']:,.0f} s"))
    if machine:
        gpus = ", ".join(machine.get("gpus", [])) or "no GPU"
        settings.append(("hardware", f"{machine.get('cpu')}, {machine.get('cores')} cores, {gpus}"))
    return settings


@cache
def _environment() -> Environment:
    return Environment(  # Markdown, not HTML: what comes from data goes through _cell
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=False,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
