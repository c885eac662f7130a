"""How documents, prompts with their completions, and conversations become tokens, in training and in use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from toolkit.data.messages import Message, complaint, read_messages
from toolkit.data.store import digest
from toolkit.data.text import tokenizer_identity
from toolkit.errors import Finding, ModelError, first_line

Form = Literal["text", "prompt", "messages"]
"""What rows are: documents, prompts with completions, or conversations."""


@dataclass(frozen=True)
class Documents:
    """All of a text is learnt, and that it ends."""

    tokenizer: Any
    form: Form = "text"
    columns: Sequence[str] = ("text",)
    whole: bool = False

    @property
    def identity(self) -> str:
        """The tokenizer's."""
        return digest([self.form, tokenizer_identity(self.tokenizer)])

    def __call__(self, row: Mapping[str, str]) -> tuple[list[int], list[bool]]:
        """The tokens of a text with the end token."""
        ids = ended(self.tokenizer, self.tokenizer(row["text"], verbose=False)["input_ids"])
        return ids, [True] * len(ids)

    def prompt(self, given: Any) -> list[int]:
        """The tokens of a text to go on from."""
        return self.tokenizer(given, verbose=False)["input_ids"]


@dataclass(frozen=True)
class Completions:
    """A completion is learnt, and that it ends; the prompt before it is only read.

    The two are tokenised apart, as they are in use: nothing is put between them.
    """

    tokenizer: Any
    form: Form = "prompt"
    columns: Sequence[str] = ("prompt", "completion")
    whole: bool = True

    @property
    def identity(self) -> str:
        """The tokenizer's."""
        return digest([self.form, tokenizer_identity(self.tokenizer)])

    def __call__(self, row: Mapping[str, str]) -> tuple[list[int], list[bool]]:
        """The tokens of prompt and completion."""
        prompt = self.prompt(row["prompt"])
        answer = self.tokenizer(row["completion"], add_special_tokens=False, verbose=False)["input_ids"]
        answer = ended(self.tokenizer, answer)
        return prompt + answer, [False] * len(prompt) + [True] * len(answer)

    def prompt(self, given: Any) -> list[int]:
        """The tokens of a text to go on from."""
        return self.tokenizer(given, verbose=False)["input_ids"]


@dataclass(frozen=True)
class Conversations:
    """The answers of the assistant are learnt, each with the token that ends it; all else is only read.

    Written by the tokenizer's own chat template.
    """

    tokenizer: Any
    form: Form = "messages"
    columns: Sequence[str] = ("messages",)
    whole: bool = True

    @property
    def identity(self) -> str:
        """The tokenizer's and the template's."""
        return digest([self.form, tokenizer_identity(self.tokenizer), self.tokenizer.chat_template])

    def __call__(self, row: Mapping[str, str]) -> tuple[list[int], list[bool]]:
        """The tokens of a conversation.

        Raises:
            ModelError: the chat template rewrites what was said before.
        """
        messages = read_messages(row["messages"])
        text = self._written(messages)
        encoded = self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        learnt = [False] * len(encoded["input_ids"])
        for begin, end in self._answers(messages, text):
            inside = [at for at, (start, _) in enumerate(encoded["offset_mapping"]) if begin <= start < end]
            for at in self._up_to_the_end(encoded["input_ids"], inside):
                learnt[at] = True
        return list(encoded["input_ids"]), learnt

    def _answers(self, messages: Sequence[Message], text: str) -> list[tuple[int, int]]:
        """Where in the written conversation each answer begins and ends, its end mark included."""
        spans: list[tuple[int, int]] = []
        for number, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self._written(messages[:number], add_generation_prompt=True)
            after = self._written(messages[: number + 1])
            if not (text.startswith(before) and text.startswith(after)):
                raise ModelError(_rewriting())
            spans.append((len(before), len(after)))
        return spans

    def _up_to_the_end(self, ids: Sequence[int], inside: Sequence[int]) -> Sequence[int]:
        """Without what a template writes behind the end token."""
        ends = [place for place, at in enumerate(inside) if ids[at] == self.tokenizer.eos_token_id]
        return inside[: ends[-1] + 1] if ends else inside

    def _written(self, messages: Sequence[Message], **how: bool) -> str:
        try:
            return self.tokenizer.apply_chat_template(list(messages), tokenize=False, **how)
        except Exception as error:  # templates are programs, and raise what they like
            message = f"its chat template refuses these messages ({first_line(error)})"
            raise ModelError(Finding("error", "model.name", message, "see the model's card")) from error

    def prompt(self, given: Any) -> list[int]:
        """The tokens to answer: a conversation that ends with a question, or the question alone.

        What is said cannot hold control tokens: they are read as ordinary text.

        Raises:
            ValueError: messages that are none, or not in order.
        """
        messages = asked(given)
        wrong = complaint(messages, answered=False)
        if wrong:
            raise ValueError(wrong)
        encoded = self.tokenizer.apply_chat_template(
            messages, add_generation_prompt=True, sanitize_control_tokens=True, return_dict=True
        )
        return list(encoded["input_ids"])


def _rewriting() -> Finding:
    message = "its chat template writes earlier messages anew when later ones follow"
    fix = "give conversations of one question and one answer, or a model with another template"
    return Finding("error", "model.name", message, fix)


Writing = Documents | Completions | Conversations
FORMS: Mapping[Form, type[Writing]] = {"text": Documents, "prompt": Completions, "messages": Conversations}


def asked(given: Any) -> list[Message]:
    """A conversation as it is, or written as JSON; any other text is the first question of one."""
    if not isinstance(given, str):
        return read_messages(given)
    if given.lstrip().startswith('[{"'):
        return read_messages(given)
    return [{"role": "user", "content": given}]


def ended(tokenizer: Any, ids: Sequence[int]) -> list[int]:
    """The tokens with the end token behind them, once."""
    end = tokenizer.eos_token_id
    return list(ids) if end is None or (ids and ids[-1] == end) else [*ids, end]


def writing_for(tokenizer: Any, form: Form) -> Writing:
    """How rows of that form become tokens.

    Raises:
        ModelError: conversations, and the model has no chat template or the tokenizer no place of each token.
    """
    if form != "messages":
        return FORMS[form](tokenizer)
    if not tokenizer.chat_template:
        message = "the rows are conversations, and this model has no chat template"
        fix = "use an instruction-tuned model, or name a template file: options.chat_template=chat.jinja"
        raise ModelError(Finding("error", "model.name", message, fix))
    if not tokenizer.is_fast:
        message = "its tokenizer does not tell where in the text a token is"
        raise ModelError(Finding("error", "model.name", message, "use a model with a tokenizer.json"))
    return Conversations(tokenizer)
