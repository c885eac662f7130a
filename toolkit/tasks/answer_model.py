"""Open an extractive reader with its tokenizer, let it answer, and keep it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from toolkit.data.windows import Window, Windowing
from toolkit.errors import DataError, Finding, ModelError, RecipeError, first_line
from toolkit.files import read_json, write_json
from toolkit.hub.models import locate_model
from toolkit.tasks.answer_batches import pad_windows
from toolkit.tasks.answer_decoding import Choice, Choosing, choose_all
from toolkit.tasks.protocol import Attribution
from toolkit.tasks.text_model import DECODING
from toolkit.tasks.text_opening import longest_input, open_tokenizer, open_with_head, opening

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Prediction
    from toolkit.tasks.question_answering import Options

AT_ONCE = 256
"""Questions whose logits are held at a time."""
PARTS = ("question", "context")
"""What an input consists of."""


@dataclass
class Reader:
    """Questions with contexts to answers: the one preprocessing of evaluate, predict, demo and Space."""

    model: Any
    """Gives ``start_logits`` and ``end_logits`` (windows, tokens)."""
    windowing: Windowing
    choosing: Choosing
    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""

    @property
    def tokenizer(self) -> Any:
        """Of the model."""
        return self.windowing.tokenizer

    def __call__(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Prediction]:
        """Answer each question, in order.

        Raises:
            DataError: inputs that are no question with a context; all of them are named.
        """
        return [one.prediction(self.choosing) for one in self.choices(inputs, batch_size)]

    def choices(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Choice]:
        """What the model says to each input.

        Raises:
            DataError: inputs that are no question with a context.
        """
        _require_pairs(inputs)
        found: list[Choice] = []
        for start in range(0, len(inputs), AT_ONCE):
            some = inputs[start : start + AT_ONCE]
            questions, contexts = ([one[part] for one in some] for part in PARTS)
            windows = self.windowing(questions, contexts)
            found += choose_all(contexts, windows, self.logits(windows, batch_size), self.choosing)
        return found

    def logits(
        self, windows: Sequence[Window], batch_size: int = 32, accelerator: Accelerator | None = None
    ) -> list[np.ndarray]:
        """Logits of starts and ends, float32 (2, tokens), of each window."""
        import torch
        from torch.nn import functional

        from toolkit.engine.inference import compute_rows

        if not windows:
            return []
        lengths = [len(window.ids) for window in windows]
        longest = max(lengths)

        def compute(batch: dict[str, torch.Tensor]) -> torch.Tensor:
            outputs = self.model(**batch)
            both = torch.stack([outputs.start_logits, outputs.end_logits], 1).float()
            return functional.pad(both, (0, longest - both.shape[-1]))

        table = compute_rows(
            self.model,
            lengths,
            lambda rows: self._padded([windows[int(row)] for row in rows]),
            compute,
            batch_size=batch_size,
            accelerator=accelerator,
        )
        return [logits[:, :length] for logits, length in zip(table, lengths, strict=True)]

    def encode(self, inputs: Sequence[Any]) -> dict[str, torch.Tensor]:
        """The model's inputs for the windows of some questions, padded, int64 (windows, tokens)."""
        return self._padded(self.windowing(*([one[part] for one in inputs] for part in PARTS)))

    def _padded(self, windows: Sequence[Window]) -> dict[str, torch.Tensor]:
        return pad_windows(self.tokenizer, [one.ids for one in windows], [one.types for one in windows])

    def explain(self, value: Any) -> Attribution:
        """The marked answer says itself where it was read."""
        del value
        return Attribution(reason="The marked part of the text shows where the answer was read.")

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and decoding into ``folder``, as ``from_pretrained`` expects them."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        names = ("max_length", "doc_stride", "max_question_length")
        numbers = {name: getattr(self.windowing, name) for name in names}
        write_json(folder / DECODING, {**numbers, **self.choosing.to_dict()})

    @classmethod
    def load(cls, section: ModelSection) -> Reader:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold a reader of this toolkit, or holds a pickle.
        """
        from safetensors import SafetensorError
        from transformers import AutoModelForQuestionAnswering

        located = locate_model(section)
        try:
            decoding = read_json(Path(located.path) / DECODING)
            model = AutoModelForQuestionAnswering.from_pretrained(located.path, **located.kwargs)
            names = ("max_length", "doc_stride", "max_question_length")
            numbers = {name: decoding.pop(name) for name in names}
        except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"{located.path}: not a saved question answerer ({first_line(error)})"
            ) from error
        windowing = Windowing(open_tokenizer(located), **numbers)
        return cls(model.eval(), windowing, Choosing(**decoding))


def open_reader(section: ModelSection, options: Options) -> Reader:
    """A pretrained model with a head for where answers begin and end, in float32, with its tokenizer.

    Raises:
        ModelError: no such head for this architecture, unreadable weights, or a tokenizer without places.
        RecipeError: windows too short for a question and what two windows share.
    """
    located = locate_model(section)
    tokenizer = open_tokenizer(located)
    if not tokenizer.is_fast:
        message = "its tokenizer does not tell where in the text a token is"
        raise ModelError(Finding("error", "model.name", message, "use a model with a tokenizer.json"))
    with opening(located, "answer questions"):
        # A first and a last token, whatever the checkpoint was made to tell apart.
        model = open_with_head(located, "AutoModelForQuestionAnswering", {"num_labels": 2}, section.config)
    limit = longest_input(model, tokenizer, options.max_length)
    windowing = Windowing(tokenizer, limit, options.doc_stride, options.max_question_length)
    _require_room(windowing)
    choosing = Choosing(options.max_answer_length, options.allow_no_answer)
    return Reader(model, windowing, choosing, located.revision)


def leave_common_bias(model: Any) -> None:
    """Keep the optimiser from a number that is added to the logits of all tokens.

    It changes no probability, so that its gradient is nothing but rounding errors, which an optimiser such as Adam
    makes steps of.
    """
    bias = getattr(getattr(model, "qa_outputs", None), "bias", None)
    if bias is not None:
        bias.requires_grad_(False)


def _require_room(windowing: Windowing) -> None:
    if windowing.max_length >= windowing.needed:
        return
    message = (
        f"windows of {windowing.max_length:,} tokens are too short for a question of "
        f"{windowing.max_question_length:,} and the {windowing.doc_stride:,} that two windows share: "
        f"at least {windowing.needed:,} are needed"
    )
    fix = "raise it where the model can take more, or lower options.doc_stride or options.max_question_length"
    raise RecipeError(Finding("error", "options.max_length", message, fix))


def _require_pairs(inputs: Sequence[Any]) -> None:
    """Refuse what is not a question with a context, all at once."""
    problems = [
        Finding("error", f"input {number}", wrong, 'give {"question": "…", "context": "…"}')
        for number, value in enumerate(inputs, 1)
        if (wrong := _complaint(value))
    ]
    if problems:
        raise DataError(problems)


def _complaint(value: Any) -> str:
    if not isinstance(value, Mapping):
        return f"no question with a context: {str(value)[:60]!r}"
    given = cast(Mapping[str, Any], value)
    for part in PARTS:
        text = given.get(part)
        if not isinstance(text, str) or not text.strip():
            return f"the {part} is {'missing' if text is None else 'empty' if text == '' else repr(text)}"
    return ""
