"""Any encoder of texts, its tokens pooled to one vector, and a linear classifier of that."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedConfig, PreTrainedModel
from transformers.loss.loss_utils import ForSequenceClassificationLoss
from transformers.modeling_outputs import SequenceClassifierOutput

from toolkit.models.check import flag, one_of, refuse
from toolkit.models.pooling import POOLINGS, Pooling, pooled


class PooledConfig(PreTrainedConfig):
    """An encoder's configuration, and how its tokens are pooled.

    Raises:
        ValueError: names every value that cannot be, and what can.
    """

    model_type = "toolkit-pooled"

    encoder: dict[str, Any] | PreTrainedConfig | None = None
    """Of any class that ``AutoModel`` opens; by default BERT's."""
    pooling: Pooling = "mean"
    """mean, cls (the first token) or max."""
    normalize: bool = True
    """Whether vectors get length 1."""

    def __post_init__(self, **kwargs: Any) -> None:
        """Refuse wrong values, all together, and make a configuration of the encoder's values."""
        refuse("PooledConfig", one_of("pooling", self.pooling, POOLINGS), flag("normalize", self.normalize))
        if not isinstance(self.encoder, PreTrainedConfig):
            given = dict(self.encoder or {})
            self.encoder = AutoConfig.for_model(given.pop("model_type", "bert"), **given)
        super().__post_init__(**kwargs)

    @property
    def hidden_size(self) -> int:
        """Units of a vector."""
        return self.encoder.hidden_size  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]

    @property
    def max_position_embeddings(self) -> int | None:
        """Tokens that the encoder's positions can tell apart; None where there is no limit."""
        return getattr(self.encoder, "max_position_embeddings", None)


class PooledForSequenceClassification(PreTrainedModel):
    """A linear classifier of an encoder's pooled tokens."""

    config: PooledConfig
    config_class = PooledConfig
    base_model_prefix = "encoder"
    supports_gradient_checkpointing = True
    _supports_sdpa = True

    def __init__(self, config: PooledConfig, encoder: PreTrainedModel | None = None) -> None:
        """Around ``encoder``, or a new one of the configuration's."""
        super().__init__(config)
        self.encoder = AutoModel.from_config(config.encoder) if encoder is None else encoder
        self.classifier = nn.Linear(config.hidden_size, config.num_labels or 2)
        if encoder is None:
            self.post_init()

    def get_input_embeddings(self) -> nn.Module:
        """The encoder's table of tokens."""
        return self.encoder.get_input_embeddings()

    def vectors(self, attention_mask: Tensor, **inputs: Any) -> Tensor:
        """The pooled tokens of each text, float32 (texts, units)."""
        states = self.encoder(attention_mask=attention_mask, **inputs).last_hidden_state
        return pooled(states, attention_mask, self.config.pooling, self.config.normalize)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None, **inputs: Any
    ) -> SequenceClassifierOutput:
        """Logits (texts, labels), the vectors they are of, and the loss when the labels are given.

        Args:
            input_ids: (texts, tokens).
            attention_mask: (texts, tokens), 0 at padding.
            labels: (texts,) class numbers, or what ``config.problem_type`` asks for.
            inputs: what else the encoder takes.
        """
        vectors = self.vectors(attention_mask, input_ids=input_ids, **inputs)
        logits = self.classifier(vectors.to(self.classifier.weight.dtype))
        loss = None if labels is None else ForSequenceClassificationLoss(labels, logits, self.config)
        return SequenceClassifierOutput(loss=loss, logits=logits, hidden_states=(vectors,))
