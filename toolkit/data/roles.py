"""What a task needs from a row, in the task's words; columns are mapped onto it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "messages", "image", "label", "number", "mask", "boxes"]
BoxFormat = Literal["xywh", "xyxy"]
"""What four numbers of a box mean: left, top, width and height as in COCO, or left, top, right and bottom."""

ROW = "row"
"""Column of the loaded rows that holds the 1-based row number in the source."""


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
    box_format: BoxFormat = "xywh"
    """Of boxes: what their numbers mean where the source does not say it."""

    @property
    def is_label(self) -> bool:
        """Whether this role is what the model learns to predict."""
        return self.kind in {"label", "number"}

    @property
    def is_content(self) -> bool:
        """Whether this role is what the model reads."""
        return self.kind in {"text", "messages", "image"}
