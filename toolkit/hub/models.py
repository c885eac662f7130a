"""Where a pretrained model is, and whether it can be opened without running anything of its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import Finding, ModelError, RecipeError, did_you_mean, raise_errors
from toolkit.files import read_json
from toolkit.hub.network import hub_errors, network_trouble
from toolkit.hub.samples import PREFIX, SAMPLES, open_sample, sample
from toolkit.recipe.schema import ModelSection

ALTERNATIVE = "sample:minilm"
SCRATCH = "scratch:"
"""Before the name of an architecture that gets new weights."""
PICKLES = {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt"}
WEIGHTS = PICKLES | {".safetensors"}
CODE_FILES = ("config.json", "tokenizer_config.json")
"""Files whose ``auto_map`` names Python code of the repository."""


@dataclass(frozen=True)
class Located:
    """A model that may be opened: ``AutoModel.from_pretrained(located.path, **located.kwargs)``."""

    path: str
    """Local folder, or Hub id."""
    revision: str | None = None
    """Commit on the Hub; None for folders and samples."""
    kwargs: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def config_kwargs(self) -> dict[str, Any]:
        """The same for ``AutoConfig`` and ``AutoTokenizer``, which would store what concerns weights."""
        return {key: value for key, value in self.kwargs.items() if key != "use_safetensors"}


def locate_model(section: ModelSection) -> Located:
    """Find the model that a recipe names, and refuse one that is not safe to open.

    Raises:
        ModelError: no such folder, repository or revision; not a model; weights as pickle only; or code of
            its own that the recipe does not allow.
        UnavailableError: on the Hub, not cached, and the Hub cannot be reached.
        SampleError: an unknown sample, or one that cannot be brought here.
    """
    if section.name.startswith(PREFIX):
        return _locate_sample(section)
    folder = Path(section.name).expanduser()
    if folder.is_dir():
        _check(section, _names(folder), folder)
        return _located(section, str(folder), None)
    if folder.exists() or _looks_local(section.name):
        fix = f"give a model's folder, a Hub id or {ALTERNATIVE}"
        raise ModelError(Finding("error", _where(section), "no such folder", fix))
    if section.name in SAMPLES:
        fix = did_you_mean(PREFIX + section.name, [PREFIX + section.name])
        raise ModelError(Finding("error", _where(section), "neither a folder nor a Hub id", fix))
    return _locate_on_hub(section)


def require_known(given: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse values of ``model.config`` that the architecture's configuration does not have.

    Raises:
        RecipeError: all of them at once.
    """
    raise_errors(
        [
            Finding("error", f"model.config.{name}", f"unknown key '{name}'", did_you_mean(name, known))
            for name in given
            if name not in known
        ],
        RecipeError,
    )


def _looks_local(name: str) -> bool:
    return name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1


def _locate_sample(section: ModelSection) -> Located:
    entry = sample(section.name)
    if entry.kind != "model":
        raise ModelError(
            Finding("error", _where(section), f"holds {entry.kind}, not a model", f"use {ALTERNATIVE}")
        )
    folder = open_sample(section.name)
    _check(section, _names(folder), folder)
    return _located(section, str(folder), None)


def _locate_on_hub(section: ModelSection) -> Located:
    """Ask the Hub for the commit and its files; without a Hub, take what is cached."""
    from huggingface_hub import HfApi, snapshot_download

    with hub_errors(_where(section), ALTERNATIVE):
        try:
            info = HfApi().model_info(section.name, revision=section.revision)
            # By the name asked for, not by the commit: only so does the cache learn what that name means.
            folder = Path(
                snapshot_download(section.name, revision=section.revision, allow_patterns=list(CODE_FILES))
            )
        except Exception as error:
            cached = _cached_snapshot(section) if network_trouble(error) else None
            if cached is None:
                raise
            _check(section, _names(cached), cached)
            return _located(section, section.name, cached.name, local_files_only=True)
    _check(section, [file.rfilename for file in info.siblings or []], folder)
    return _located(section, section.name, folder.name)


def _cached_snapshot(section: ModelSection) -> Path | None:
    """The folder of a commit whose weights are in the Hub's cache; its name is the commit."""
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(section.name, "config.json", revision=section.revision)
    folder = Path(config).parent if isinstance(config, str) else None
    return folder if folder and any(Path(name).suffix in WEIGHTS for name in _names(folder)) else None


def _located(section: ModelSection, path: str, revision: str | None, **more: bool) -> Located:
    pinned = {"revision": revision} if revision else {}
    safety = {"trust_remote_code": section.trust_remote_code, "use_safetensors": True}
    return Located(path, revision, {**pinned, **safety, **more})


def _check(section: ModelSection, names: Iterable[str], folder: Path) -> None:
    """Refuse what cannot be opened, or not safely; ``folder`` holds at least the small JSON files."""
    present = set(names)
    problems = [*_config_problems(section, present), *_weight_problems(section, present)]
    if not section.trust_remote_code:
        problems += [
            _code_problem(section, name) for name in CODE_FILES if _names_code(section, folder / name)
        ]
    raise_errors(problems, ModelError)


def _config_problems(section: ModelSection, names: set[str]) -> Iterator[Finding]:
    if "config.json" in names:
        return
    kind = (
        "a LoRA adapter without its base model"
        if "adapter_config.json" in names
        else "not a transformers model"
    )
    yield Finding(
        "error", _where(section), f"no config.json: {kind}", f"give a whole model, such as {ALTERNATIVE}"
    )


def _weight_problems(section: ModelSection, names: set[str]) -> Iterator[Finding]:
    if any(name.startswith("model") and name.endswith(".safetensors") for name in names):
        return
    pickles = sorted(name for name in names if Path(name).suffix in PICKLES)
    if pickles:
        message = f"refused: its weights are a pickle ('{pickles[0]}'), which can run any code when opened"
        yield Finding(
            "error", _where(section), message, "ask its author for safetensors, or use another model"
        )
    elif "config.json" in names:
        yield Finding(
            "error", _where(section), "no model.safetensors: a model without weights", f"use {ALTERNATIVE}"
        )


def _names_code(section: ModelSection, path: Path) -> bool:
    try:
        return path.is_file() and "auto_map" in read_json(path)
    except (ValueError, TypeError) as error:
        raise ModelError(Finding("error", _where(section), f"{path.name} is not JSON ({error})")) from error


def _code_problem(section: ModelSection, name: str) -> Finding:
    message = f"refused: its {name} asks to run Python code of its own (auto_map)"
    fix = "read that code, then allow it with 'model.trust_remote_code=true' and a pinned model.revision"
    return Finding("error", _where(section), message, fix)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def _where(section: ModelSection) -> str:
    return f"model '{section.name}'"
