"""Open a model that reads one text and writes another, pretrained or with new weights, and its tokenizer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from toolkit.errors import Finding, ModelError, RecipeError, did_you_mean, first_line
from toolkit.hub.models import SCRATCH, Located, locate_model, require_known
from toolkit.tasks.seq2seq_batches import can_shift
from toolkit.tasks.seq2seq_languages import set_languages
from toolkit.tasks.seq2seq_vocabulary import learn_tokenizer
from toolkit.tasks.text_opening import open_tokenizer, positions

if TYPE_CHECKING:
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.seq2seq import Seq2SeqOptions

NEW: dict[str, dict[str, Any]] = {
    "marian": {
        "d_model": 256,
        "encoder_layers": 3,
        "decoder_layers": 3,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 1024,
        "decoder_ffn_dim": 1024,
        "scale_embedding": True,  # as in Vaswani et al. 2017, section 3.4
    },
    "t5": {"d_model": 256, "d_kv": 64, "d_ff": 1024, "num_layers": 3, "num_heads": 4},
}
"""Architectures of transformers that are built with new weights, with a size that a few thousand rows can fill."""
FIX = (
    "use an encoder-decoder, such as Helsinki-NLP/opus-mt-en-de, google-t5/t5-small or facebook/mbart-large-50, "
    f"or new weights with {SCRATCH}marian"
)


def open_pair(
    section: ModelSection, options: Seq2SeqOptions, texts: Iterable[str]
) -> tuple[Any, Any, str | None]:
    """A model in float32, set to write as the options say, its tokenizer, and the commit it came from.

    Args:
        section: the model.
        options: lengths, languages and how texts are searched for.
        texts: what a new vocabulary is learnt from; not looked at otherwise.

    Raises:
        ModelError: not an encoder-decoder of texts, no tokenizer, or unreadable weights.
        RecipeError: unknown architecture or language, or values of ``model.config`` that it does not have.
    """
    if section.name.startswith(SCRATCH):
        model, tokenizer = _new_pair(section, options, texts)
        revision = None
    else:
        located = locate_model(section)
        model, tokenizer = _pretrained(located, section.config)
        revision = located.revision
    set_languages(model, tokenizer, options.source_lang, options.target_lang)
    set_generation(model, options)
    return model, tokenizer, revision


def open_saved_pair(section: ModelSection) -> tuple[Any, Any, Located]:
    """A model that this toolkit trained, ready to write, its tokenizer, and where it is.

    Raises:
        ModelError: the folder does not hold such a model, or holds a pickle.
    """
    located = locate_model(section)
    model, tokenizer = _pretrained(located, {})
    return model.eval(), tokenizer, located


def limits_of(model: Any, tokenizer: Any, options: Seq2SeqOptions) -> tuple[int, int]:
    """Most tokens of a source and of a target: those of the options, or what the model can take where that is less."""
    most = min(tokenizer.model_max_length, positions(model))
    return min(options.max_source_length, most), min(options.max_target_length, most)


def set_generation(model: Any, options: Seq2SeqOptions) -> None:
    """Put how texts are searched for where transformers' own ``generate`` finds it and ``save_pretrained`` keeps it."""
    config = model.generation_config
    config._from_model_config = False  # or generate would make a new one of the model's configuration
    config.max_length = None  # it would count the start token too, and quarrel with max_new_tokens
    config.max_new_tokens = min(options.max_target_length, positions(model))
    config.num_beams = options.num_beams
    config.do_sample = False
    if options.no_repeat_ngram_size is not None:
        config.no_repeat_ngram_size = options.no_repeat_ngram_size
    if options.num_beams == 1:  # transformers warns of settings of a search that is not made
        config.early_stopping = config.length_penalty = None
    elif options.length_penalty is not None:
        config.length_penalty = options.length_penalty


def _pretrained(located: Located, changes: Mapping[str, Any]) -> tuple[Any, Any]:
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForSeq2SeqLM

    try:
        config: Any = AutoConfig.from_pretrained(located.path, **changes, **located.config_kwargs)
        require_known(changes, config.to_dict())
        _require_encoder_decoder(located, config)
        tokenizer = open_tokenizer(located)
        model: Any = AutoModelForSeq2SeqLM.from_pretrained(
            located.path, config=config, dtype="float32", **located.kwargs
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{located.path}: cannot write texts ({first_line(error)})") from error
    known = model.get_input_embeddings().num_embeddings
    if len(tokenizer) > known:
        message = f"its tokenizer has {len(tokenizer):,} tokens and the model knows {known:,}"
        raise ModelError(
            Finding("error", located.path, message, "give a model with the tokenizer it was made with")
        )
    return model, tokenizer


def _require_encoder_decoder(located: Located, config: Any) -> None:
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_CAUSAL_LM_MAPPING,
        MODEL_FOR_MASKED_LM_MAPPING,
        MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING,
    )

    kind = type(config)
    if kind in MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING and config.is_encoder_decoder:
        model: Any = MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING[kind]
        if can_shift(model):
            return
    what = "is no encoder-decoder of texts that can be trained here"
    if kind in MODEL_FOR_MASKED_LM_MAPPING:
        what = "is an encoder only: it reads texts and writes none"
    elif kind in MODEL_FOR_CAUSAL_LM_MAPPING:
        what = "is a decoder only: it goes on with a text, where here one is read and another one written"
    raise ModelError(
        Finding("error", f"model '{located.path}'", f"a model of type {config.model_type} {what}", FIX)
    )


def _new_pair(section: ModelSection, options: Seq2SeqOptions, texts: Iterable[str]) -> tuple[Any, Any]:
    from huggingface_hub.errors import StrictDataclassError
    from transformers import CONFIG_MAPPING, AutoModelForSeq2SeqLM

    name = section.name.removeprefix(SCRATCH)
    if name not in NEW:
        message = f"no architecture '{name}' to write texts with new weights"
        raise RecipeError(Finding("error", "model.name", message, did_you_mean(name, NEW)))
    kind: Any = CONFIG_MAPPING[name]
    require_known(section.config, _own_keys(kind))
    longest = max(options.max_source_length, options.max_target_length)
    tokenizer = learn_tokenizer(texts, options.vocab_size, longest, lowercase=options.lowercase)
    sizes = {**NEW[name], **section.config}
    try:
        config = kind(**{**_filled(kind, tokenizer, longest), **_spread(kind, sizes), **sizes})
        model: Any = AutoModelForSeq2SeqLM.from_config(config)
    except (
        ArithmeticError,
        TypeError,
        ValueError,
        RuntimeError,
        AssertionError,
        StrictDataclassError,
    ) as error:
        reason = first_line(error)
        raise RecipeError(Finding("error", "model.config", reason, "change these values")) from error
    return model, tokenizer


def _own_keys(kind: Any) -> set[str]:
    """What of an architecture's configuration is a recipe's to set: not what follows from the vocabulary."""
    return {name for name in kind().to_dict() if not name.endswith(("vocab_size", "_token_id"))}


def _spread(kind: Any, sizes: Mapping[str, Any]) -> dict[str, float]:
    """How far new weights lie from zero, where an architecture has one number for all of them.

    One over the root of the width, so that scaled embeddings have variance one beside the signs of position, and sums
    keep their variance from layer to layer (Glorot and Bengio 2010, equation 12). With 0.02, made for wide models whose
    layers are normalised first, a narrow encoder of Marian gave every text the same code and never left it.
    """
    return {"init_std": sizes["d_model"] ** -0.5} if "init_std" in _own_keys(kind) else {}


def _filled(kind: Any, tokenizer: Any, longest: int) -> dict[str, Any]:
    """What follows from the vocabulary and the lengths; writing starts from the padding token, as in Marian and T5."""
    values = {
        "vocab_size": len(tokenizer),
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "decoder_start_token_id": tokenizer.pad_token_id,
        "forced_eos_token_id": tokenizer.eos_token_id,
        "max_position_embeddings": longest,
    }
    known = kind().to_dict()
    return {
        name: value
        for name, value in values.items()
        if name in known or name in {"decoder_start_token_id", "eos_token_id"}
    }
