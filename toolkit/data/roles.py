"""What a task needs from a row, in the task's words; columns are mapped onto it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "text",
    "target",
    "messages",
    "words",
    "answers",
    "start",
    "image",
    "label",
    "number",
    "mask",
    "boxes",
    "tags",
]
"""What cells hold; a ``target`` is a text that the model learns to write, as a ``text`` is one that it reads."""
BoxFormat = Literal["xywh", "xyxy"]
"""What four numbers of a box mean: left, top, width and height as in COCO, or left, top, right and bottom."""
Scheme = Literal["plain", "IOB2", "IOBES", "BILOU"]
"""What tags say: of each word by itself (``plain``), or where entities begin and end, by seqeval's names."""

ROW = "row"
"""Column of the loaded rows that holds the 1-based row number in the source."""


@dataclass(frozen=True)
class Tagging:
    """How tags are read: their scheme, and whether those out of its order (I-X after O) are repaired or refused."""

    scheme: Literal["auto"] | Scheme = "auto"
    bio: Literal["repair", "refuse"] = "repair"


@dataclass(frozen=True)
class Role:
    """One part of a row that a task uses.

    ``kind`` is what its cells hold; ``guesses`` are column names that are taken for it, best first.
    """

    name: str
    kind: Kind
    guesses: tuple[str, ...] = ()
    optional: bool = False
    form: str = ""
    """Roles of one form make up a row together; of several forms the first one whose columns are all there is used.

    A role of a form may be optional; it is looked for where the recipe names no column of that form.
    """
    by_content: bool = True
    """Whether a column may be taken for it because of what it holds, where none is called so."""
    box_format: BoxFormat = "xywh"
    """Of boxes: what their numbers mean where the source does not say it."""
    tagging: Tagging = Tagging()
    """Of tags: how they are read."""
    within: str = ""
    """Of answers: the role of the text that they are parts of."""
    may_be_empty: bool = False
    """Of answers: whether a row may say that there is none."""

    @property
    def is_label(self) -> bool:
        """Whether this role is what the model learns to predict."""
        return self.kind in {"label", "number"}

    @property
    def is_content(self) -> bool:
        """Whether this role is what the model reads."""
        return self.kind in {"text", "messages", "words", "image"}
