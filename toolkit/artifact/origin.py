"""Where model and data came from, in words and ids fit for a public card: no path of this machine is told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolkit.data.convert import READERS, data_suffix
from toolkit.hub.models import SCRATCH
from toolkit.hub.sample import Sample
from toolkit.hub.samples import PREFIX, SAMPLES
from toolkit.hub.snapshot import is_hub_id
from toolkit.recipe.schema import Recipe

_LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "bsd-2-clause", "cc-by-4.0", "cc-by-sa-3.0", "cc-by-3.0")


def hub_base(recipe: Recipe) -> str | None:
    """Hub id of the model the run started from, if it was one."""
    name = recipe.model.name
    return name if _is_hub_id(name) else None


def hub_dataset(recipe: Recipe) -> str | None:
    """Hub id of the dataset, if it was one."""
    source = recipe.data.source
    return source if _is_hub_id(source) and data_suffix(Path(source)) not in READERS else None


def licence(recipe: Recipe) -> str | None:
    """The Hub's id of the base model's licence where a sample states it; what is not known is not claimed."""
    sample = _sample(recipe.model.name)
    first = sample.licence.split()[0].lower() if sample else ""
    return first if first in _LICENCES else None


def made_from(recipe: Recipe) -> str:
    """What was trained on what, as the recipe names them."""
    name, source = recipe.model.name, recipe.data.source
    if name.startswith(SCRATCH):
        return f"{name.removeprefix(SCRATCH)}, trained from scratch on {source}"
    return f"{name}, fine-tuned on {source}"


def base_sentence(recipe: Recipe) -> str:
    """What the model was before."""
    if recipe.model.name.startswith(SCRATCH):
        return f"New weights for the architecture `{recipe.model.name.removeprefix(SCRATCH)}`, trained from scratch."
    sample = _sample(recipe.model.name)
    if sample:
        return f"Fine-tuned from {_described(sample)}"
    base = hub_base(recipe)
    if base is None:
        return f"Fine-tuned from a local model, `{plain_name(recipe.model.name)}`."
    revision = f" at revision `{recipe.model.revision}`" if recipe.model.revision else ""
    return f"Fine-tuned from [{base}](https://huggingface.co/{base}){revision}."


def source_of(recipe: Recipe, manifest: Mapping[str, Any]) -> str:
    """What the model learnt from: the rows' source, or the environment."""
    return recipe.data.source or str(manifest.get("data", {}).get("source", ""))


def data_sentence(recipe: Recipe, manifest: Mapping[str, Any]) -> str:
    """What the rows are, or the environment."""
    described = manifest.get("data", {}).get("described")
    if described:
        return str(described)
    sample = _sample(recipe.data.source)
    if sample:
        return (
            f"`{recipe.data.source}`: {sample.summary}. Origin: {sample.origin}. Licence: {sample.licence}."
        )
    dataset = hub_dataset(recipe)
    if dataset is None:
        return f"`{plain_name(recipe.data.source)}`, a local source."
    return f"[{dataset}](https://huggingface.co/datasets/{dataset})."


def public(recipe: Recipe) -> Recipe:
    """The recipe with the names of local files and folders in place of their paths."""
    model, data = recipe.model, recipe.data
    if hub_base(recipe) is None and _sample(model.name) is None:
        model = model.model_copy(update={"name": Path(model.name).name})
    if hub_dataset(recipe) is None and _sample(data.source) is None:
        data = data.model_copy(update={"source": Path(data.source).name})
    options = {key: _without_folder(value) for key, value in recipe.options.items()}
    return recipe.model_copy(update={"model": model, "data": data, "options": options})


def _without_folder(value: Any) -> Any:
    """An option that names a file of this machine, by its name alone."""
    return Path(value).name if isinstance(value, str) and value.startswith(("/", "~")) else value


def public_manifest(manifest: Mapping[str, Any], recipe: Recipe) -> dict[str, Any]:
    """The manifest without texts of rows and without paths: what may stand beside a published model."""
    data = dict(manifest["data"])
    data["source"] = public(recipe).data.source or data.get("source", "")
    data["leaks"] = {key: value for key, value in data.get("leaks", {}).items() if key != "examples"}
    data["skipped"] = {key: value for key, value in data.get("skipped", {}).items() if key != "shown"}
    return {**manifest, "data": data}


def plain_name(name: str) -> str:
    """A name without path or prefix, of the characters that the Hub allows in ids."""
    last = name.removeprefix(PREFIX).rstrip("/").rpartition("/")[2]
    return re.sub(r"[^\w.-]+", "-", last).strip("-.") or "unnamed"


def _described(sample: Sample) -> str:
    return f"`{PREFIX}{sample.name}`: {sample.summary}. Origin: {sample.origin}. Licence: {sample.licence}."


def _sample(name: str) -> Sample | None:
    return SAMPLES.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None


def _is_hub_id(name: str) -> bool:
    return is_hub_id(name) and not Path(name).exists()
