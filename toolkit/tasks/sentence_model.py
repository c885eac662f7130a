"""Sentences to vectors, and vectors to similarities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from toolkit.errors import ModelError, first_line, raise_errors
from toolkit.files import read_json, write_json
from toolkit.hub.models import Located, locate_model
from toolkit.metrics.retrieval import unit
from toolkit.tasks.protocol import Attribution
from toolkit.tasks.sentence_input import check_sentences
from toolkit.tasks.text_batches import MODEL_INPUTS, pad_rows, padded
from toolkit.tasks.text_model import DECODING
from toolkit.tasks.text_opening import longest_input, open_pretrained, open_tokenizer, opening

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Prediction

Pooling = Literal["mean", "cls", "max"]
NO_REASONS = "A similarity belongs to two whole sentences; it is not taken apart into words."


def open_encoder(section: ModelSection) -> tuple[Any, Located]:
    """A pretrained encoder without a head, in float32, and where it is.

    Raises:
        ModelError: unreadable, or a model that does not encode texts.
    """
    located = locate_model(section)
    with opening(located, "encode text"):
        model = open_pretrained(located, "AutoModel", section.config)
        if model.config.is_encoder_decoder:
            raise ValueError("an encoder with a decoder; name an encoder such as sample:minilm")
    return model, located


class SentencePredictor:
    """Sentences to vectors and similarities: the one preprocessing of evaluate, predict, demo and Space.

    Args:
        model: gives ``last_hidden_state`` (texts, tokens, units).
        tokenizer: of that model.
        max_length: tokens a sentence is cut to.
        pooling: how tokens become one vector.
        normalize: whether vectors have length 1.
    """

    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""

    def __init__(
        self, model: Any, tokenizer: Any, *, max_length: int, pooling: Pooling, normalize: bool
    ) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.max_length = max_length
        self.pooling: Pooling = pooling
        self.normalize = normalize

    @classmethod
    def open(
        cls, section: ModelSection, *, max_length: int, pooling: Pooling, normalize: bool
    ) -> SentencePredictor:
        """A pretrained encoder; the model's own limit applies where it is below ``max_length``.

        Raises:
            ModelError: it cannot be opened, or has no tokenizer.
        """
        model, located = open_encoder(section)
        tokenizer = open_tokenizer(located)
        limit = longest_input(model, tokenizer, max_length)
        made = cls(model, tokenizer, max_length=limit, pooling=pooling, normalize=normalize)
        made.revision = located.revision
        return made

    def __call__(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Prediction]:
        """How near the sentences of each input are to its source sentence.

        Args:
            inputs: ``{"source_sentence": "…", "sentences": ["…", …]}`` each, as the Hub's widget sends.
            batch_size: sentences per forward pass.

        Raises:
            DataError: inputs that are something else; all of them are named.
        """
        asked = [check_sentences(value, f"input {number}") for number, value in enumerate(inputs, 1)]
        raise_errors([finding for one in asked if isinstance(one, list) for finding in one])
        pairs = [one for one in asked if not isinstance(one, list)]
        texts = list(dict.fromkeys(text for source, others in pairs for text in (source, *others)))
        if not texts:
            return []
        vectors = dict(zip(texts, unit(self.embed(texts, batch_size)), strict=True))
        return [_prediction(vectors, source, others) for source, others in pairs]

    def embed(
        self, texts: Sequence[str], batch_size: int = 32, *, accelerator: Accelerator | None = None
    ) -> np.ndarray:
        """The vector of each text, float32 (texts, units).

        Args:
            texts: any.
            batch_size: texts per forward pass.
            accelerator: when given, its processes share the texts and each gets all vectors.
        """
        from toolkit.engine.inference import compute_rows

        return compute_rows(
            self.model,
            *padded(self.tokenizer, self._tokenize(texts)),
            lambda batch: self.pooled(self.model(**batch), batch).float(),
            batch_size=batch_size,
            accelerator=accelerator,
        )

    def pooled(self, output: Any, inputs: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The vectors of an output of the model, float32 (texts, units)."""
        from toolkit.models.pooling import pooled

        return pooled(output.last_hidden_state, inputs["attention_mask"], self.pooling, self.normalize)

    def encode(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """The model's inputs for some texts, padded, int64 (texts, tokens)."""
        return pad_rows(self.tokenizer, self._tokenize(texts))

    def _tokenize(self, texts: Sequence[str]) -> dict[str, list[list[int]]]:
        encoded = self.tokenizer(list(texts), truncation=True, max_length=self.max_length)
        return {name: encoded[name] for name in MODEL_INPUTS if name in encoded}

    def explain(self, value: Any) -> Attribution:
        """Why a similarity is not attributed to words."""
        del value
        return Attribution(reason=NO_REASONS)

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and pooling into ``folder``, as toolkit and sentence-transformers open them."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        how = {"max_length": self.max_length, "pooling": self.pooling, "normalize": self.normalize}
        write_json(folder / DECODING, how)
        _write_modules(folder, self.pooling, self.normalize, self.max_length, self.model.config.hidden_size)

    @classmethod
    def load(cls, section: ModelSection) -> SentencePredictor:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold a sentence encoder of this toolkit, or holds a pickle.
        """
        model, located = open_encoder(section)
        try:
            how = read_json(Path(located.path) / DECODING)
        except (OSError, ValueError) as error:
            raise ModelError(f"{located.path}: not a saved sentence encoder ({first_line(error)})") from error
        return cls(model.eval(), open_tokenizer(located), **how)


def _prediction(vectors: Mapping[str, np.ndarray], source: str, others: Sequence[str]) -> Prediction:
    similarities = [float(vectors[source] @ vectors[other]) for other in others]
    best = int(np.argmax(similarities))
    return {
        "label": others[best],
        "score": similarities[best],
        "similarities": similarities,
        "scores": dict(zip(others, similarities, strict=True)),
    }


def _write_modules(folder: Path, pooling: Pooling, normalize: bool, max_length: int, units: int) -> None:
    """What sentence-transformers asks of a folder: its modules in order, and their settings."""
    names = ["", "1_Pooling", *(["2_Normalize"] if normalize else [])]
    kinds = ("Transformer", "Pooling", "Normalize")
    modules = [
        {"idx": at, "name": str(at), "path": name, "type": f"sentence_transformers.models.{kind}"}
        for at, (name, kind) in enumerate(zip(names, kinds, strict=False))
    ]
    write_json(folder / "modules.json", modules)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": max_length, "do_lower_case": False})
    for name in names[1:]:
        (folder / name).mkdir(exist_ok=True)
    modes = {"mean": "mean_tokens", "cls": "cls_token", "max": "max_tokens"}
    chosen = {f"pooling_mode_{mode}": name == pooling for name, mode in modes.items()}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": units, **chosen})
