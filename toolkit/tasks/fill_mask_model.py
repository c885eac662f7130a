"""Fill the gaps of texts with a masked language model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit import models
from toolkit.errors import DataError, Finding, ModelError, first_line
from toolkit.files import read_json, write_json
from toolkit.hub.models import locate_model
from toolkit.tasks.protocol import Attribution
from toolkit.tasks.text_batches import MODEL_INPUTS, pad_rows
from toolkit.tasks.text_model import DECODING, require_texts
from toolkit.tasks.text_opening import open_tokenizer

if TYPE_CHECKING:
    import torch

    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Prediction

TOP = 5
"""Fillings given for each gap, as transformers' pipeline does."""


@dataclass
class FillMaskPredictor:
    """Texts with gaps to their fillings: the one preprocessing of evaluate, predict, demo and Space."""

    model: Any
    """Gives ``logits`` (texts, tokens, vocabulary)."""
    tokenizer: Any
    max_length: int
    """Tokens it reads at once."""
    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""

    @property
    def mask_token(self) -> str:
        """What stands for a gap in a text."""
        return str(self.tokenizer.mask_token)

    @property
    def hint(self) -> str:
        """How to ask, for people."""
        return f"Write {self.mask_token} where a word is missing."

    def __call__(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Prediction]:
        """Fill each text's gaps, in order; several gaps of one text each by itself, all others left open.

        Raises:
            DataError: an input is not a text, has no gap, or is too long; all of them are named.
        """
        if not len(inputs):
            return []
        columns = self._tokenize(inputs)
        gaps = [np.flatnonzero(np.asarray(ids) == self._mask_id) for ids in columns["input_ids"]]
        self._require_gaps(inputs, columns["input_ids"], gaps)
        found = self._fill(columns, batch_size)
        return [self._decode(*one) for one in zip(inputs, found, strict=True)]

    def encode(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """The model's inputs for some texts, padded, int64 (texts, tokens)."""
        return pad_rows(self.tokenizer, self._tokenize(texts))

    @property
    def _mask_id(self) -> int:
        return self.tokenizer.mask_token_id

    def _tokenize(self, texts: Sequence[Any]) -> dict[str, list[list[int]]]:
        require_texts(texts)
        encoded = self.tokenizer(list(texts), verbose=False)
        return {name: encoded[name] for name in MODEL_INPUTS if name in encoded}

    def _require_gaps(
        self, inputs: Sequence[str], ids: Sequence[list[int]], gaps: Sequence[np.ndarray]
    ) -> None:
        wrong: list[Finding] = []
        for number, (text, tokens, found) in enumerate(zip(inputs, ids, gaps, strict=True), 1):
            where = f"input {number}"
            if not len(found):
                message = f"nothing to fill: no {self.mask_token} in {_shortened(text)}"
                wrong.append(
                    Finding("error", where, message, f"write {self.mask_token} where a word is missing")
                )
            elif len(tokens) > self.max_length:
                message = f"{len(tokens):,} tokens, more than the {self.max_length:,} this model reads"
                wrong.append(Finding("error", where, message, "give the sentences around the gap"))
        if wrong:
            raise DataError(wrong)

    def _fill(self, columns: Mapping[str, list[list[int]]], batch_size: int) -> list[list[list[Filling]]]:
        """The best fillings of each gap of each text."""
        import torch

        order = np.argsort([len(ids) for ids in columns["input_ids"]], kind="stable")
        found: dict[int, list[list[Filling]]] = {}
        device = next(self.model.parameters()).device
        self.model.eval()
        with torch.inference_mode():
            for start in range(0, len(order), batch_size):
                rows = order[start : start + batch_size]
                batch = pad_rows(self.tokenizer, {k: [v[int(at)] for at in rows] for k, v in columns.items()})
                batch = {name: value.to(device) for name, value in batch.items()}
                gaps = batch["input_ids"] == self._mask_id
                best = logits_at(self.model, batch, gaps).float().softmax(-1).topk(TOP)
                tops = iter(zip(best.values.tolist(), best.indices.tolist(), strict=True))
                for row, count in zip(rows, gaps.sum(1).tolist(), strict=True):
                    found[int(row)] = [self._named(*next(tops)) for _ in range(count)]
        return [found[row] for row in range(len(order))]

    def _named(self, scores: Sequence[float], tokens: Sequence[int]) -> list[Filling]:
        words = [self.tokenizer.decode([token]) for token in tokens]
        return [Filling(*one) for one in zip(_distinct(words, tokens), scores, tokens, strict=True)]

    def _decode(self, text: str, gaps: Sequence[Sequence[Filling]]) -> Prediction:
        best = [fillings[0] for fillings in gaps]
        parts = text.split(self.mask_token)
        filled = "".join(
            part + word for part, word in zip(parts, [*(f.label.strip() for f in best), ""], strict=True)
        )
        shared = {"text": filled, "fillings": [[f.to_dict() for f in fillings] for fillings in gaps]}
        if len(gaps) == 1:
            scores = {filling.label: filling.score for filling in gaps[0]}
            return {"label": best[0].label, "score": best[0].score, "scores": scores, **shared}
        words = [filling.label for filling in best]
        return {
            "label": ", ".join(word.strip() for word in words),
            "labels": words,
            "score": min(filling.score for filling in best),
            "scores": {f"{gap}: {f.label}": f.score for gap, some in enumerate(gaps, 1) for f in some},
            **shared,
        }

    def explain(self, value: Any) -> Attribution:
        """Say why nothing is coloured."""
        del value
        return Attribution(
            reason="A filling follows from all words around the gap; it is not attributed to single ones."
        )

    def save(self, folder: Path) -> None:
        """Write model, tokenizer and decoding into ``folder``, as ``from_pretrained`` expects them."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        write_json(folder / DECODING, {"max_length": self.max_length})

    @classmethod
    def load(cls, section: ModelSection) -> FillMaskPredictor:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold a masked language model of this toolkit, or holds a pickle.
        """
        from safetensors import SafetensorError
        from transformers import AutoModelForMaskedLM

        from toolkit.engine.memory import own_memory

        models.register()
        located = locate_model(section)
        try:
            decoding = read_json(Path(located.path) / DECODING)
            model = AutoModelForMaskedLM.from_pretrained(located.path, **located.kwargs)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise ModelError(
                f"{located.path}: not a saved masked language model ({first_line(error)})"
            ) from error
        own_memory(model)
        return cls(model.eval(), open_tokenizer(located), decoding["max_length"])


@dataclass(frozen=True)
class Filling:
    """A token for a gap: as it is read, its probability, and its number in the vocabulary."""

    label: str
    score: float
    token: int

    def to_dict(self) -> dict[str, Any]:
        """The filling as JSON data."""
        return {"label": self.label, "score": self.score, "token": self.token}


def logits_at(model: Any, inputs: Mapping[str, torch.Tensor], positions: torch.Tensor) -> torch.Tensor:
    """Logits of some tokens alone, (chosen tokens, vocabulary).

    The vocabulary is by far the widest part of a masked language model, and only the masked tokens are asked for: the
    others are left out before it, which saves most of its time and memory. A model without output embeddings of its
    own, or a compiled one, is run whole.

    Args:
        model: gives ``logits`` (texts, tokens, vocabulary).
        inputs: of the model, (texts, tokens).
        positions: bool (texts, tokens).
    """
    output = model.get_output_embeddings()
    compiled = getattr(model, "_compiled_call_impl", None) is not None
    if output is None or compiled:
        return model(**inputs).logits[positions]

    def choose(_module: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        (hidden,) = given
        return (hidden[positions] if hidden.shape[:2] == positions.shape else hidden,)

    hook = output.register_forward_pre_hook(choose)
    try:
        logits = model(**inputs).logits
    finally:
        hook.remove()
    return logits if logits.ndim == 2 else logits[positions]


def _distinct(words: Sequence[str], tokens: Sequence[int]) -> Iterator[str]:
    """Names of tokens, told apart by number where two are written alike, as bytes that are no letter are."""
    for word, token in zip(words, tokens, strict=True):
        yield word if words.count(word) == 1 else f"{word} ({token})"


def _shortened(text: str, length: int = 60) -> str:
    return repr(text if len(text) <= length else f"{text[:length].rstrip()} …")
