"""Open an encoder and its tokenizer for one row of logits per text, and predict with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit import models
from toolkit.data.vocabulary import Vocabulary, learn_words
from toolkit.errors import DataError, Finding, ModelError, first_line
from toolkit.files import read_json, write_json
from toolkit.hub.models import SCRATCH, Located, locate_model
from toolkit.tasks.problem import Problem
from toolkit.tasks.protocol import Attribution
from toolkit.tasks.text_attribution import attribute_text
from toolkit.tasks.text_batches import MODEL_INPUTS, pad_rows, padded
from toolkit.tasks.text_opening import (
    longest_input,
    new_classifier,
    open_classifier,
    open_tokenizer,
    usable,
)

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from toolkit.data.labels import LabelSpace
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Prediction

NO_REASONS = "which words spoke for the label of a pair of texts is not shown"
DECODING = "decoding.json"
"""In the model folder: what turns logits into predictions and has no place in transformers' configuration."""


def open_predictor(
    section: ModelSection,
    space: LabelSpace,
    max_length: int,
    texts: Iterable[str] = (),
    vocabulary: Vocabulary | None = None,
) -> TextPredictor:
    """An encoder with a new head for the labels of ``space``, in float32, with its tokenizer.

    Args:
        section: the model.
        space: what the logits are to mean.
        max_length: tokens a text is cut to; the model's own limit applies where it is lower.
        texts: the training rows, whose words a model with new weights learns.
        vocabulary: which of these words.

    Raises:
        ModelError: no tokenizer, no sequence classification head for this architecture, or unreadable weights.
        RecipeError: an architecture or values of ``model.config`` that there are not.
    """
    if section.name.startswith(SCRATCH):
        tokenizer = usable(learn_words(texts, vocabulary or Vocabulary()))
        model, revision = new_classifier(section, space, tokenizer), None
    else:
        located = locate_model(section)
        tokenizer = open_tokenizer(located)
        model, revision = open_classifier(located, space, section.config), located.revision
        model.config.pad_token_id = tokenizer.pad_token_id
    limit = longest_input(model, tokenizer, max_length)
    predictor = TextPredictor(model, tokenizer, Problem(space), max_length=limit)
    predictor.revision = revision
    return predictor


class TextPredictor:
    """Texts to predictions: the one preprocessing of evaluate, predict, demo and Space.

    Args:
        model: gives ``logits`` (rows, labels).
        tokenizer: of that model.
        problem: what the logits mean.
        max_length: tokens a text is cut to.
        temperature: divides the logits of classifiers, so that probabilities are calibrated.
        roles: of the texts that are read together: an input is one text, or of several roles a dict by role.
    """

    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""
    frame: None = None

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        problem: Problem,
        *,
        max_length: int,
        temperature: float = 1.0,
        roles: Sequence[str] = ("text",),
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.problem = problem
        self.max_length = max_length
        self.temperature = temperature
        self.roles = roles

    def __call__(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Prediction]:
        """Predict each text, or pair of texts, in order.

        Raises:
            DataError: an input is not a text, or is empty; all of them are named.
        """
        require_texts(inputs, self.roles)
        if not inputs:
            return []
        return self.problem.decode(self.logits(inputs, batch_size), self.temperature)

    def logits(self, texts: Sequence[Any], batch_size: int = 32) -> np.ndarray:
        """Raw logits, float32, shape (texts, labels)."""
        from toolkit.engine.inference import forward_rows

        rows = padded(self.tokenizer, self.tokenize(texts))
        return forward_rows(self.model, *rows, batch_size=batch_size)

    def encode(self, texts: Sequence[Any]) -> dict[str, torch.Tensor]:
        """The model's inputs for some texts, padded, int64 (texts, tokens)."""
        return pad_rows(self.tokenizer, self.tokenize(texts))

    def tokenize(self, texts: Sequence[Any]) -> dict[str, list[list[int]]]:
        """The tokens of each input, cut to ``max_length``, by the name of the model's input."""
        columns = [list(texts)] if len(self.roles) == 1 else [[one[r] for one in texts] for r in self.roles]
        encoded = self.tokenizer(*columns, truncation=True, max_length=self.max_length)
        return {name: encoded[name] for name in MODEL_INPUTS if name in encoded}

    def as_inputs(self, texts: Sequence[str]) -> list[Any]:
        """Inputs of which each text is such a text."""
        return list(texts) if len(self.roles) == 1 else [dict.fromkeys(self.roles, text) for text in texts]

    def explain(self, value: Any) -> Attribution:
        """Attribute the predicted label of one text to its words."""
        require_texts([value], self.roles)
        if len(self.roles) > 1:
            return Attribution(reason=NO_REASONS)
        target = int(self.logits([value])[0].argmax())
        return attribute_text(self.model, self.tokenizer, value, self.max_length, target)

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and decoding into ``folder``, as ``from_pretrained`` expects them."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        decoding = {"max_length": self.max_length, "temperature": self.temperature}
        write_json(folder / DECODING, {**decoding, "roles": list(self.roles)})

    @classmethod
    def load(cls, section: ModelSection) -> TextPredictor:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold a text classifier of this toolkit, or holds a pickle.
        """
        from safetensors import SafetensorError
        from transformers import AutoModelForSequenceClassification

        from toolkit.data.labels import LabelSpace
        from toolkit.engine.memory import own_memory

        models.register()
        located = locate_model(section)
        try:
            decoding = read_json(_decoding_file(located))
            model = AutoModelForSequenceClassification.from_pretrained(located.path, **located.kwargs)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"{located.path}: not a saved text classifier ({first_line(error)})") from error
        own_memory(model)
        names = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
        problem = Problem(LabelSpace(model.config.problem_type, names))
        return cls(model.eval(), open_tokenizer(located), problem, **decoding)


def _decoding_file(located: Located) -> Path:
    from pathlib import Path

    return Path(located.path) / DECODING


def require_texts(inputs: Sequence[Any], roles: Sequence[str] = ("text",)) -> None:
    """Refuse what is not a non-empty text, or not such a text for each of several roles, all at once."""
    fix = "give a non-empty string"
    if len(roles) > 1:
        fix = "give {" + ", ".join(f'"{role}": "…"' for role in roles) + "}"
    problems = [
        Finding("error", f"input {number}", f"not a {'text' if len(roles) == 1 else 'pair'}: {value!r}", fix)
        for number, value in enumerate(inputs, 1)
        if not all(isinstance(text, str) and text.strip() for text in _texts_of(value, roles))
    ]
    if problems:
        raise DataError(problems)


def _texts_of(value: Any, roles: Sequence[str]) -> list[Any]:
    if len(roles) == 1:
        return [value]
    return [value.get(role) if isinstance(value, Mapping) else None for role in roles]
