"""What the tasks that turn one text into another share: their options, and what sets one apart from the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from toolkit.recipe.schema import TaskOptions

if TYPE_CHECKING:
    from toolkit.data.roles import Role
    from toolkit.metrics.generation import Compare


class Seq2SeqOptions(TaskOptions):
    """What only models that write a text ask."""

    max_source_length: int = Field(default=256, gt=1)
    """Tokens a source is cut to; what is cut is counted in the truncation ledger."""
    max_target_length: int = Field(default=128, gt=1)
    """Tokens a target is cut to, and the most that are written."""
    num_beams: int = Field(default=4, gt=0)
    """Candidates that the search keeps at each token; 1 takes the likeliest token each time."""
    length_penalty: float | None = None
    """Power of its length that a candidate's log-probability is divided by; by default the model's own."""
    no_repeat_ngram_size: int | None = Field(default=None, ge=0)
    """Runs of so many tokens are written once only, 0 for any number; by default the model's own."""
    source_prefix: str = ""
    """Put before every source, as T5 wants it: ``summarize: ``."""
    source_lang: str = ""
    """Code of the language that is read, which multilingual models must be told; also finds its column."""
    target_lang: str = ""
    """Code of the language that is written."""
    predict_with_generate: int = Field(default=0, ge=0)
    """Validation rows that each evaluation writes texts for, to choose the best weights by them; 0 chooses by loss."""
    vocab_size: int = Field(default=8000, ge=300)
    """Of a model with new weights: the most tokens of its vocabulary, which is learnt from the training rows."""
    lowercase: bool = False
    """Of a model with new weights: it reads and writes small letters only, so that words are fewer."""


@dataclass(frozen=True)
class Writing:
    """A task that turns one text into another."""

    roles: Sequence[Role]
    """The text that is read, then the one that is written."""
    written: str
    """What a written text is called in a prediction."""
    compare: Compare
    """Predictions against references."""
    metric: str
    """The one of its metrics that is quoted, and by which the best weights are chosen when texts are written."""
    metrics: tuple[str, ...]
    """All that ``compare`` gives."""

    @property
    def source(self) -> str:
        """The role of the text that is read."""
        return self.roles[0].name

    @property
    def target(self) -> str:
        """The role of the text that is written."""
        return self.roles[1].name
