"""What goes into a model and what comes out, in the toolkit's own words; ``demo/`` turns them into components."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar


@dataclass(frozen=True)
class Text:
    """A piece of text, as input or output."""

    name: str = "text"
    lines: int = 4
    noun: ClassVar[str] = "text"
    pair: str = ""
    """The role of a second text where rows may have one: an input of such rows is a :class:`Pair`."""


@dataclass(frozen=True)
class Pair:
    """Two texts that are read together, as input: ``{"text": …, "text_pair": …}``."""

    name: str = "text"
    roles: tuple[str, ...] = ("text", "text_pair")
    noun: ClassVar[str] = "pair"


@dataclass(frozen=True)
class Prompt:
    """What to write after, as input: a text, or a conversation that ends with a question."""

    name: str = "prompt"
    noun: ClassVar[str] = "prompt"


@dataclass(frozen=True)
class Sentence:
    """A text that is tagged word by word, as input: itself, or the list of its words."""

    name: str = "text"
    lines: int = 4
    noun: ClassVar[str] = "text"


@dataclass(frozen=True)
class Question:
    """A question with the text that may answer it, as input: ``{"question": …, "context": …}``."""

    name: str = "question"
    roles: tuple[str, ...] = ("question", "context")
    noun: ClassVar[str] = "question"


@dataclass(frozen=True)
class Sentences:
    """A sentence and those to compare it with, as input: ``{"source_sentence": "…", "sentences": ["…", …]}``."""

    name: str = "sentences"
    noun: ClassVar[str] = "sentences"


@dataclass(frozen=True)
class Image:
    """A picture, as input: a path, encoded bytes, a Pillow image or a uint8 array."""

    name: str = "image"
    noun: ClassVar[str] = "picture"


@dataclass(frozen=True)
class Environment:
    """An episode in the artifact's environment, as input: the seed it begins from."""

    name: str = "episode"
    noun: ClassVar[str] = "episode"


@dataclass(frozen=True)
class Labels:
    """One or several named classes with probabilities, or one number (regression)."""

    name: str = "label"


@dataclass(frozen=True)
class Tags:
    """A tag for each word of a text, and the entities that they mark, if they mark any."""

    name: str = "tags"


@dataclass(frozen=True)
class Similarities:
    """How near each of several sentences is in meaning, -1 to 1."""

    name: str = "similarities"


@dataclass(frozen=True)
class Boxes:
    """Objects of a picture: each a named class, a score and a box."""

    name: str = "objects"


@dataclass(frozen=True)
class Mask:
    """A named class for every pixel of a picture."""

    name: str = "mask"


@dataclass(frozen=True)
class Span:
    """A part of the text that was given, or that none of it answers."""

    name: str = "answer"


@dataclass(frozen=True)
class Replay:
    """An episode as it went: its return, its length, and pictures of every step."""

    name: str = "replay"


Asked = Text | Pair | Prompt | Sentence | Question | Sentences | Image | Environment
Kind = Text | Labels | Tags | Span | Similarities | Boxes | Mask | Replay


@dataclass(frozen=True)
class Signature:
    """The input and the output of a task, each one kind."""

    input: Asked
    output: Kind

    def of(self, columns: Container[str]) -> Signature:
        """What it is for rows that play these roles: a text may be one of a pair."""
        asked = self.input
        if isinstance(asked, Text) and asked.pair in columns:
            return replace(self, input=Pair(asked.name, (asked.name, asked.pair)))
        return self


def roles_in(asked: Asked) -> tuple[str, ...]:
    """The roles of a row that make up one input: several ones are a dict by role."""
    return asked.roles if isinstance(asked, Question | Pair) else (asked.name,)


def joined(roles: Sequence[str], columns: Sequence[Sequence[Any]]) -> Sequence[Any]:
    """Inputs from the cells of each role: the cells themselves, or of several roles a dict for each row."""
    if len(roles) == 1:
        return columns[0]
    return [dict(zip(roles, cells, strict=True)) for cells in zip(*columns, strict=True)]
