"""What a question answerer is trained on, and how it is judged meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from toolkit.data.answers import read_answers
from toolkit.data.arrays import column_array
from toolkit.data.load import Rows, load_rows
from toolkit.data.windows import Windows, write_windows
from toolkit.errors import Finding, raise_errors
from toolkit.metrics.answers import NAMES as MEASURED
from toolkit.metrics.answers import score
from toolkit.tasks.answer_batches import POSITIONS, WindowBatches, answer_loss
from toolkit.tasks.answer_decoding import choose_all
from toolkit.tasks.answer_model import Reader, leave_common_bias, open_reader
from toolkit.tasks.question_answering import Options, roles_of

if TYPE_CHECKING:
    import torch
    from datasets import Dataset

    from toolkit.data.text import LedgerEntry
    from toolkit.engine.run import Run
    from toolkit.engine.session import Evaluate
    from toolkit.engine.turn import Batch, Objective
    from toolkit.recipe.schema import Recipe

BEST_METRIC = "f1"
NAMES = (*MEASURED, "loss")
"""What evaluations during training tell."""


@dataclass
class Prepared:
    """Everything a training needs, opened and checked."""

    recipe: Recipe
    rows: Rows
    windows: dict[str, Windows]
    """Of the rows to train on, and of those that judge."""
    reader: Reader
    notes: Sequence[Finding] = field(default_factory=list[Finding])

    @property
    def findings(self) -> list[Finding]:
        """What is worth knowing of the rows."""
        return [*self.rows.findings, *self.notes]

    @property
    def ledger(self) -> dict[str, LedgerEntry]:
        """What was cut from the questions of each split."""
        return {split: part.ledger for split, part in self.windows.items()}

    def batches(self, split: str) -> WindowBatches:
        """The windows of a split, to train on."""
        return WindowBatches(self.windows[split].rows, self.reader.tokenizer, self.recipe.train)

    def objective(self) -> Objective:
        """The summed loss of a batch of windows."""
        from toolkit.engine.peak import training_flops
        from toolkit.engine.turn import Objective, tokens_of

        smoothing = self.recipe.train.label_smoothing_factor
        per_token = training_flops(self.reader.model)

        def loss(module: torch.nn.Module, batch: Batch) -> torch.Tensor:
            return answer_loss(module, batch, smoothing)

        return Objective(
            "reader",
            self.reader.model,
            loss,
            units=lambda batch: len(batch["start_positions"]),
            flops=lambda batch: per_token * tokens_of(batch),
        )

    def validation(self, run: Run) -> Evaluate | None:
        """The evaluation that ``fit`` calls: answers to the validation split, shared among the processes."""
        if "validation" not in self.windows:
            return None
        part, rows = self.windows["validation"], self.rows.splits["validation"]
        contexts, truths = list(rows["context"]), truths_of(rows)
        windows = [part.window(at) for at in range(len(part.rows))]
        positions = np.stack([column_array(part.rows, name) for name in POSITIONS], 1)
        choosing = self.reader.choosing

        def evaluate() -> dict[str, float]:
            logits = self.reader.logits(windows, accelerator=run.accelerator)
            choices = choose_all(contexts, windows, logits, choosing)
            scores = score([choice.text(choosing) for choice in choices], truths, resamples=0)
            values = {name: float(scores[name]["value"] or 0.0) for name in MEASURED}
            return {**values, "loss": _loss(logits, positions)}

        return evaluate


def truths_of(rows: Dataset) -> list[list[str]]:
    """The accepted answers of each row; none where it has no answer."""
    return [[answer.text for answer in read_answers(written)] for written in rows["answers"]]


def _loss(logits: Sequence[np.ndarray], positions: np.ndarray) -> float:
    """Mean over windows of the cross-entropy of first and last token."""
    losses: list[float] = []
    for both, places in zip(logits, positions, strict=True):
        shifted = both - both.max(-1, keepdims=True)
        shares = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
        losses.append(-float(shares[[0, 1], places].mean()))
    return float(np.mean(losses))


def prepare(recipe: Recipe, options: Options) -> Prepared:
    """Load the rows, open the model, cut contexts into windows.

    Raises:
        DataError: the rows cannot be used.
        ModelError: the model cannot be opened.
        RecipeError: windows too short for what they should hold.
    """
    from toolkit.engine.freeze import freeze
    from toolkit.engine.lora import add_lora

    rows = load_rows(recipe.data, roles_of(options))
    reader = open_reader(recipe.model, options)
    used = [split for split in ("train", "validation") if len(rows.splits.get(split, ()))]
    windows = {split: write_windows(rows.splits[split], reader.windowing) for split in used}
    notes = _notes(recipe, windows, options)
    raise_errors(notes)
    freeze(reader.model, recipe.train.freeze)
    leave_common_bias(reader.model)
    if recipe.train.lora is not None:
        reader.model = add_lora(reader.model, **recipe.train.lora.model_dump())
    return Prepared(recipe, rows, windows, reader, notes)


def _notes(recipe: Recipe, windows: dict[str, Windows], options: Options) -> list[Finding]:
    """Rows that no window can teach, how many windows there are, and answers that can never be given."""
    notes: list[Finding] = []
    for split, part in windows.items():
        notes += part.lost.findings(recipe.data.on_error, f"the {split} rows")
    part = windows["train"]
    start, end = (column_array(part.rows, name) for name in POSITIONS)
    long = int((end - start >= options.max_answer_length).sum())
    if long:
        message = (
            f"the answers of {long:,} training windows have more than {options.max_answer_length} tokens"
        )
        fix = "they are learnt, but never given: raise options.max_answer_length"
        notes.append(Finding("warning", "options.max_answer_length", message, fix))
    cut = part.ledger.samples_cut
    if cut:
        message = f"{cut:,} training questions are cut to {options.max_question_length} tokens"
        notes.append(Finding("warning", "options.max_question_length", message, "raise it"))
    sources = len(np.unique(column_array(part.rows, "source")))
    if len(part.rows) > sources:
        message = f"{sources:,} contexts of the training split are read in {len(part.rows):,} windows"
        notes.append(Finding("note", "options.max_length", message))
    return notes
