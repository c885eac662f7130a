"""Write texts with an encoder-decoder: the one preprocessing and search of evaluate, predict, demo and Space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.text_pairs import Side, token_ids
from toolkit.engine.inference import compute_rows
from toolkit.errors import ModelError, first_line
from toolkit.files import read_json, write_json
from toolkit.tasks.protocol import Attribution
from toolkit.tasks.seq2seq_batches import pad_pairs, row_losses, rows_at_once
from toolkit.tasks.seq2seq_languages import set_tokenizer
from toolkit.tasks.seq2seq_opening import open_saved_pair
from toolkit.tasks.text_model import DECODING, require_texts

if TYPE_CHECKING:
    import torch
    from accelerate import Accelerator

    from toolkit.engine.turn import Batch
    from toolkit.recipe.schema import ModelSection
    from toolkit.tasks.protocol import Prediction


@dataclass
class Seq2SeqPredictor:
    """Texts to texts, by beam search as the model's ``generation_config.json`` says."""

    model: Any
    """Gives ``logits`` (rows, target tokens, vocabulary), and has ``generate``."""
    tokenizer: Any
    written: str
    """What a written text is called in a prediction: ``translation``, ``summary``."""
    limits: tuple[int, int]
    """Tokens a source and a target are cut to."""
    prefix: str = ""
    """Put before every source."""
    languages: tuple[str, str] = ("", "")
    """Codes of source and target, for multilingual models."""
    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""

    def __call__(self, inputs: Sequence[Any], batch_size: int = 32) -> list[Prediction]:
        """Write a text for each input, in order, with the geometric mean of its tokens' probabilities as ``score``.

        Raises:
            DataError: an input is not a text, or is empty; all of them are named.
        """
        require_texts(inputs)
        if not inputs:
            return []
        texts, scores = self._search(inputs, batch_size, scored=True)
        return [
            {"label": text, self.written: text, "score": score}
            for text, score in zip(texts, scores, strict=True)
        ]

    def write(
        self, texts: Sequence[str], batch_size: int = 32, accelerator: Accelerator | None = None
    ) -> list[str]:
        """What the model writes for each text, in order; the processes of an accelerator share the work."""
        return self._search(texts, batch_size, scored=False, accelerator=accelerator)[0]

    def losses(self, sources: Sequence[str], targets: Sequence[str]) -> np.ndarray:
        """Cross-entropy of each target in nats, summed over its tokens, and how many they are; float64 (rows, 2)."""
        columns = self._columns(sources, targets)
        lengths = [len(read) + len(written) for read, written in zip(*columns.values(), strict=True)]
        longest = max(map(len, columns["labels"]))

        def collate(rows: np.ndarray) -> Batch:
            return pad_pairs(self.tokenizer, self.model, _chosen(columns, rows))

        return compute_rows(
            self.model,
            lengths,
            collate,
            lambda batch: row_losses(self.model, batch),
            batch_size=rows_at_once(longest, self.model.config.vocab_size),
        )

    def sides(self, source: str = "", target: str = "") -> tuple[Side, Side]:
        """How sources and targets of these columns are cut into tokens."""
        return Side(source, self.limits[0], self.prefix), Side(target, self.limits[1])

    def encode(self, sources: Sequence[str], targets: Sequence[str]) -> Batch:
        """The model's inputs and labels for some pairs, padded."""
        return pad_pairs(self.tokenizer, self.model, self._columns(sources, targets))

    def _columns(self, sources: Sequence[str], targets: Sequence[str]) -> dict[str, list[list[int]]]:
        source, target = self.sides()
        return {
            "input_ids": token_ids(self.tokenizer, sources, source, written=False)[0],
            "labels": token_ids(self.tokenizer, targets, target, written=True)[0],
        }

    def _search(
        self, texts: Sequence[str], batch_size: int, *, scored: bool, accelerator: Accelerator | None = None
    ) -> tuple[list[str], list[float]]:
        ids = token_ids(self.tokenizer, texts, self.sides()[0], written=False)[0]
        width = 1 + self.model.generation_config.max_new_tokens
        found = compute_rows(
            self.model,
            list(map(len, ids)),
            lambda rows: dict(
                self.tokenizer.pad({"input_ids": [ids[at] for at in rows]}, return_tensors="pt")
            ),
            self._writer(width, scored),
            batch_size=batch_size,
            accelerator=accelerator,
        )
        tokens = found[:, :width].astype(np.int64).tolist()
        return self.tokenizer.batch_decode(tokens, skip_special_tokens=True), found[:, width].tolist()

    def _writer(self, width: int, scored: bool) -> Callable[[Batch], torch.Tensor]:
        """From a batch to the tokens written, padded to a width, and their score; float64, which holds both exactly."""
        import torch

        pad = self.tokenizer.pad_token_id

        def write(batch: Batch) -> torch.Tensor:
            tokens = self.model.generate(**batch)
            scores = self._scores(batch, tokens) if scored else torch.zeros(len(tokens))
            found = torch.full((len(tokens), width + 1), float(pad), dtype=torch.float64)
            found[:, : tokens.shape[1]] = tokens.cpu().double()
            found[:, width] = scores.cpu().double()
            return found

        return write

    def _scores(self, batch: Batch, tokens: torch.Tensor) -> torch.Tensor:
        """Geometric mean of the probabilities of what was written, up to its end; (rows,) in 0..1."""
        from toolkit.engine.turn import IGNORED

        labels = tokens[:, 1:].clone()
        ends = labels == self.tokenizer.eos_token_id
        labels[ends.cumsum(1) - ends.long() > 0] = IGNORED  # what comes after the end
        sums = row_losses(self.model, {**batch, "decoder_input_ids": tokens[:, :-1], "labels": labels})
        return (-sums[:, 0] / sums[:, 1].clamp(min=1)).exp()

    def explain(self, value: Any) -> Attribution:
        """A written text is not attributed to the words that were read."""
        require_texts([value])
        return Attribution(reason="Which words of the text a written word goes back to is not worked out.")

    def save(self, folder: Path) -> None:
        """Write model, search settings, tokenizer and decoding into ``folder``, as ``from_pretrained`` expects them."""
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        source, target = self.limits
        lengths = {"max_source_length": source, "max_target_length": target}
        told = {"source_prefix": self.prefix, "languages": list(self.languages)}
        write_json(folder / DECODING, {**lengths, **told})

    @classmethod
    def load(cls, section: ModelSection, written: str) -> Seq2SeqPredictor:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold such a model of this toolkit, or holds a pickle.
        """
        model, tokenizer, located = open_saved_pair(section)
        try:
            decoding = read_json(Path(located.path) / DECODING)
        except (OSError, ValueError) as error:
            message = f"{located.path}: not a saved model of this toolkit ({first_line(error)})"
            raise ModelError(message) from error
        source, target = decoding["languages"]
        set_tokenizer(tokenizer, source, target)
        limits = decoding["max_source_length"], decoding["max_target_length"]
        return cls(model, tokenizer, written, limits, decoding["source_prefix"], (source, target))


def _chosen(columns: dict[str, list[list[int]]], rows: np.ndarray) -> dict[str, list[list[int]]]:
    return {name: [values[at] for at in rows] for name, values in columns.items()}
