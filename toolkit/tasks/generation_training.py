"""What a text generator is trained on, and what it could do before."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from toolkit.data.arrays import column_array
from toolkit.data.load import Rows, load_rows
from toolkit.data.messages import read_messages, written
from toolkit.data.sequences import Sequences, write_sequences
from toolkit.errors import Finding, raise_errors
from toolkit.metrics.measure import headline_split
from toolkit.tasks.evaluation import sample_positions, scored_positions
from toolkit.tasks.generation_batches import SequenceBatches
from toolkit.tasks.generation_model import Losses, Writer
from toolkit.tasks.generation_opening import open_writer
from toolkit.tasks.text_opening import check_new_weights

if TYPE_CHECKING:
    import torch

    from toolkit.data.text import LedgerEntry
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.engine.turn import Batch, Objective
    from toolkit.recipe.schema import Recipe
    from toolkit.tasks.text_generation import Options

BEST_METRIC = "-loss"
NAMES = ("loss", "perplexity")
"""What evaluations during training tell."""
SAMPLES = 6
"""Prompts whose continuations before and after training are shown."""
OPENING = 32
"""Tokens of a document that are given to go on from."""
SCORED = 500
"""Rows of the training split that are scored."""


class Asked(NamedTuple):
    """A prompt from the held-out rows."""

    row: int
    prompt: str
    """A text, a question, or messages that end with one, as JSON."""
    truth: str
    """How it really goes on."""


class Before(NamedTuple):
    """What the model could do before it was trained."""

    losses: Losses
    """Of the headline split's rows."""
    written: Sequence[str]
    """After the prompts of the samples."""


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    rows: Rows
    sequences: dict[str, Sequences]
    writer: Writer
    notes: Sequence[Finding] = field(default_factory=list[Finding])

    @property
    def findings(self) -> list[Finding]:
        """What is worth knowing of rows and model."""
        return [*self.rows.findings, *self.notes]

    @property
    def ledger(self) -> dict[str, LedgerEntry]:
        """What was cut from each split."""
        return {split: part.ledger for split, part in self.sequences.items()}

    @property
    def shown(self) -> str:
        """The split whose figures are quoted."""
        return headline_split([split for split, part in self.sequences.items() if len(part.rows)])

    def batches(self, split: str) -> SequenceBatches:
        """The sequences of a split, to train on."""
        writer = self.writer
        return SequenceBatches(self.sequences[split].rows, self.recipe.train, writer.packed, writer.padding)

    @contextmanager
    def training(self) -> Generator[None]:
        """The model takes sequences as they are packed."""
        from toolkit.engine.language import plain
        from toolkit.engine.packing import packed_attention

        with packed_attention(plain(self.writer.model), self.writer.packed):
            yield

    def objective(self) -> Objective:
        """The summed loss of a batch's labelled tokens."""
        from toolkit.engine.language import labelled, plain, summed_loss
        from toolkit.engine.peak import training_flops
        from toolkit.engine.turn import Objective

        model, plain_head = self.writer.model, self.writer.plain_head
        per_token, per_label = training_flops(model), _head_flops(plain(model))

        def loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
            return summed_loss(module, batch, plain_head=plain_head)

        return Objective(
            "language model",
            model,
            loss,
            units=labelled,
            flops=lambda batch: per_token * batch["input_ids"].numel() + per_label * float(labelled(batch)),
        )

    def validation(self, run: Run) -> Evaluate | None:
        """The evaluation that ``fit`` calls: the loss on the validation split, shared among the processes."""
        from toolkit.engine.language import token_losses

        if "validation" not in self.sequences:
            return None
        batches, writer = self.batches("validation"), self.writer

        def evaluate() -> dict[str, float]:
            rank, world = run.accelerator.process_index, run.processes
            nats = tokens = 0.0
            for number, some in enumerate(batches.in_order()):
                if number % world == rank:
                    batch = {name: value.to(run.device) for name, value in batches.collate(some).items()}
                    losses, _ = token_losses(writer.model, batch, plain_head=writer.plain_head)
                    nats, tokens = nats + float(losses.sum(dtype=np.float64)), tokens + len(losses)
            nats, tokens = run.sum(nats, tokens)
            loss = nats / max(tokens, 1.0)
            return {"loss": loss, "perplexity": float(np.exp(loss))}

        return evaluate

    def losses(self, split: str) -> Losses:
        """The losses of a split's rows as the model is now; of the training split those of some rows."""
        part, rows = self.sequences[split].rows, len(self.rows.splits[split])
        wanted = scored_positions(split, rows, SCORED)
        kept = np.flatnonzero(np.isin(column_array(part, "source"), wanted))
        losses = self.writer.losses(part.select(kept), rows, self.recipe.train)
        return Losses(*(values[wanted] for values in (losses.nats, losses.tokens, losses.bytes)))

    def look_before(self, run: Run) -> Before | None:
        """Losses and samples of the model as it comes; the first process looks."""
        if not run.is_main:
            return None
        run.say(f"looking at the {self.shown} split before training")
        self.writer.model.to(run.device)
        written = [one["text"] for one in self.writer([asked.prompt for asked in self.samples()])]
        return Before(self.losses(self.shown), written)

    def samples(self) -> list[Asked]:
        """A few prompts from the rows whose figures are quoted, short enough to write after."""
        rows = self.rows.splits[self.shown]
        drawn = sample_positions(len(rows), 8 * SAMPLES)
        found = [self._asked(rows[int(at)]) for at in drawn]
        room = self.writer.context - self.writer.manner.max_new_tokens
        fitting = [one for one in found if one and len(self.writer.writing.prompt(one.prompt)) <= room]
        return fitting[:SAMPLES]

    def _asked(self, row: dict[str, Any]) -> Asked | None:
        form = self.writer.writing.form
        if form == "messages":
            *before, answer = read_messages(row["messages"])
            alone = len(before) == 1 and before[0]["role"] == "user"
            return Asked(row["row"], before[0]["content"] if alone else written(before), answer["content"])
        if form == "prompt":
            return Asked(row["row"], row["prompt"], row["completion"])
        return self._opening(row)

    def _opening(self, row: dict[str, Any]) -> Asked | None:
        """The first tokens of a document, and as many behind them as will be written."""
        tokenizer = self.writer.tokenizer
        ids = tokenizer(row["text"], add_special_tokens=False, verbose=False)["input_ids"]
        opening, rest = ids[:OPENING], ids[OPENING : OPENING + self.writer.manner.max_new_tokens]
        if not rest:
            return None
        return Asked(row["row"], tokenizer.decode(opening), tokenizer.decode(rest))


def _head_flops(model: Any) -> float:
    """Of the output layer for each token that has a label, forward and backward."""
    head = model.get_output_embeddings()
    if head is None:
        return 0.0
    return float((6 if head.weight.requires_grad else 4) * head.weight.numel())


def prepare(recipe: Recipe, options: Options) -> Prepared:
    """Load the rows, open the model, tokenise.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened, or does not suit the rows.
        RecipeError: settings that do not go together, or that the model cannot do.
    """
    from toolkit.engine.freeze import freeze
    from toolkit.engine.lora import add_lora
    from toolkit.engine.packing import can_pack
    from toolkit.tasks.text_generation import ROLES

    check_new_weights(recipe, options.vocabulary)
    rows = load_rows(recipe.data, ROLES)
    writer = open_writer(recipe.model, options, rows)
    model, writing = writer.model, writer.writing
    writer.packed = options.packing and can_pack(model, writer.max_length)
    notes = [] if writer.packed or not options.packing else [_cannot_pack(model)]
    sequences = {
        split: write_sequences(part, writing, writer.max_length) for split, part in rows.splits.items()
    }
    notes += _lost(sequences, recipe)
    freeze(model, recipe.train.freeze)
    if recipe.train.lora is not None:
        writer.model = add_lora(model, **recipe.train.lora.model_dump(), task_type="CAUSAL_LM")
    return Prepared(recipe, rows, sequences, writer, notes)


def _cannot_pack(model: Any) -> Finding:
    message = f"{type(model).__name__} cannot keep packed sequences apart: they are padded instead"
    return Finding("note", "options.packing", message)


def _lost(sequences: dict[str, Sequences], recipe: Recipe) -> list[Finding]:
    """Rows of which nothing is left to learn: errors, or left out where the recipe allows it.

    Raises:
        DataError: there are some, or all of a split are.
    """
    found: list[Finding] = []
    for split, part in sequences.items():
        found += part.lost.findings(recipe.data.on_error, f"{recipe.data.source} ({split})")
        if not len(part.rows) and not part.lost.count:
            found.append(Finding("error", recipe.data.source, f"no rows are left for {split}"))
    raise_errors(found)
    return found
