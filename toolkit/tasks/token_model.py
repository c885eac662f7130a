"""Open an encoder that gives every word a tag, and predict with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from toolkit.data.labels import LabelSpace
from toolkit.data.pieces import Cut, windows
from toolkit.data.roles import Scheme
from toolkit.data.words import WordSplitter
from toolkit.errors import DataError, Finding, ModelError, first_line
from toolkit.files import read_json, write_json
from toolkit.hub.models import Located, locate_model
from toolkit.tasks.problem import label_config
from toolkit.tasks.protocol import Attribution
from toolkit.tasks.text_model import DECODING
from toolkit.tasks.text_opening import longest_input, open_tokenizer, open_with_head, opening
from toolkit.tasks.token_batches import InMemory, WindowBatches
from toolkit.tasks.token_decoding import Place, decode

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Prediction

HEAD = "AutoModelForTokenClassification"


def open_word_tokenizer(located: Located) -> Any:
    """The model's tokenizer, as one that takes words.

    Raises:
        ModelError: there is none, or it cannot say which word a piece is of.
    """
    tokenizer = open_tokenizer(located)
    if not tokenizer.is_fast:
        raise ModelError(
            f"{located.path}: its tokenizer cannot say which word a piece is of; choose another model"
        )
    if getattr(tokenizer, "add_prefix_space", None) is False:
        # Byte-level tokenizers know most words with the space before them, which a list of words does not have.
        tokenizer = open_tokenizer(located, add_prefix_space=True)
    return tokenizer


def open_tagger(section: ModelSection, space: LabelSpace, scheme: Scheme, cut: Cut) -> TagPredictor:
    """A pretrained encoder with a new head for the tags of ``space``, in float32, with its tokenizer.

    Args:
        section: the model.
        space: the tags.
        scheme: what they mark.
        cut: how long sentences are read; the model's own limit applies where it is lower.

    Raises:
        ModelError: no tokenizer for words, no head of this kind for the architecture, or unreadable weights.
    """
    located = locate_model(section)
    tokenizer = open_word_tokenizer(located)
    with opening(located, "tag words"):
        model = open_with_head(located, HEAD, label_config(space), section.config)
    model.config.pad_token_id = tokenizer.pad_token_id
    limit = longest_input(model, tokenizer, cut.max_length)
    return TagPredictor(model, tokenizer, space, scheme, Cut(limit, cut.stride), revision=located.revision)


@dataclass
class TagPredictor:
    """Sentences to tags: the one preprocessing of evaluate, predict, demo and Space."""

    model: Any
    """Gives ``logits`` (windows, pieces, tags)."""
    tokenizer: Any
    space: LabelSpace
    scheme: Scheme
    cut: Cut
    splitter: WordSplitter = field(default_factory=WordSplitter)
    """Makes words of a text."""
    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""

    def __call__(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Prediction]:
        """Tag each text, or each list of words, in order.

        Raises:
            DataError: an input is neither a text nor a list of words, or is empty; all of them are named.
        """
        taken = self._taken(inputs)
        if not taken:
            return []
        sentences = [[text[start:end] for start, end in places] for text, places in taken]
        logits = self.logits(sentences, batch_size)
        names = self.space.names
        return [decode(*one, rows, names, self.scheme) for one, rows in zip(taken, logits, strict=True)]

    def logits(self, sentences: Sequence[Sequence[str]], batch_size: int = 32) -> list[np.ndarray]:
        """Logits of the words of each sentence, float32 (words, tags); NaN for words that are not read."""
        if not sentences:
            return []
        found, _ = windows(self.tokenizer, sentences, self.cut)
        batches = WindowBatches(InMemory(found), np.array([len(one) for one in found]), self.tokenizer)
        lengths = np.array([len(words) for words in sentences])
        flat = forward_words(self.model, batches, lengths, batch_size=batch_size)
        read = np.zeros(len(flat), bool)
        starts = np.cumsum(lengths) - lengths
        for one in found:
            read[starts[one.sentence] + np.asarray(one.words, np.int64)] = True
        flat[~read] = np.nan
        return np.split(flat, np.cumsum(lengths)[:-1])

    def encode(self, sentences: Sequence[Any]) -> dict[str, torch.Tensor]:
        """The model's inputs for some texts or lists of words, padded, int64 (windows, pieces)."""
        words = [[text[start:end] for start, end in places] for text, places in self._taken(sentences)]
        found, _ = windows(self.tokenizer, words, self.cut)
        rows = np.arange(len(found))
        return WindowBatches(InMemory(found), np.array([len(one) for one in found]), self.tokenizer).collate(
            rows
        )

    def _taken(self, inputs: Sequence[Any]) -> list[tuple[str, list[Place]]]:
        """Each input as a text and where its words are; the words of a list are put together with spaces."""
        problems = [
            Finding("error", f"input {number}", f"not a text or a list of words: {value!r}", "give words")
            for number, value in enumerate(inputs, 1)
            if not _is_sentence(value)
        ]
        if problems:
            raise DataError(problems)
        return [self._placed(value) for value in inputs]

    def _placed(self, value: str | Sequence[str]) -> tuple[str, list[Place]]:
        if isinstance(value, str):
            return value, self.splitter.split(value)
        ends = np.cumsum([len(word) + 1 for word in value]).tolist()
        places = [(end - 1 - len(word), end - 1) for word, end in zip(value, ends, strict=True)]
        return " ".join(value), places

    def explain(self, value: Any) -> Attribution:
        """Tags say themselves what each word was taken for."""
        del value
        return Attribution(reason="The tags themselves show what each word was taken for.")

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and decoding into ``folder``, as ``from_pretrained`` expects them."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        cut = {"max_length": self.cut.max_length, "stride": self.cut.stride}
        write_json(folder / DECODING, {**cut, "scheme": self.scheme, "splitter": self.splitter.to_dict()})

    @classmethod
    def load(cls, section: ModelSection) -> TagPredictor:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold a tagger of this toolkit, or holds a pickle.
        """
        from pathlib import Path

        from safetensors import SafetensorError
        from transformers import AutoModelForTokenClassification

        located = locate_model(section)
        try:
            decoding = read_json(Path(located.path) / DECODING)
            model = AutoModelForTokenClassification.from_pretrained(located.path, **located.kwargs)
            cut = Cut(decoding["max_length"], decoding["stride"])
            splitter = WordSplitter.from_dict(decoding["splitter"])
        except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelError(f"{located.path}: not a saved tagger ({first_line(error)})") from error
        names = tuple(model.config.id2label[number] for number in range(model.config.num_labels))
        space = LabelSpace("token_classification", names)
        return cls(model.eval(), open_word_tokenizer(located), space, decoding["scheme"], cut, splitter)


def forward_words(model: Any, batches: WindowBatches, lengths: np.ndarray, **how: Any) -> np.ndarray:
    """Logits of all words of some sentences, one after the other, float32 (words, tags); 0 where none was read.

    Args:
        model: gives ``logits`` (windows, pieces, tags).
        batches: the sentences' windows.
        lengths: (sentences,) words of each.
        how: what else :func:`~toolkit.engine.inference.forward_rows` takes.
    """
    from toolkit.engine.inference import Places, forward_rows

    places = Places(int(lengths.sum()), partial(batches.take, np.cumsum(lengths) - lengths))
    return forward_rows(model, batches.lengths, batches.collate, places=places, **how)


def _is_sentence(value: Any) -> bool:
    if isinstance(value, str):
        return bool(value.strip())
    if not isinstance(value, list | tuple) or not value:
        return False
    return all(isinstance(word, str) and bool(word.strip()) for word in cast(Sequence[Any], value))
