"""Recurrent networks over token embeddings: plain (Elman), LSTM and GRU cells, in layers, in one or both directions."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from transformers import PreTrainedConfig, PreTrainedModel, initialization
from transformers.modeling_outputs import BaseModelOutput

from toolkit.models.check import count, flag, one_of, refuse, share
from toolkit.models.layers import initialise
from toolkit.models.recurrence import CELLS, POOLINGS, State, initialise_recurrence, run_layers
from toolkit.models.recurrence_export import run_padded


class RecurrentConfig(PreTrainedConfig):
    """Shape of a recurrent network.

    Raises:
        ValueError: names every value that cannot be, and what can.
    """

    model_type = "toolkit-recurrent"

    vocab_size: int = 10_000
    cell: str = "lstm"
    """rnn (Elman 1990), lstm (Hochreiter & Schmidhuber 1997) or gru (Cho et al. 2014)."""
    embedding_size: int = 128
    hidden_size: int = 128
    """Units of a layer, in each direction."""
    num_hidden_layers: int = 1
    bidirectional: bool = False
    """Read each text in both directions (Schuster & Paliwal 1997)."""
    pooling: str = "last"
    """What of the top layer a classifier reads: the last state, or the mean or max over all tokens."""
    dropout: float = 0.0
    """Share of the features dropped in training: of the embeddings, between layers, and before the head."""
    word_dropout: float = 0.0
    """Share of the words that are made unknown in training, each time others (Iyyer et al. 2015)."""
    tie_word_embeddings: bool = False
    """A language model's output shares its weights with the embeddings (Press & Wolf 2017)."""
    pad_token_id: int | None = 0
    unk_token_id: int = 1

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse wrong values, all together, and take the rest as transformers does."""
        sizes = ("vocab_size", "embedding_size", "hidden_size", "num_hidden_layers")
        refuse(
            "RecurrentConfig",
            *(count(name, getattr(self, name)) for name in sizes),
            one_of("cell", self.cell, CELLS),
            flag("bidirectional", self.bidirectional),
            one_of("pooling", self.pooling, POOLINGS),
            share("dropout", self.dropout),
            share("word_dropout", self.word_dropout),
            flag("tie_word_embeddings", self.tie_word_embeddings),
        )
        super().__post_init__(**kwargs)

    @property
    def width(self) -> int:
        """Features of a token above the top layer."""
        return self.hidden_size * (2 if self.bidirectional else 1)


class RecurrentPreTrainedModel(PreTrainedModel):
    """What the network and its heads share: how they are saved, loaded and initialised."""

    config: RecurrentConfig
    config_class = RecurrentConfig
    base_model_prefix = "recurrent"

    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, nn.RNNBase):
            initialise_recurrence(module)
        elif isinstance(module, nn.Embedding):
            # As spread as the rows of a linear layer's input should be; wider ones drown what the cells add.
            initialization.normal_(module.weight, std=0.1)
        elif not initialise(module, "xavier"):
            super()._init_weights(module)


class Read(NamedTuple):
    """What the network made of a batch of texts."""

    output: Tensor
    """Top layer at every token, (n, tokens, width); zero at padding."""
    state: State
    """Of each layer after the last real token: what a further token is read with."""
    mask: Tensor | None
    """Bool (n, tokens), false at padding; None where there is none."""


class RecurrentModel(RecurrentPreTrainedModel):
    """Embeddings and the recurrent layers above them."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.embeddings = nn.Embedding(
            config.vocab_size, config.embedding_size, padding_idx=config.pad_token_id
        )
        cell = CELLS[config.cell]
        inputs = [config.embedding_size] + [config.width] * (config.num_hidden_layers - 1)
        shape: dict[str, Any] = {"batch_first": True, "bidirectional": config.bidirectional}
        self.layers = nn.ModuleList(cell(size, config.hidden_size, **shape) for size in inputs)
        self.dropout = nn.Dropout(config.dropout)
        self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The table of word vectors."""
        return self.embeddings

    def set_input_embeddings(self, value: nn.Module) -> None:
        """Put another table in its place."""
        self.embeddings = value

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, **kwargs: Any
    ) -> BaseModelOutput:
        """The top layer at every token, (n, tokens, width)."""
        return BaseModelOutput(
            last_hidden_state=self.read(input_ids, attention_mask).output  # pyright: ignore[reportArgumentType]
        )

    def read(
        self, input_ids: Tensor, attention_mask: Tensor | None = None, state: State | None = None
    ) -> Read:
        """Read texts, or go on reading them.

        Args:
            input_ids: int64 (n, tokens).
            attention_mask: (n, tokens), 0 at padding, on whichever side of a text; a text has one real token at least.
            state: what :class:`Read` gave for the tokens before; by default zeros.
        """
        embedded = self.dropout(self.embeddings(self._drop_words(input_ids)))
        if torch.compiler.is_exporting():
            mask = torch.ones_like(input_ids).bool() if attention_mask is None else attention_mask.bool()
            return Read(*run_padded(self.layers, embedded, mask, self.dropout), mask)
        mask = None if attention_mask is None or bool(attention_mask.all()) else attention_mask.bool()
        output, after = run_layers(self.layers, embedded, mask, state, self.dropout)
        return Read(output, after, mask)

    def _drop_words(self, input_ids: Tensor) -> Tensor:
        if not (self.training and self.config.word_dropout):
            return input_ids
        dropped = torch.rand(input_ids.shape, device=input_ids.device) < self.config.word_dropout
        return input_ids.masked_fill(dropped, self.config.unk_token_id)
