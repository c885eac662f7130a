"""The languages of models that translate between many: which codes there are, and telling model and tokenizer."""

from __future__ import annotations

import re
from typing import Any

from toolkit.errors import Finding, RecipeError, did_you_mean, raise_errors

CODE = re.compile(r"[a-z]{2,3}_[A-Za-z]{2,4}")
"""What a token that stands for a language looks like: ``ro_RO``, ``ron_Latn``."""


def language_codes(tokenizer: Any) -> list[str]:
    """The codes of the languages that a tokenizer must be told of; none where a model has one pair only."""
    if not hasattr(type(tokenizer), "src_lang"):
        return []
    known = getattr(tokenizer, "lang_code_to_id", None)
    if known:
        return sorted(known)
    return sorted(token for token in tokenizer.get_vocab() if CODE.fullmatch(token))


def set_languages(model: Any, tokenizer: Any, source: str, target: str) -> None:
    """Tell a multilingual model what it reads and what it is to write; others need not be told.

    mBART and M2M100 (Liu et al. 2020, Fan et al. 2020) read and write a token for the language. The first mBART starts
    with that of the target, the others write it first.

    Raises:
        RecipeError: a code is missing or unknown.
    """
    codes = language_codes(tokenizer)
    if not codes:
        return
    raise_errors(
        [*_problem("source_lang", source, codes), *_problem("target_lang", target, codes)], RecipeError
    )
    set_tokenizer(tokenizer, source, target)
    known = getattr(tokenizer, "lang_code_to_id", None) or {}
    number = known.get(target, tokenizer.convert_tokens_to_ids(target))
    config = model.generation_config
    if model.config.model_type == "mbart" and _starts_with_language(tokenizer, number):
        model.config.decoder_start_token_id = config.decoder_start_token_id = number
        config.forced_bos_token_id = None
    else:
        config.forced_bos_token_id = number


def set_tokenizer(tokenizer: Any, source: str, target: str) -> None:
    """Tell a multilingual tokenizer alone, as needed after it was opened again."""
    if language_codes(tokenizer):
        tokenizer.src_lang, tokenizer.tgt_lang = source, target
        tokenizer.init_kwargs |= {"src_lang": source, "tgt_lang": target}  # what is saved with it


def _starts_with_language(tokenizer: Any, number: int) -> bool:
    """Whether a text to write ends with its language, which models shift to the front."""
    return tokenizer(text_target="")["input_ids"][-1] == number


def _problem(option: str, given: str, codes: list[str]) -> list[Finding]:
    if given in codes:
        return []
    where = f"options.{option}"
    if not given:
        message = "this model translates between many languages and must be told"
        return [Finding("error", where, message, f"choose from {', '.join(codes)}")]
    same = [code for code in codes if code.split("_")[0] == given.split("_", maxsplit=1)[0]]
    fix = f"did you mean '{same[0]}'?" if same else did_you_mean(given, codes)
    return [Finding("error", where, f"unknown language code '{given}'", fix)]
