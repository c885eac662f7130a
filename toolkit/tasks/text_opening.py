"""Open what a text task needs to start from: a tokenizer, and a model with a head, pretrained or with new weights."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from toolkit import models
from toolkit.data.vocabulary import unknown_share
from toolkit.errors import (
    Finding,
    MissingExtraError,
    ModelError,
    RecipeError,
    did_you_mean,
    first_line,
    raise_errors,
)
from toolkit.hub.models import SCRATCH, Located, require_known
from toolkit.tasks.problem import Problem

if TYPE_CHECKING:
    from datasets import Dataset

    from toolkit.data.labels import LabelSpace
    from toolkit.data.vocabulary import Vocabulary
    from toolkit.recipe.schema import ModelSection, Recipe

OWN = ("gru", "lstm", "rnn")
"""The toolkit's own architectures that read texts."""
LEARNT = ("vocab_size", "pad_token_id", "unk_token_id")
"""Of their configuration: what follows from the vocabulary."""


def open_tokenizer(located: Located, **settings: Any) -> Any:
    """The model's tokenizer, with a padding token; ``settings`` replace its own.

    Raises:
        MissingExtraError: the tokenizer needs a package that is not here.
        ModelError: the folder or repository has no tokenizer.
    """
    from transformers import AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(located.path, **located.config_kwargs, **settings)
    except (OSError, ValueError, KeyError, ImportError) as error:
        if isinstance(error, ImportError) and "sentencepiece" in str(error).lower():
            raise MissingExtraError(f"tokenizers such as that of {located.path}", "nlp") from error
        raise ModelError(f"{located.path}: no tokenizer can be opened ({first_line(error)})") from error
    if len(tokenizer) <= len(tokenizer.all_special_tokens):
        # For some architectures transformers makes up an empty tokenizer, to which every word is unknown.
        raise ModelError(
            f"{located.path}: no tokenizer files (tokenizer.json or a vocabulary) beside the model"
        )
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return usable(tokenizer)


def usable(tokenizer: Any) -> Any:
    """The tokenizer without transformers' hint not to pad rows that are tokenised already, as a collator must."""
    tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
    return tokenizer


def longest_input(model: Any, tokenizer: Any, max_length: int) -> int:
    """Tokens a text is cut to: what was asked for, or the model's own limit where that is lower."""
    return min(max_length, tokenizer.model_max_length, positions(model))


def positions(model: Any) -> int:
    """The most tokens the model's position embeddings can take."""
    known = getattr(model.config, "max_position_embeddings", None) or 10**9
    tables = [module for name, module in model.named_modules() if name.endswith("position_embeddings")]
    # A table of positions with a padding entry is counted from behind it: RoBERTa and its kin.
    padding = [getattr(table, "padding_idx", None) for table in tables]
    return known - max((index + 1 for index in padding if index is not None), default=0)


def check_new_weights(recipe: Recipe, vocabulary: Vocabulary | None) -> None:
    """Refuse settings that mean nothing for new weights, and those that mean nothing for pretrained ones.

    Raises:
        RecipeError: all of them at once.
    """
    new, wrong = recipe.model.name.startswith(SCRATCH), list[Finding]()
    nothing = "the weights are new, so that there is nothing learnt to keep"
    if new and recipe.train.lora is not None:
        fix = "leave train.lora out: all of a new model is trained"
        wrong.append(Finding("error", "train.lora", nothing, fix))
    if new and recipe.train.freeze != "none":
        wrong.append(Finding("error", "train.freeze", nothing, "leave train.freeze out"))
    if vocabulary is not None and not new:
        message = f"'{recipe.model.name}' brings a tokenizer of its own"
        fix = f"leave it out, or choose new weights: model.name={SCRATCH}{OWN[0]}"
        wrong.append(Finding("error", "options.vocabulary", message, fix))
    raise_errors(wrong, RecipeError)


def open_classifier(located: Located, space: LabelSpace, changes: Mapping[str, Any]) -> Any:
    """A pretrained encoder with a new head for the labels of ``space``, in float32.

    Raises:
        ModelError: no sequence classification head for this architecture, or unreadable weights.
        RecipeError: values of ``model.config`` that the architecture does not have.
    """
    with opening(located, "classify text"):
        return open_with_head(located, "AutoModelForSequenceClassification", Problem(space).config, changes)


@contextmanager
def opening(located: Located, purpose: str) -> Generator[None]:
    """Say what a model cannot do when it does not open inside the block.

    Raises:
        ModelError: no such head for this architecture, unknown settings, or unreadable weights.
    """
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{located.path}: cannot {purpose} ({first_line(error)})") from error


def open_pretrained(
    located: Located,
    kind: str,
    changes: Mapping[str, Any],
    labels: Mapping[str, Any] | None = None,
    **how: Any,
) -> Any:
    """A pretrained model in float32.

    Args:
        located: the model.
        kind: the class of transformers that opens it, such as ``AutoModelForCausalLM``.
        changes: values of the configuration in place of its own.
        labels: further ones, which a recipe does not name: what a head is to tell apart.
        how: for ``from_pretrained``.
    """
    import transformers

    models.register()
    config = transformers.AutoConfig.from_pretrained(
        located.path, **(labels or {}), **changes, **located.config_kwargs
    )
    require_known(changes, config.to_dict())
    return getattr(transformers, kind).from_pretrained(
        located.path, config=config, dtype="float32", **how, **located.kwargs
    )


def open_with_head(located: Located, head: str, labels: Mapping[str, Any], changes: Mapping[str, Any]) -> Any:
    """A pretrained encoder with a new head for the labels, as :func:`open_pretrained` opens it."""
    return open_pretrained(located, head, changes, labels, ignore_mismatched_sizes=True)


def open_causal(located: Located, changes: Mapping[str, Any]) -> Any:
    """A pretrained model that predicts the next token, in float32, with values of its configuration changed.

    Raises:
        ModelError: no causal language model of this architecture, or unreadable weights.
    """
    with opening(located, "write text"):
        return open_pretrained(located, "AutoModelForCausalLM", changes)


def new_classifier(section: ModelSection, space: LabelSpace, tokenizer: Any) -> Any:
    """One of the toolkit's own architectures with new weights, for the words of ``tokenizer``.

    Raises:
        RecipeError: no such architecture, or values of ``model.config`` that it does not have or cannot take.
    """
    return _new(section, tokenizer, models.TABLE, "classify text", Problem(space).config)


def new_causal(section: ModelSection, tokenizer: Any) -> Any:
    """The same to predict the next word with.

    Raises:
        RecipeError: no such architecture, or values of ``model.config`` that it does not have or cannot take.
    """
    config = {"eos_token_id": tokenizer.eos_token_id}
    return _new(section, tokenizer, models.LANGUAGE_MODELS, "write text", config)


def _new(
    section: ModelSection, tokenizer: Any, table: Mapping[str, str], purpose: str, config: Mapping[str, Any]
) -> Any:
    name = section.name.removeprefix(SCRATCH)
    if name not in OWN:
        message = f"no architecture '{name}' to {purpose} with new weights"
        raise RecipeError(Finding("error", "model.name", message, did_you_mean(name, OWN)))
    kind: Any = models.model_class(name, table)
    _refuse_learnt(section.config)
    require_known(section.config, kind.config_class().to_dict())
    learnt = (len(tokenizer), tokenizer.pad_token_id, tokenizer.unk_token_id)
    values = {**models.PRESETS[name], **config, **section.config, **dict(zip(LEARNT, learnt, strict=True))}
    try:
        return kind(kind.config_class(**values))
    except (ValueError, TypeError) as error:
        raise RecipeError(Finding("error", "model.config", first_line(error), "")) from error


def _refuse_learnt(given: Mapping[str, Any]) -> None:
    fix = "set options.vocabulary.size or options.vocabulary.min_frequency"
    raise_errors(
        [
            Finding("error", f"model.config.{key}", "follows from the words of the training rows", fix)
            for key in LEARNT
            if key in given
        ],
        RecipeError,
    )


def vocabulary_notes(section: ModelSection, tokenizer: Any, encoded: Mapping[str, Dataset]) -> list[Finding]:
    """Of a model with new weights: how many words it knows, and how many of the held-out rows' words it does not."""
    if not section.name.startswith(SCRATCH):
        return []
    message = (
        f"the model knows {len(tokenizer) - len(tokenizer.all_special_tokens):,} words of the training rows"
    )
    for split, rows in encoded.items():
        if split != "train":
            share = unknown_share(rows, tokenizer.unk_token_id)
            message += f"; {share:.1%} of the words in {split} are unknown to it"
    return [Finding("note", "options.vocabulary", message)]
