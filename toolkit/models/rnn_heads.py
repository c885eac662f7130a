"""Recurrent networks with a head: classifiers of texts, and language models that write on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from torch import Tensor, nn
from transformers import GenerationMixin
from transformers.loss.loss_utils import ForCausalLMLoss, ForSequenceClassificationLoss
from transformers.modeling_outputs import SequenceClassifierOutput
from transformers.utils.generic import ModelOutput

from toolkit.models.recurrence import State, pool
from toolkit.models.rnn import RecurrentConfig, RecurrentModel, RecurrentPreTrainedModel


class RecurrentForSequenceClassification(RecurrentPreTrainedModel):
    """A recurrent network and a linear classifier of what it made of the whole text."""

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__(config)
        self.recurrent = RecurrentModel(config)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.width, config.num_labels or 2)
        self.post_init()

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Logits (n, labels), and the loss when the labels are given.

        Args:
            input_ids: int64 (n, tokens).
            attention_mask: (n, tokens), 0 at padding.
            labels: (n,) class numbers, or what ``config.problem_type`` asks for.
            kwargs: for the loss.
        """
        read = self.recurrent.read(input_ids, attention_mask)
        pooled = pool(read.output, read.state, read.mask, self.config.pooling)
        logits = self.classifier(self.dropout(pooled))
        loss = (
            None if labels is None else ForSequenceClassificationLoss(labels, logits, self.config, **kwargs)
        )
        return SequenceClassifierOutput(loss=loss, logits=logits)


@dataclass
class RecurrentCausalLMOutput(ModelOutput):
    """Logits of the next token at every token, the loss where labels were given, and the state to go on from."""

    loss: Tensor | None = None
    logits: Tensor | None = None
    """(n, tokens, vocabulary)."""
    state: State | None = None


class RecurrentForCausalLM(RecurrentPreTrainedModel, GenerationMixin):
    """A recurrent language model (Mikolov et al. 2010): each token is predicted from the state after those before it.

    ``generate`` carries that state from step to step, so that a token costs the same however long the text is.
    """

    _is_stateful = True
    _tied_weights_keys: ClassVar[Any] = {"lm_head.weight": "recurrent.embeddings.weight"}

    def __init__(self, config: RecurrentConfig) -> None:
        """Build it.

        Raises:
            ValueError: the network reads backwards too, or the tied weights have two sizes.
        """
        super().__init__(config)
        if config.bidirectional:
            raise ValueError("a language model reads forwards only: set bidirectional to false")
        if config.tie_word_embeddings and config.embedding_size != config.hidden_size:
            raise ValueError(
                f"tie_word_embeddings needs one size, and embedding_size is {config.embedding_size}, "
                f"hidden_size {config.hidden_size}"
            )
        self.recurrent = RecurrentModel(config)
        self.dropout = nn.Dropout(config.dropout)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size)
        self.post_init()

    def get_output_embeddings(self) -> nn.Module:
        """What turns features into logits of the vocabulary."""
        return self.lm_head

    def set_output_embeddings(self, new_embeddings: nn.Module) -> None:
        """Put another one in its place."""
        self.lm_head = new_embeddings

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        labels: Tensor | None = None,
        state: State | None = None,
        **kwargs: Any,
    ) -> RecurrentCausalLMOutput:
        """Logits of each next token, the state after the last one, and the loss when the labels are given.

        Args:
            input_ids: int64 (n, tokens).
            attention_mask: (n, tokens), 0 at padding, on either side.
            labels: the tokens themselves, (n, tokens), -100 where none counts; they are shifted here.
            state: what an earlier call gave for the tokens before these.
            kwargs: for the loss; what only other architectures use is ignored.
        """
        read = self.recurrent.read(input_ids, attention_mask, state)
        logits = self.lm_head(self.dropout(read.output))
        count = kwargs.get("num_items_in_batch")
        loss = (
            None
            if labels is None
            else ForCausalLMLoss(logits, labels, self.config.vocab_size, num_items_in_batch=count)
        )
        return RecurrentCausalLMOutput(loss=loss, logits=logits, state=read.state)

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:
        return False  # the state is no cache of keys and values, and does not grow

    def prepare_inputs_for_generation(  # pyright: ignore[reportIncompatibleMethodOverride]  (called by name)
        self,
        input_ids: Tensor,
        state: State | None = None,
        attention_mask: Tensor | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The prompt at first; afterwards the newest token, which is never padding, and the state before it."""
        if state is None:
            return {"input_ids": input_ids, "attention_mask": attention_mask}
        return {"input_ids": input_ids[:, -1:], "state": state}

    def _update_model_kwargs_for_generation(
        self, outputs: ModelOutput, model_kwargs: dict[str, Any], *more: Any, **options: Any
    ) -> dict[str, Any]:
        updated = super()._update_model_kwargs_for_generation(outputs, model_kwargs, *more, **options)
        if model_kwargs.get("use_cache", True):
            updated["state"] = outputs["state"]
        return updated
