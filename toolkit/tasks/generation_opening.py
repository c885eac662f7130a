"""Open a text generator: pretrained, or with new weights and the words of the training rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.data.messages import read_messages
from toolkit.data.vocabulary import Vocabulary, learn_words, texts_of
from toolkit.errors import Finding, RecipeError
from toolkit.hub.models import SCRATCH, locate_model
from toolkit.tasks.generation_model import Manner, Writer
from toolkit.tasks.text_opening import new_causal, open_causal, open_tokenizer, usable
from toolkit.tasks.writing import FORMS, Form, writing_for

if TYPE_CHECKING:
    from toolkit.data.load import Rows
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.text_generation import Options


def open_writer(section: ModelSection, options: Options, rows: Rows) -> Writer:
    """The model, its tokenizer, and how the rows become tokens.

    Raises:
        ModelError: the model cannot be opened, or does not suit the rows.
        RecipeError: settings the model cannot do.
    """
    from toolkit.engine.language import has_plain_head

    form = form_of(rows)
    tokenizer, model, revision = _open(section, options, rows, form)
    if options.chat_template is not None:
        tokenizer.chat_template = _template(options.chat_template)
    writing = writing_for(tokenizer, form)
    manner = Manner(options.max_new_tokens, repetition_penalty=options.repetition_penalty)
    writer = Writer(
        model, writing, options.max_length, manner, packed=False, plain_head=has_plain_head(model)
    )
    writer.revision = revision
    writer.max_length = min(options.max_length, writer.context)
    _require_room(writer, options)
    return writer


def form_of(rows: Rows) -> Form:
    """What the rows are."""
    forms: tuple[Form, ...] = ("messages", "prompt", "text")
    return next(form for form in forms if form in rows.columns)


def _open(section: ModelSection, options: Options, rows: Rows, form: Form) -> tuple[Any, Any, str | None]:
    """Tokenizer, model, and the commit on the Hub that it is of."""
    if section.name.startswith(SCRATCH):
        tokenizer = usable(learn_words(_texts(rows, form), options.vocabulary or Vocabulary(), end=True))
        return tokenizer, new_causal(section, tokenizer), None
    located = locate_model(section)
    return open_tokenizer(located), open_causal(located, section.config), located.revision


def _texts(rows: Rows, form: Form) -> Iterator[str]:
    """What the training rows say."""
    for column in FORMS[form].columns:
        for text in texts_of(rows.splits["train"], column):
            if form == "messages":
                yield from (message["content"] for message in read_messages(text))
            else:
                yield text


def _template(name: str) -> str:
    try:
        return Path(name).expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(
            Finding("error", "options.chat_template", f"{name}: cannot be read", "name a Jinja file")
        ) from error


def _require_room(writer: Writer, options: Options) -> None:
    if options.max_new_tokens < writer.context:
        return
    message = f"the model can take {writer.context:,} tokens, those written included"
    fix = f"set it below {writer.context:,}"
    raise RecipeError(Finding("error", "options.max_new_tokens", message, fix))
