"""What a recipe may say: frozen, typed, unknown keys refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

ProblemType = Literal["single_label_classification", "multi_label_classification", "regression"]
"""What one row of logits stands for, in transformers' words: one class, several at once, or numbers."""


class Section(BaseModel):
    """Base of every recipe section and of every task's ``Options``: frozen, and unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)


class TaskOptions(Section):
    """Base of every task's ``Options``: the task's own settings, and what of the rest of a recipe it has no use for."""

    unused: ClassVar[Mapping[str, str]] = {}
    """Sections and keys (``data``, ``train.epochs``) that mean nothing to the task, each with what to do instead."""

    @classmethod
    def chosen(cls, given: Mapping[str, Any]) -> type[TaskOptions]:
        """The class that checks these very options: another one where one option decides which others there are."""
        del given
        return cls


class ModelSection(Section):
    """The pretrained model to start from."""

    name: str
    """Hub id, local folder, ``sample:NAME``, or ``scratch:NAME`` for new weights."""
    backbone: str | None = None
    """What a new detector sees with: a pretrained timm model, or ``scratch:NAME`` for new weights of it."""
    config: dict[str, Any] = Field(default_factory=dict)
    """Values of the architecture's configuration in place of its own, by their names in transformers or timm."""
    revision: str | None = None
    """Commit, tag or branch on the Hub."""
    trust_remote_code: bool = False
    """Allow Python code of the model's repository to run; off unless asked for by name."""


class ScenesSection(Section):
    """Pictures composed of several of the source's single-object pictures, with their boxes."""

    train: int = Field(gt=0)
    """How many, made from the training rows alone."""
    validation: int = Field(default=0, ge=0)
    """How many, made from the validation rows alone."""
    test: int = Field(default=0, ge=0)
    """How many, made from the test rows alone."""
    size: int = Field(default=128, gt=0)
    """Height and width in pixels."""
    objects: tuple[int, int] = (1, 6)
    """Fewest and most objects in one."""
    scale: tuple[float, float] = (1.5, 4.0)
    """How many times an object is enlarged, least and most."""
    seed: int = Field(default=0, ge=0)
    """Of what is drawn where."""


class DataSection(Section):
    """Where the rows come from and how they are split."""

    source: str
    """Hub id, csv/tsv/jsonl/parquet/txt file, folder, or ``sample:NAME``."""
    config: str | None = None
    """Configuration (subset) of a Hub dataset."""
    revision: str | None = None
    """Commit, tag or branch of a Hub dataset."""
    splits: dict[Literal["train", "validation", "test"], str] = Field(default_factory=dict)
    """Which of the source's own splits (or slices, ``train[:10%]``) serve as train, validation and test."""
    streaming: bool = False
    """Read a Hub dataset as a stream and keep only ``limit`` rows of each split."""
    limit: int | None = Field(default=None, gt=0)
    """At most this many rows of each source split, drawn by ``split_seed``; the first when streaming."""
    columns: dict[str, str | list[str]] = Field(default_factory=dict)
    """Role to column name: ``{text: review, label: stars}``; a role left out is guessed, and that is said."""
    group: str | None = None
    """Column whose equal values must stay on one side of a split: speaker, patient, document."""
    validation: float = Field(default=0.1, ge=0, lt=1)
    """Share of rows held out for validation when the source has no such split."""
    test: float = Field(default=0.1, ge=0, lt=1)
    """Share of rows held out for test when the source has no such split."""
    split_seed: int = 0
    """Seed of the split; apart from ``train.seed`` so that seeds of training share one test set."""
    on_error: Literal["stop", "skip"] = "stop"
    """What to do with a row that cannot be used: stop with an error, or leave it out, counted and named."""
    encoding: str = "utf-8"
    """Text encoding of csv, tsv, jsonl and txt files."""
    scenes: ScenesSection | None = None
    """For detection: compose pictures of several of the source's labelled pictures, once these are split."""


NO_DATA = DataSection(source="")
"""Of a task that learns from something else than rows."""


class LoraSection(Section):
    """Low-rank adapters (Hu et al. 2021, arXiv:2106.09685) through peft."""

    r: int = Field(default=8, gt=0)
    """Rank of the update."""
    lora_alpha: int = Field(default=16, gt=0)
    """Scale: the update is multiplied by ``lora_alpha / r``."""
    lora_dropout: float = Field(default=0.0, ge=0, lt=1)
    target_modules: list[str] | str = "all-linear"
    """Names of the modules that get an adapter."""


class UnfreezeSection(Section):
    """A second stage after a frozen one: everything is trained, from the weights that were best so far."""

    epochs: float = Field(default=1, gt=0)
    """Passes over the training rows, after those of ``train.epochs``."""
    learning_rate: float = Field(gt=0)
    """Usually well below that of the first stage."""


class TrainSection(Section):
    """How the model is trained; names follow transformers' ``TrainingArguments`` where it has them."""

    epochs: float = Field(default=3, gt=0)
    """Passes over the training rows."""
    max_steps: int | None = Field(default=None, gt=0)
    """Stop after this many optimiser steps; overrides ``epochs``."""
    batch_size: int = Field(default=32, gt=0)
    """Rows per optimiser step over all processes and pieces; on average, under a token budget."""
    batch_tokens: int | None = Field(default=None, gt=0)
    """Padded tokens per optimiser step; by default ``batch_size`` times the mean length."""
    gradient_accumulation_steps: int = Field(default=1, gt=0)
    """Pieces in which each process works through its share of a batch: less memory, the same result."""
    learning_rate: float = Field(default=5e-5, gt=0)
    lr_scheduler_type: Literal["linear", "cosine", "constant", "constant_with_warmup", "polynomial"] = (
        "linear"
    )
    warmup_ratio: float = Field(default=0.06, ge=0, le=1)
    """Share of the steps in which the learning rate rises from zero."""
    optimizer: Literal["adamw", "adam", "sgd"] = "adamw"
    momentum: float = Field(default=0.9, ge=0, lt=1)
    """Momentum of ``sgd``."""
    label_smoothing_factor: float = Field(default=0.0, ge=0, lt=1)
    """Share of each target spread evenly over all classes (Szegedy et al. 2016, arXiv:1512.00567); one class a row."""
    weight_decay: float = Field(default=0.01, ge=0)
    """Decoupled weight decay; norms and biases are spared."""
    max_grad_norm: float | None = Field(default=1.0, gt=0)
    """Clip the gradient's norm to this; null leaves it alone."""
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    seed: int = Field(default=0, ge=0, lt=2**32)
    freeze: Literal["none", "backbone"] | int = "none"
    """``backbone`` trains the head alone; a number freezes the embeddings and that many lowest layers."""
    unfreeze: UnfreezeSection | None = None
    """Afterwards train the whole model: ``{epochs: 2, learning_rate: 1e-4}``."""
    lora: LoraSection | None = None
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third more time."""
    compile: bool = False
    """``torch.compile`` the model: pays for itself in long runs only."""
    eval_steps: int | None = Field(default=None, gt=0)
    """Evaluate on validation every so many steps; by default once an epoch."""
    save_steps: int | None = Field(default=None, gt=0)
    """Keep a resumable checkpoint every so many steps; by default at each evaluation."""
    logging_steps: int = Field(default=10, gt=0)
    metric_for_best_model: str | None = None
    """Validation metric that picks the best checkpoint; by default the task's. Prefix ``-`` minimises.

    Of equal values the one with the lower validation loss counts as better.
    """
    early_stopping_patience: int | None = Field(default=None, gt=0)
    """Stop after this many evaluations without a better value."""
    report_to: list[str] = Field(default_factory=list)
    """Trackers, by Accelerate's names: tensorboard, trackio, wandb."""
    device: Literal["auto", "cpu"] = "auto"


class Recipe(Section):
    """Everything a run needs, and nothing else."""

    task: str
    """What to train, as a Hub pipeline tag: ``text-classification``."""
    model: ModelSection
    data: DataSection = NO_DATA
    """Needed by every task that learns from rows."""
    train: TrainSection = Field(default_factory=TrainSection)
    options: dict[str, Any] = Field(default_factory=dict)
    """The task's own settings, checked by the task's ``Options``."""
    name: str = ""
    """What run folders and cards call it; by default the bundled name, the file's stem or the task."""

    @field_validator("name")
    @classmethod
    def _stays_below_the_runs_folder(cls, name: str) -> str:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            raise ValueError("it must be a relative name, such as nlp/reviews")
        return name
