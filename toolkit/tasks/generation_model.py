"""Open a causal language model with its tokenizer, let it write, and keep it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.data.arrays import column_array
from toolkit.errors import DataError, Finding, ModelError, first_line
from toolkit.files import read_json, write_json
from toolkit.hub.models import locate_model
from toolkit.tasks.generation_batches import SequenceBatches
from toolkit.tasks.protocol import Attribution
from toolkit.tasks.text_model import DECODING
from toolkit.tasks.text_opening import open_causal, open_tokenizer, positions
from toolkit.tasks.writing import Form, Writing, writing_for

if TYPE_CHECKING:
    from datasets import Dataset

    from toolkit.recipe.schema import ModelSection, TrainSection
    from toolkit.tasks.protocol import Prediction


@dataclass(frozen=True)
class Manner:
    """How tokens are chosen; the names are those of transformers' ``GenerationConfig``."""

    max_new_tokens: int = 128
    temperature: float = 0.0
    """0 takes the likeliest token; otherwise tokens are drawn, the more freely the higher it is."""
    top_p: float = 1.0
    """Draw among the likeliest tokens that together have this probability."""
    repetition_penalty: float = 1.0

    def config(self) -> dict[str, Any]:
        """As ``generate`` takes it."""
        drawn = self.temperature > 0
        chosen: dict[str, Any] = {"temperature": self.temperature, "top_p": self.top_p} if drawn else {}
        if self.repetition_penalty != 1.0:
            chosen["repetition_penalty"] = self.repetition_penalty
        return {"max_new_tokens": self.max_new_tokens, "do_sample": drawn, **chosen}


@dataclass(frozen=True)
class Written:
    """What was written after a prompt."""

    text: str
    tokens: int
    """The end token among them."""
    ended: bool
    """Whether the model itself ended it, rather than the limit of tokens."""


@dataclass
class Writer:
    """Prompts or conversations to continuations: the one preprocessing of evaluate, predict, demo and Space.

    Args:
        model: causal.
        writing: how rows and prompts become tokens.
        max_length: tokens of a sequence in training.
        manner: how tokens are chosen where nothing else is asked for.
        packed: whether sequences are laid end to end for their losses.
        plain_head: whether logits are a linear layer on the last states.
    """

    model: Any
    writing: Writing
    max_length: int
    manner: Manner
    packed: bool
    plain_head: bool
    revision: str | None = None
    """Commit on the Hub that the pretrained model came from."""
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    @property
    def tokenizer(self) -> Any:
        """Of the model."""
        return self.writing.tokenizer

    @property
    def chats(self) -> bool:
        """Whether it answers messages rather than going on with a text."""
        return self.writing.form == "messages"

    @property
    def context(self) -> int:
        """Tokens of prompt and answer together that the model can take."""
        return positions(self.model)

    def __call__(self, inputs: Sequence[Any], batch_size: int = 8) -> list[Prediction]:
        """Write after each input, in order, always taking the likeliest token.

        Raises:
            DataError: inputs that are no prompts, or too long; all of them are named.
        """
        prompts = self.prompts(inputs)
        written: dict[int, Written] = {}
        order = sorted(range(len(prompts)), key=lambda at: len(prompts[at]))
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            written.update(zip(places, self.write([prompts[at] for at in places]), strict=True))
        results = [written[at] for at in range(len(prompts))]
        return [{"label": one.text, **asdict(one)} for one in results]

    def prompts(self, inputs: Sequence[Any]) -> list[list[int]]:
        """The tokens of each prompt.

        Raises:
            DataError: what cannot be gone on from, all of it.
        """
        found: list[list[int]] = []
        wrong: list[Finding] = []
        for number, value in enumerate(inputs, 1):
            try:
                found.append(self._prompt(value))
            except ValueError as error:
                wrong.append(Finding("error", f"input {number}", str(error)))
        if wrong:
            raise DataError(wrong)
        return found

    def _prompt(self, value: Any) -> list[int]:
        if not (self.chats and isinstance(value, list)) and (not isinstance(value, str) or not value.strip()):
            raise ValueError("the text is empty" if isinstance(value, str) else f"not a text: {value!r}")
        ids = self.writing.prompt(value)
        room = self.context - self.manner.max_new_tokens
        if len(ids) > room:
            after = f"with {self.manner.max_new_tokens:,} to write after it the model can take {room:,}"
            raise ValueError(f"it has {len(ids):,} tokens; {after}")
        return ids

    def write(
        self, prompts: Sequence[Sequence[int]], manner: Manner | None = None, **more: Any
    ) -> list[Written]:
        """Continuations of some prompts, padded on the left to one length."""
        import torch

        longest = max(map(len, prompts))
        padding = self.padding
        ids = [[*[padding] * (longest - len(prompt)), *prompt] for prompt in prompts]
        mask = [[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts]
        device = self.model.device
        with torch.inference_mode(), _evaluating(self.model):
            output = self.model.generate(
                torch.tensor(ids, device=device),
                attention_mask=torch.tensor(mask, device=device),
                generation_config=self._generation(manner or self.manner),
                **more,
            )
        return [self._written(row[longest:].tolist()) for row in output]

    @property
    def padding(self) -> int:
        """What prompts are padded with; the mask hides it."""
        tokenizer = self.tokenizer
        return next((i for i in (tokenizer.pad_token_id, tokenizer.eos_token_id) if i is not None), 0)

    def _generation(self, manner: Manner) -> Any:
        from transformers import GenerationConfig

        return GenerationConfig(
            **manner.config(),
            bos_token_id=self.tokenizer.bos_token_id,
            eos_token_id=self.ends or None,
            pad_token_id=self.padding,
        )

    @property
    def ends(self) -> list[int]:
        """Tokens after which nothing is written: the one that was learnt, and those the model came with."""
        own = getattr(self.model.generation_config, "eos_token_id", None)
        given = own if isinstance(own, list) else [own]
        return sorted({i for i in (self.tokenizer.eos_token_id, *given) if i is not None})

    def _written(self, ids: Sequence[int]) -> Written:
        ends = [at for at, token in enumerate(ids) if token in self.ends]
        ids = ids[: ends[0] + 1] if ends else ids
        text = self.tokenizer.decode(ids, skip_special_tokens=True)
        return Written(text.strip() if self.chats else text, len(ids), bool(ends))

    def stream(self, given: Any, manner: Manner, over: threading.Event) -> Iterator[str]:
        """What is written so far, again and again until it ends or ``over`` is set.

        Raises:
            DataError: not something to go on from.
        """
        from transformers import StoppingCriteriaList, TextIteratorStreamer

        (prompt,) = self.prompts([given])
        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        failed: list[BaseException] = []

        def work() -> None:
            try:
                with self._turn:
                    self.write(
                        [prompt],
                        manner,
                        streamer=streamer,
                        stopping_criteria=StoppingCriteriaList([_Over(over)]),
                    )
            except Exception as error:  # told in the thread that reads
                failed.append(error)
            finally:
                streamer.end()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        text = ""
        try:
            for piece in streamer:
                text += piece
                yield text
        finally:
            over.set()
            thread.join()
        if failed:
            raise failed[0]

    def losses(self, rows: Dataset, sources: int, train: TrainSection) -> Losses:
        """Sums of the losses of the sequences of each row they are from."""
        from toolkit.engine.language import plain, token_losses
        from toolkit.engine.packing import packed_attention

        batches = SequenceBatches(rows, train, self.packed, self.padding)
        source = column_array(rows, "source")
        nats, counts = np.zeros(sources), np.zeros(sources)
        with packed_attention(plain(self.model), self.packed), _evaluating(self.model):
            for some in batches.in_order():
                batch = {name: value.to(self.model.device) for name, value in batches.collate(some).items()}
                losses, places = token_losses(self.model, batch, plain_head=self.plain_head)
                owners = source[some][_owners(batch, places)]
                np.add.at(nats, owners, losses.astype(np.float64))
                np.add.at(counts, owners, 1)
        return Losses(nats, counts, self._bytes(rows, source, sources))

    def _bytes(self, rows: Dataset, source: np.ndarray, sources: int) -> np.ndarray:
        """Bytes of the text, in UTF-8, whose tokens have a loss."""
        found = np.zeros(sources)
        for at, labels in enumerate(rows["labels"]):
            text = self.tokenizer.decode(
                [label for label in labels[1:] if label >= 0], skip_special_tokens=True
            )
            found[source[at]] += len(text.encode())
        return found

    def explain(self, value: Any) -> Attribution:
        """Not said for texts that are written."""
        del value
        return Attribution(reason="what spoke for each word of a text that is written is not shown")

    def save(self, folder: Path) -> None:
        """Write model, tokenizer, and how to generate, as ``from_pretrained`` expects them."""
        config = self.model.generation_config
        config.eos_token_id, config.pad_token_id = self.ends or None, self.padding
        config.do_sample, config.temperature, config.top_p, config.top_k = False, None, None, None
        config.max_new_tokens = self.manner.max_new_tokens
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)
        kept = {"form": self.writing.form, "max_length": self.max_length, "manner": asdict(self.manner)}
        write_json(folder / DECODING, {**kept, "packed": self.packed, "plain_head": self.plain_head})

    @classmethod
    def load(cls, section: ModelSection) -> Writer:
        """Open what :meth:`save` wrote.

        Raises:
            ModelError: the folder does not hold a text generator of this toolkit, or holds a pickle.
        """
        located = locate_model(section)
        try:
            kept = read_json(Path(located.path) / DECODING)
            manner = Manner(**kept.pop("manner"))
            form: Form = kept.pop("form")
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{located.path}: not a saved text generator ({first_line(error)})") from error
        model = open_causal(located, {}).eval()
        writing = writing_for(open_tokenizer(located), form)
        return cls(model, writing, manner=manner, **kept)


@dataclass(frozen=True)
class Losses:
    """Of the rows of a split: sums of their tokens' losses in nats, how many tokens, and bytes of their text."""

    nats: np.ndarray
    tokens: np.ndarray
    bytes: np.ndarray


class _Over:
    """A stopping criterion of ``generate``: somebody else has had enough."""

    def __init__(self, over: threading.Event) -> None:
        self.over = over

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        import torch

        del scores, kwargs
        return torch.full((len(input_ids),), self.over.is_set(), device=input_ids.device)


@contextlib.contextmanager
def _evaluating(model: Any) -> Generator[None]:
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)


def _owners(batch: Mapping[str, Any], places: np.ndarray) -> np.ndarray:
    """Which sequence of a batch each place of its flattened tokens belongs to."""
    if "cu_seq_lens" in batch:
        return np.searchsorted(batch["cu_seq_lens"].cpu().numpy(), places, "right") - 1
    return places // batch["input_ids"].shape[1]
