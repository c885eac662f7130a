"""Predictions as rows of a table: which columns each kind of output takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from toolkit.tasks.protocol import Prediction
from toolkit.tasks.signature import Boxes, Kind, Labels, Mask, Similarities, Span, Tags, Text

SHOWN_PROBABILITIES = 20
"""More labels than this would give a csv too wide to read; the best one and its score stay."""

BOX = ["predicted_label", "predicted_score", "x_min", "y_min", "x_max", "y_max"]

Flatten = Callable[[Prediction], list[dict[str, Any]]]
"""From a prediction to its rows, each from column to cell."""


@dataclass(frozen=True)
class Rows:
    """How a kind is laid out in a table, and what to tell of that where ``{noun}`` stands for an input."""

    of: Flatten
    told: str


def in_one_row(prediction: Prediction) -> list[dict[str, Any]]:
    """The label, its score, and a probability for each label while they are few."""
    flat: dict[str, Any] = {"predicted_label": prediction["label"]}
    if "score" in prediction:
        flat["predicted_score"] = round(prediction["score"], 4)
    scores = prediction.get("scores", {})
    if len(scores) <= SHOWN_PROBABILITIES:
        flat |= {f"probability_{label}": round(score, 4) for label, score in scores.items()}
    return [flat]


def text_in_one_row(prediction: Prediction) -> list[dict[str, Any]]:
    """The text that was written, and its score."""
    score = {"predicted_score": round(prediction["score"], 4)} if "score" in prediction else {}
    return [{"predicted_text": prediction["label"], **score}]


def row_per_sentence(prediction: Prediction) -> list[dict[str, Any]]:
    """Each sentence that was compared, with its similarity."""
    return [
        {"sentence": sentence, "similarity": round(value, 4)}
        for sentence, value in prediction["scores"].items()
    ]


def row_per_box(prediction: Prediction) -> list[dict[str, Any]]:
    """Label, score and corners of each box; one row of empty cells where there is none."""
    rows = [
        [box["label"], round(box["score"], 4), *(round(value, 1) for value in box["box"])]
        for box in prediction["boxes"]
    ]
    return [dict(zip(BOX, row, strict=True)) for row in rows or [[""] * len(BOX)]]


def row_of_shares(prediction: Prediction) -> list[dict[str, Any]]:
    """The label, and what share of the pixels is of each class."""
    shares = {f"share_{name}": round(share, 4) for name, share in prediction["shares"].items()}
    return [{"predicted_label": prediction["label"], **shares}]


def row_of_tags(prediction: Prediction) -> list[dict[str, Any]]:
    """Words and tags with spaces between them, one tag for each word; and the entities where tags mark some."""
    row = {
        "predicted_label": prediction["label"],
        "predicted_words": " ".join("_".join(word.split()) for word in prediction["words"]),
        "predicted_tags": " ".join(tag or "?" for tag in prediction["tags"]),
    }
    if "entities" in prediction:
        row["predicted_entities"] = "; ".join(
            f"{one['text']} ({one['label']})" for one in prediction["entities"]
        )
    return [row]


def row_of_answer(prediction: Prediction) -> list[dict[str, Any]]:
    """The answer and where it is in the text; empty cells where there is none."""
    found = bool(prediction["answer"])
    return [
        {
            "predicted_answer": prediction["answer"],
            "predicted_score": round(prediction["score"], 4),
            "answer_start": prediction["start"] if found else "",
            "answer_end": prediction["end"] if found else "",
        }
    ]


ROWS: dict[type[Kind], Rows] = {
    Text: Rows(text_in_one_row, "one row for each {noun}, with what the model wrote and its score"),
    Labels: Rows(in_one_row, "one row for each {noun}, with its label, score and probabilities"),
    Tags: Rows(row_of_tags, "one row for each {noun}, with its words and a tag for each of them"),
    Span: Rows(
        row_of_answer, "one row for each {noun}, with the answer, its score and its place in the text"
    ),
    Similarities: Rows(row_per_sentence, "one row for each sentence that was compared, with its similarity"),
    Boxes: Rows(
        row_per_box,
        "one row for each box, with its label, score and corners in pixels; a {noun} in which nothing was found "
        "has one row with empty cells",
    ),
    Mask: Rows(row_of_shares, "one row for each {noun}, with the share of its pixels that every class takes"),
}
